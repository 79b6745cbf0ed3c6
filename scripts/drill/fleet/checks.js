/** Prints checks as they pass or fail, and counts them. */
export function createChecks () {
  let [passed, failed] = [0, 0]
  return {
    check (name, holds, detail = '') {
      holds ? passed++ : failed++
      console.log(`${holds ? 'passed  ' : 'FAILED  '} ${name}${detail && `: ${detail}`}`)
    },
    /** Prints the counts, and sets the exit code. */
    finish () {
      console.log(`${passed} passed, ${failed} failed, 0 skipped`)
      process.exitCode = failed > 0 ? 1 : 0
    }
  }
}
