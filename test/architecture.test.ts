/** Holds the direction of dependencies: the tree is the data flow, and only few files know a library. */
import { readdirSync, readFileSync } from 'node:fs'
import { dirname, posix } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import t from 'tap'
import ts from 'typescript'

const root = fileURLToPath(new URL('../src', import.meta.url))

interface SourceFile {
  readonly path: string
  readonly text: string
  /** Files of src that it imports, types and dynamic imports included. */
  readonly files: string[]
  /** Names of packages that it imports, `node:` modules left out. */
  readonly packages: string[]
}

const sources = readdirSync(root, { recursive: true, encoding: 'utf8' })
  .filter(path => path.endsWith('.ts'))
  .map((path): SourceFile => {
    const text = readFileSync(`${root}/${path}`, 'utf8')
    const specifiers = ts.preProcessFile(text, true, true).importedFiles.map(({ fileName }) => fileName)
    return {
      path,
      text,
      files: specifiers.filter(name => name.startsWith('.')).map(name => posix.join(dirname(path), name)),
      packages: specifiers.filter(name => !name.startsWith('.') && !name.startsWith('node:')).map(packageName)
    }
  })
const source = (path: string): SourceFile => sources.find(source => source.path === path)!

function packageName (specifier: string): string {
  return specifier.split('/').slice(0, specifier.startsWith('@') ? 2 : 1).join('/')
}

const leaves = ['dataset.ts', 'errors.ts', 'allowed.ts', 'mix.ts', 'sha256.ts', 'pool.ts', 'turn.ts']
const stages = ['acquire/', 'decode/', 'split/', 'prepare/', 'augment/']
/** Those that make batches, and bytes of them. */
const batchStages = ['store/', 'encode/']

/** What the files below a path may import of src: files, or folders that end in a slash. The first path that fits counts. */
const mayImport: Array<[path: string, allowed: string[]]> = [
  ['batch.ts', ['dataset.ts']],
  ...leaves.map((leaf): [string, string[]] => [leaf, []]),
  ['disk/', ['disk/', 'errors.ts']],
  ['gzip/', ['gzip/', ...leaves]],
  ...stages.map((stage): [string, string[]] => [stage, [stage, 'disk/', ...leaves]]),
  ...batchStages.map((stage): [string, string[]] => [stage, [stage, 'disk/', 'batch.ts', ...leaves]]),
  ['serve/', ['serve/', 'store/', 'augment/', 'encode/', 'split/page.ts', 'split/order.ts', 'batch.ts', ...leaves]],
  ['client/', ['client/']],
  ['pipeline.ts', ['acquire/', 'decode/', 'split/', 'prepare/', 'store/', 'gzip/', ...leaves]],
  ['load.ts', ['pipeline.ts', 'acquire/originals.ts', 'prepare/version.ts', 'store/', ...leaves]],
  // It hands the order of epochs to the store, so that neither knows the other.
  ['app.ts', ['serve/', 'store/', 'split/order.ts', 'config.ts']],
  ['entry.ts', ['acquire/', 'decode/file.ts', ...leaves]],
  ['config.ts', leaves],
  ['console.ts', ['progress-bar.ts', ...leaves]],
  ['progress-bar.ts', leaves],
  ['early-stop.ts', []],
  ['early-restore.ts', ['store/restore.ts']],
  ['verify.ts', ['config.ts', 'acquire/cache.ts', 'acquire/catalogue.ts', 'store/prepared-cache.ts', ...leaves]],
  ['server.ts', ['early-stop.ts', 'early-restore.ts', 'app.ts', 'config.ts', 'console.ts', 'load.ts', 'entry.ts', 'acquire/catalogue.ts', 'encode/arrow.ts', 'store/', ...leaves]]
]

/** Which files may know a package, or what of it stands in the text. */
const knownBy: Array<[what: RegExp, where: RegExp]> = [
  [/^undici$/, /^(acquire\/(web|download)\.ts|client\/.*)$/],
  [/^@tensorflow\//, /^prepare\/tensor\.ts$/],
  [/^(fastify|fastify-plugin|@fastify\/.*)$/, /^(app\.ts|serve\/.*)$/]
]

const within = (path: string, places: readonly string[]): boolean => places.some(place => place.endsWith('/') ? path.startsWith(place) : path === place)

t.test('imports are read', async t => {
  t.ok(sources.length > 40)
  t.ok(source('prepare/tensor.ts').packages.includes('@tensorflow/tfjs-backend-cpu'), 'dynamic ones too')
  t.ok(source('decode/dataset.ts').files.includes('decode/idx.ts'), 'types too')
  t.ok(sources.every(({ files }) => files.every(file => source(file))), 'and lead to files')
})

t.test('the leaves import nothing at all', async t => {
  for (const leaf of leaves) t.same([source(leaf).files, source(leaf).packages], [[], []], leaf)
})

t.test('dependencies point inward', async t => {
  for (const { path, files } of sources) {
    const rule = mayImport.find(([place]) => within(path, [place]))
    if (!rule) t.fail(`${path} has no rule`)
    else t.same(files.filter(file => !within(file, rule[1])), [], path)
  }
})

t.test('nothing imports itself by a detour', async t => {
  const done = new Set<string>()
  function follow (path: string, way: readonly string[]): void {
    if (way.includes(path)) t.fail(`cycle: ${[...way, path].join(' → ')}`)
    else if (!done.has(path)) for (const file of source(path).files) follow(file, [...way, path])
    done.add(path)
  }
  for (const { path } of sources) follow(path, [])
  t.equal(done.size, sources.length)
})

t.test('a library is known to one place', async t => {
  for (const [what, where] of knownBy) {
    const knowing = sources.filter(({ packages }) => packages.some(name => what.test(name))).map(({ path }) => path)
    t.ok(knowing.length > 0, `${what} is used`)
    t.same(knowing.filter(path => !where.test(path)), [])
  }
  // Its optional package is imported behind a variable.
  t.same(sources.filter(({ text }) => text.includes("'@tensorflow/")).map(({ path }) => path), ['prepare/tensor.ts'])
})

t.test('the environment is read in one place', async t => {
  // TensorFlow's C++ library takes settings from the environment alone; they are set there, in a process of its own.
  const outside = sources
    .filter(({ path }) => path !== 'config.ts')
    .flatMap(({ path, text }) => text.split('\n').filter(line => /\benv\b/.test(line) && /\bprocess\b/.test(line)).map(line => `${path}: ${line.trim()}`))
  t.same(outside.filter(line => !/^prepare\/tensor\.ts: process\.env\['TF_\w+'\] \?\?= '\d'$/.test(line)), [])
})

t.test('every module can be loaded', async t => {
  // These are whole processes and threads: loading them would start them.
  const programs = ['server.ts', 'verify.ts', 'prepare/process.ts', 'store/restore-worker.ts', 'gzip/worker.ts']
  for (const { path } of sources.filter(({ path }) => !programs.includes(path) && !path.endsWith('.d.ts'))) {
    await t.resolves(import(pathToFileURL(`${root}/${path}`).href), path)
  }
})
