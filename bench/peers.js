/** Installs what ours is compared with, where it is missing; what cannot be had is skipped, and said so. */
import { spawnSync } from 'node:child_process'

const INSTALL_MS = 600_000

/** Whether a program is there, after installing its Debian package if it has to be. */
export function hasProgram (program, debianPackage) {
  if (runs(program, '-v')) return true
  console.error(`installing ${debianPackage} …`)
  install('apt-get', 'install', '-y', '--no-install-recommends', debianPackage)
  return runs(program, '-v') || skip(`no ${program}: apt-get install ${debianPackage} failed`)
}

/** Whether Python has these modules, after installing the packages of the same names if it has to. */
export function hasModules (...names) {
  if (imports(names)) return true
  console.error(`installing ${names.join(', ')} …`)
  install('python3', '-m', 'pip', 'install', '--quiet', ...names)
  return imports(names) || skip(`no Python modules ${names.join(', ')}: pip install failed`)
}

function runs (command, ...args) {
  return spawnSync(command, args, { stdio: 'ignore' }).error === undefined
}

function imports (names) {
  const find = 'import sys; from importlib.util import find_spec; sys.exit(not all(map(find_spec, sys.argv[1:])))'
  return spawnSync('python3', ['-c', find, ...names], { stdio: 'ignore' }).status === 0
}

function install (command, ...args) {
  spawnSync(command, args, { stdio: ['ignore', 'ignore', 'inherit'], timeout: INSTALL_MS, env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' } })
}

function skip (reason) {
  console.error(`\nSKIPPED: ${reason}\n`)
  return false
}
