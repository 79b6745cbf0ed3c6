import { execFile } from 'node:child_process'
import { createHash } from 'node:crypto'
import { readFile, readdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import t from 'tap'
import { FileCache } from '../src/acquire/cache.ts'
import { ArtifactStore } from '../src/artifact/store.ts'
import { computeMap } from '../src/map/compute-map.ts'
import { encodeMap } from '../src/map/map-source.ts'
import { prepared } from './fixtures/prepared.ts'

const program = fileURLToPath(new URL('../src/verify.js', import.meta.url))

function verify (dataFolder: string): Promise<{ code: number, lines: string[] }> {
  return new Promise(resolve => {
    const env = { ...process.env, DATA_DIR: dataFolder }
    execFile(process.execPath, [...process.execArgv, program], { env }, (error, stdout) => {
      resolve({ code: Number(error?.code ?? 0), lines: stdout.trim().split('\n') })
    })
  })
}

t.test('every cached file and artifact is verified, and damaged ones are quarantined', async t => {
  const dataFolder = t.testdir()
  const contents = [Buffer.from('one'), Buffer.from('two')]
  const names = contents.map(content => createHash('sha256').update(content).digest('hex'))
  for (const [i, content] of contents.entries()) await new FileCache(dataFolder).write(names[i]!, 'a file', content)
  const dataset = prepared({ train: 5, val: 2, test: 3 })
  await new ArtifactStore(dataFolder, 4).write(dataset)
  await new ArtifactStore(dataFolder, 4).write({ ...dataset, version: 'fedcba9876543210' })

  const sorted = [...names].sort()
  t.same(await verify(dataFolder), {
    code: 0,
    lines: [
      ...sorted.map(name => `intact   files/${name}`),
      'intact   prepared/0123456789abcdef',
      'intact   prepared/fedcba9876543210',
      `4 intact, 0 damaged in ${dataFolder}`
    ]
  })

  await writeFile(join(dataFolder, 'files', names[0]!), 'ane')
  const data = join(dataFolder, 'prepared', '0123456789abcdef.bin')
  const damaged = await readFile(data)
  damaged[7]! ^= 1
  await writeFile(data, damaged)
  const { code, lines } = await verify(dataFolder)
  t.equal(code, 1)
  t.match(lines.filter(line => line.startsWith('DAMAGED')), [
    `DAMAGED  files/${names[0]}: has SHA-256 ${createHash('sha256').update('ane').digest('hex')}; quarantined`,
    'DAMAGED  prepared/0123456789abcdef: the array meanImage is damaged; quarantined'
  ])
  t.equal(lines.at(-1), `2 intact, 2 damaged in ${dataFolder}`)
  const quarantined = ['0123456789abcdef.bin', '0123456789abcdef.json', names[0]].sort()
  t.same((await readdir(join(dataFolder, 'corrupt'))).sort(), quarantined)
  t.equal((await verify(dataFolder)).code, 0)
})

t.test('files with bytes missing or added at the end are damaged', async t => {
  for (const change of [(bytes: Buffer) => bytes.subarray(0, -1), (bytes: Buffer) => Buffer.concat([bytes, bytes])]) {
    const dataFolder = t.testdir()
    const content = Buffer.from('one')
    const name = createHash('sha256').update(content).digest('hex')
    await new FileCache(dataFolder).write(name, 'a file', content)
    const dataset = prepared({ train: 5, val: 2, test: 3 })
    const versions = ['0123456789abcdef', 'fedcba9876543210']
    for (const version of versions) await new ArtifactStore(dataFolder, 4).write({ ...dataset, version })
    const paths = [`files/${name}`, `prepared/${versions[0]}.bin`, `prepared/${versions[1]}.json`]
    for (const path of paths) await writeFile(join(dataFolder, path), change(await readFile(join(dataFolder, path))))
    const { code, lines } = await verify(dataFolder)
    t.equal(code, 1)
    t.equal(lines.at(-1), `0 intact, 3 damaged in ${dataFolder}`)
  }
})

t.test('maps are verified as well', async t => {
  const dataFolder = t.testdir()
  const store = new ArtifactStore(dataFolder, 4)
  const file = encodeMap(computeMap(prepared({ train: 3, val: 0, test: 1 })))
  await store.writeMap('0123456789abcdef', file)
  await store.writeMap('fedcba9876543210', file.subarray(0, -1))
  t.same(await verify(dataFolder), {
    code: 1,
    lines: [
      'intact   prepared/0123456789abcdef.map',
      'DAMAGED  prepared/fedcba9876543210.map: the map is damaged; quarantined',
      `1 intact, 1 damaged in ${dataFolder}`
    ]
  })
  t.same(await readdir(join(dataFolder, 'corrupt')), ['fedcba9876543210.map'])
})

t.test('a missing folder contains nothing damaged', async t => {
  const dataFolder = join(t.testdir(), 'none')
  t.same(await verify(dataFolder), { code: 0, lines: [`0 intact, 0 damaged in ${dataFolder}`] })
})
