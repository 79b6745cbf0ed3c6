/** Holds the direction of dependencies: the tree is the data flow, and only few files know a library. */
import { readdirSync, readFileSync } from 'node:fs'
import { dirname, posix } from 'node:path'
import { fileURLToPath } from 'node:url'
import t from 'tap'
import ts from 'typescript'
import { root } from './fixtures/root.ts'

const src = fileURLToPath(new URL('src', root))

interface SourceFile {
  readonly path: string
  readonly text: string
  /** Files of src that it imports, types and dynamic imports included. */
  readonly files: string[]
  /** Names of packages that it imports, `node:` modules left out. */
  readonly packages: string[]
}

const sources = readdirSync(src, { recursive: true, encoding: 'utf8' })
  .filter(path => path.endsWith('.ts'))
  .map((path): SourceFile => {
    const text = readFileSync(`${src}/${path}`, 'utf8')
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

/** Every place in src, from the inside out, and the places that it may import from; a folder's own files are always allowed. */
const mayImport: Readonly<Record<string, readonly string[]>> = {
  'errors.ts': [],
  'dataset/': ['errors.ts', 'io/'],
  'io/': ['errors.ts'],
  'gzip/': [],
  'decode/': ['dataset/', 'errors.ts', 'io/'],
  'acquire/': ['decode/', 'gzip/', 'dataset/', 'errors.ts', 'io/'],
  'artifact/': ['dataset/', 'errors.ts', 'io/'],
  'prepare/': ['acquire/', 'decode/', 'artifact/', 'gzip/', 'dataset/', 'errors.ts', 'io/'],
  'batch/': ['dataset/', 'errors.ts', 'io/'],
  'encode/': ['batch/', 'dataset/', 'errors.ts', 'io/'],
  'http/': ['encode/', 'batch/', 'dataset/', 'errors.ts', 'io/'],
  'config.ts': ['dataset/', 'errors.ts', 'io/'],
  'app.ts': ['http/', 'batch/', 'dataset/', 'config.ts'],
  'process/': ['dataset/', 'errors.ts', 'io/'],
  'verify.ts': ['config.ts', 'acquire/', 'artifact/', 'dataset/', 'errors.ts', 'io/'],
  'server.ts': ['app.ts', 'config.ts', 'process/', 'prepare/', 'artifact/', 'encode/', 'dataset/', 'errors.ts', 'io/']
}

/** Which files may know a package, or what of it stands in the text. */
const knownBy: Array<[what: RegExp, where: RegExp]> = [
  [/^undici$/, /^acquire\/(http-client|download)\.ts$/],
  [/^@tensorflow\//, /^prepare\/tensor\.ts$/],
  [/^(fastify|fastify-plugin|@fastify\/.*)$/, /^(app\.ts|http\/.*)$/]
]

/** The key of `mayImport` that a file belongs to. */
const placeOf = (path: string): string => path.includes('/') ? path.slice(0, path.indexOf('/') + 1) : path

t.test('imports are read', async t => {
  t.ok(sources.length > 40)
  t.ok(source('prepare/tensor.ts').packages.includes('@tensorflow/tfjs-backend-cpu'), 'dynamic ones too')
  t.ok(source('decode/raw-dataset.ts').files.includes('decode/idx.ts'), 'types too')
  t.ok(sources.every(({ files }) => files.every(file => source(file))), 'and lead to files')
})

t.test('dependencies point inward', async t => {
  for (const { path, files } of sources) {
    const place = placeOf(path)
    const allowed = mayImport[place]
    if (!allowed) t.fail(`${path} has no rule`)
    else t.same(files.filter(file => ![place, ...allowed].includes(placeOf(file))), [], path)
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
  const programs = ['server.ts', 'verify.ts', 'prepare/prepare-process.ts', 'artifact/restore-worker.ts', 'gzip/worker.ts']
  for (const { path } of sources.filter(({ path }) => !programs.includes(path) && !path.endsWith('.d.ts'))) {
    await t.resolves(import(new URL(`../src/${path.replace(/ts$/, 'js')}`, import.meta.url).href), path)
  }
})
