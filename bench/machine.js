/** What the figures were taken with. */
import { spawnSync } from 'node:child_process'
import { arch, availableParallelism, cpus, release, totalmem, type } from 'node:os'

const pythonVersions = `
import platform
from importlib.metadata import PackageNotFoundError, version
print('python', platform.python_version())
for name in ('numpy', 'fastapi', 'uvicorn', 'uvloop', 'httptools', 'orjson', 'torch', 'torchvision'):
    try:
        print(name, version(name))
    except PackageNotFoundError:
        pass
`

export function machine () {
  return {
    cpu: `${availableParallelism()} × ${cpus()[0]?.model ?? arch()}`,
    memory: `${Math.round(totalmem() / 2 ** 30)} GiB`,
    system: `${type()} ${release()}`,
    node: process.version.slice(1),
    nginx: output('nginx', '-v').split('/').at(-1),
    wrk: /wrk ([^ ]+)/.exec(output('wrk', '-v'))?.[1] ?? 'none',
    ...Object.fromEntries(output('python3', '-c', pythonVersions).split('\n').filter(Boolean).map(line => line.split(' ')))
  }
}

/** Both streams, since some programs tell their version on standard error. */
function output (command, ...args) {
  const { stdout, stderr } = spawnSync(command, args, { encoding: 'utf8' })
  return `${stdout ?? ''}${stderr ?? ''}`.trim() || 'none'
}
