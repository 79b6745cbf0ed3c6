import { spawnSync } from 'node:child_process'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { pythonLacks } from './python.js'

const root = fileURLToPath(new URL('../..', import.meta.url))
const TIMEOUT_MS = 120_000

/** A fenced code block on the lines after `<!-- run -->`. */
const SNIPPET = /^<!-- run -->\n\n?```(\w*)\n([^]*?)^```$/gm

const commands = {
  python: ['python3', '-'],
  js: [process.execPath, '--input-type=module'],
  sh: ['bash', '-e', '-o', 'pipefail']
}

/**
 * Runs the snippets of a README against a server.
 *
 * @param {string} base address of the server, in place of the README's http://127.0.0.1:8080
 * @param {string} [file] path of the README
 * @returns {Promise<Array<{ name: string, failed?: string, skipped?: string }>>}
 */
export async function runSnippets (base, file = join(root, 'README.md')) {
  const text = await readFile(file, 'utf8').catch(() => '')
  const snippets = Array.from(text.matchAll(SNIPPET), ({ 1: language, 2: source, index }) => {
    const line = text.slice(0, index).split('\n').length
    return { name: `README.md:${line} (${language})`, language, source: source.replaceAll('http://127.0.0.1:8080', base) }
  })
  if (snippets.length !== (text.match(/<!-- run -->/g) ?? []).length) {
    return [{ name: 'README.md', failed: 'README.md has a <!-- run --> that no fenced code block follows' }]
  }
  if (snippets.length === 0) return [{ name: 'README.md', failed: 'README.md has no runnable snippet' }]

  // One folder for all, since a snippet may read what the one before it saved.
  const scratch = await mkdtemp(join(tmpdir(), 'readme-'))
  try {
    // Else curl takes a 404 for a success.
    await writeFile(join(scratch, '.curlrc'), 'fail\n')
    return snippets.map(snippet => {
      console.log(`\n--- ${snippet.name}`)
      const result = { name: snippet.name, ...runSnippet(snippet, scratch) }
      if (result.skipped) console.log(`SKIPPED ${result.name}: ${result.skipped}`)
      return result
    })
  } finally {
    await rm(scratch, { recursive: true })
  }
}

function runSnippet ({ language, source }, scratch) {
  if (!(language in commands)) return { failed: `there is nothing to run ${language || 'plain text'} with` }
  if (language === 'python') {
    const skipped = pythonLacks(source)
    if (skipped) return { skipped }
  }
  if (language === 'sh' && !onlyCurl(source)) return { failed: 'only lines of curl are run' }

  const [command, ...parameters] = commands[language]
  const { error, status, signal } = spawnSync(command, parameters, {
    input: source,
    // JavaScript finds its packages from the folder it runs in.
    cwd: language === 'js' ? root : scratch,
    env: { ...process.env, CURL_HOME: scratch },
    stdio: ['pipe', 'inherit', 'inherit'],
    timeout: TIMEOUT_MS
  })
  if (error?.code === 'ENOENT') return { skipped: `no ${command}` }
  if (error) return { failed: error.message }
  return status === 0 ? {} : { failed: `ended with ${signal ?? `exit code ${status}`}` }
}

/** Whether each command begins with curl; a backslash at the end of a line continues it. */
function onlyCurl (source) {
  return source.replaceAll('\\\n', ' ').split('\n').every(line => /^(\s*(#.*)?|curl .*)$/.test(line))
}
