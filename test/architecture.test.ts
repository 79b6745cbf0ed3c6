/** Checks the import directions between the folders of src, and which files import a library. */
import { readdirSync, readFileSync } from 'node:fs'
import { basename, dirname, posix } from 'node:path'
import { fileURLToPath } from 'node:url'
import t from 'tap'
import ts from 'typescript'
import { root } from './fixtures/root.ts'

const src = fileURLToPath(new URL('src', root))

interface SourceFile {
  readonly path: string
  readonly text: string
  /** Imported files of src, including types and dynamic imports. */
  readonly files: string[]
  /** Imported packages, without `node:` modules. */
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

/** What most files may import. */
const base = ['errors.ts', 'memory/', 'scheduling/']

/** Folders and files of src, from the inner ones out, and what they may import besides files of the same folder. */
const mayImport: Readonly<Record<string, readonly string[]>> = {
  'errors.ts': [],
  'scheduling/': ['errors.ts'],
  'memory/': ['errors.ts', 'scheduling/'],
  'disk/': base,
  'gzip/': [],
  'dataset/': base,
  'config/': [...base, 'dataset/'],
  'process/': [...base, 'dataset/', 'disk/'],
  'decode/': [...base, 'dataset/', 'disk/'],
  'acquire/': [...base, 'dataset/', 'disk/', 'decode/'],
  'artifact/': [...base, 'dataset/', 'disk/'],
  'prepare/': [...base, 'dataset/'],
  'map/': [...base, 'dataset/', 'disk/', 'artifact/'],
  'batch/': [...base, 'dataset/'],
  'compute/': [...base, 'dataset/', 'batch/'],
  'encode/': [...base, 'dataset/', 'batch/'],
  'originals/': [...base, 'dataset/', 'disk/', 'gzip/', 'decode/', 'acquire/'],
  'http/limits.ts': [...base, 'batch/', 'compute/'],
  'http/metrics/': [...base, 'dataset/', 'encode/'],
  'http/openapi/': [...base, 'dataset/', 'disk/', 'batch/', 'encode/'],
  'http/query/': [
    ...base, 'config/', 'dataset/', 'batch/', 'encode/', 'http/limits.ts', 'http/metrics/', 'http/openapi/'
  ],
  'http/response/': [
    ...base, 'dataset/', 'batch/', 'compute/', 'encode/',
    'http/limits.ts', 'http/metrics/', 'http/openapi/', 'http/query/'
  ],
  'http/server/': ['errors.ts', 'http/query/', 'http/response/'],
  'http/tracing/': ['errors.ts', 'http/metrics/', 'http/server/'],
  'http/plugins/': [
    'errors.ts', 'config/', 'http/metrics/', 'http/openapi/', 'http/query/', 'http/response/', 'http/server/'
  ],
  'http/routes/': [
    ...base, 'dataset/', 'disk/', 'batch/', 'encode/',
    'http/limits.ts', 'http/metrics/', 'http/openapi/', 'http/query/', 'http/response/', 'http/server/'
  ],
  'load/': [
    ...base, 'config/', 'process/', 'dataset/', 'disk/', 'decode/', 'acquire/', 'artifact/', 'prepare/', 'map/',
    'originals/'
  ],
  'app.ts': [
    'config/', 'dataset/', 'http/limits.ts', 'http/openapi/', 'http/plugins/', 'http/response/', 'http/routes/',
    'http/server/', 'http/tracing/'
  ],
  'health-check.ts': ['config/', 'dataset/'],
  'verify.ts': ['errors.ts', 'config/', 'dataset/', 'disk/', 'acquire/', 'artifact/', 'map/'],
  'server.ts': [
    'errors.ts', 'scheduling/', 'config/', 'process/', 'dataset/', 'disk/', 'encode/', 'load/', 'app.ts',
    'http/plugins/', 'http/routes/', 'http/server/', 'http/tracing/'
  ]
}

/** Packages, and the only files that may import them. */
const packageImporters: Array<[name: RegExp, importers: RegExp]> = [
  [/^undici$/, /^acquire\/(http-client|download)\.ts$/],
  [/^@opentelemetry\//, /^http\/tracing\//],
  [/^@tensorflow\//, /^prepare\/tensorflow\.ts$/],
  [/^(fastify|fastify-plugin|@fastify\/.*)$/, /^(app\.ts|http\/.*)$/]
]

/** The key of a file in `mayImport`: that of the innermost folder which has one. */
const keyOf = (path: string): string | undefined => {
  return Object.keys(mayImport).find(key => key.endsWith('/') ? path.startsWith(key) : path === key)
}

t.test('imports are found', async t => {
  t.ok(sources.length > 40)
  t.ok(source('prepare/tensorflow.ts').packages.includes('@tensorflow/tfjs-backend-cpu'), 'including dynamic ones')
  t.ok(source('decode/raw-dataset.ts').files.includes('decode/idx.ts'), 'including types')
  t.ok(sources.every(({ files }) => files.every(file => source(file))), 'all of them resolve')
})

t.test('dependencies point inward', async t => {
  for (const { path, files } of sources) {
    const key = keyOf(path)
    if (key === undefined) t.fail(`${path} has no rule`)
    else t.same(files.filter(file => ![key, ...mayImport[key]!].includes(keyOf(file)!)), [], path)
  }
})

t.test('the rules have one direction', async t => {
  const order = Object.keys(mayImport)
  for (const [key, allowed] of Object.entries(mayImport)) {
    t.same(allowed.filter(other => !order.slice(0, order.indexOf(key)).includes(other)), [], key)
  }
})

t.test('no two files share a name', async t => {
  const names = sources.map(({ path }) => basename(path))
  t.same(names.filter((name, i) => names.indexOf(name) !== i), [])
})

t.test('there are no import cycles', async t => {
  const done = new Set<string>()
  function follow (path: string, importers: readonly string[]): void {
    if (importers.includes(path)) t.fail(`cycle: ${[...importers, path].join(' → ')}`)
    else if (!done.has(path)) for (const file of source(path).files) follow(file, [...importers, path])
    done.add(path)
  }
  for (const { path } of sources) follow(path, [])
  t.equal(done.size, sources.length)
})

t.test('libraries are imported in one place', async t => {
  for (const [name, allowed] of packageImporters) {
    const importers = sources.filter(({ packages }) => packages.some(found => name.test(found))).map(({ path }) => path)
    t.ok(importers.length > 0, `${name} is imported`)
    t.same(importers.filter(path => !allowed.test(path)), [])
  }
  // The optional package is imported by a variable.
  const naming = sources.filter(({ text }) => text.includes("'@tensorflow/")).map(({ path }) => path)
  t.same(naming, ['prepare/tensorflow.ts'])
})

t.test('the environment is read in one place', async t => {
  const readsEnvironment = (line: string): boolean => /\benv\b/.test(line) && /\bprocess\b/.test(line)
  const outside = sources.filter(({ path }) => path !== 'config/config.ts').flatMap(({ path, text }) => {
    return text.split('\n').filter(readsEnvironment).map(line => `${path}: ${line.trim()}`)
  })
  // TensorFlow's C++ library is configured by environment variables only; the child process sets them.
  t.same(outside.filter(line => !/^prepare\/tensorflow\.ts: process\.env\['TF_\w+'\] \?\?= '\d'$/.test(line)), [])
})

t.test('every module can be loaded', async t => {
  // These start processes and threads when loaded.
  const workers = [
    'compute/compute-worker.ts',
    'prepare/prepare-process.ts',
    'gzip/worker.ts',
    'map/map-worker.ts'
  ]
  const programs = ['server.ts', 'verify.ts', 'health-check.ts', ...workers]
  for (const { path } of sources.filter(({ path }) => !programs.includes(path) && !path.endsWith('.d.ts'))) {
    await t.resolves(import(new URL(`../src/${path.replace(/ts$/, 'js')}`, import.meta.url).href), path)
  }
})
