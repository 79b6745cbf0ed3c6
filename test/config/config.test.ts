import t from 'tap'
import { loadConfig } from '../../src/config/config.ts'
import { environment } from '../../src/config/environment.ts'

const catalogue = ['mnist', 'fashion-mnist']
const resources = { cores: 3, cpuLimit: undefined, memoryLimit: undefined }

t.test('without settings, the defaults apply', async t => {
  const config = loadConfig(catalogue, {}, resources)
  t.same(config, {
    host: '127.0.0.1',
    port: 8080,
    tls: undefined,
    basePath: '',
    trustedProxies: [],
    dataFolder: './.data',
    keepPrepared: 4,
    datasets: ['mnist'],
    sources: {
      order: ['folder', 'embedded', 'mirrors', 'openml'],
      folder: undefined,
      mirrors: [],
      openmlUrl: 'https://www.openml.org',
      offline: false,
      proxies: { none: '' }
    },
    split: { mode: 'contiguous', valFraction: 0.2, seed: 0 },
    prepare: { denoise: 'none', meanOver: 'train' },
    backend: 'auto',
    maxBatchSize: 4096,
    workMemory: 48 * 2 ** 20,
    apiKeysFile: undefined,
    cacheAuthenticated: false,
    rateLimit: 0,
    maxConnections: 4096,
    maxConnectionsPerAddress: 2048,
    maxRequestsPerSocket: 0,
    keepAliveTimeoutMs: 72_000,
    headersTimeoutMs: 30_000,
    requestTimeoutMs: 60_000,
    stallTimeoutMs: 120_000,
    threads: 3,
    threadsReason: 'this machine has 3 cores',
    warnings: [],
    shutdownDelayMs: 1000,
    retryDelayMs: 5000,
    exitOnFailure: false,
    metricsPort: undefined,
    otlpEndpoint: undefined,
    logLevel: 'info',
    loggedSuccesses: 1,
    corsOrigins: ['*'],
    publicUrl: undefined
  })
  t.ok(Object.isFrozen(config))
  t.throws(() => { (config as { port: number }).port = 1 }, TypeError)
})

t.test('empty and blank variables count as not set, and unknown ones are ignored', async t => {
  const all = (value: string) => Object.fromEntries(Object.keys(environment.properties).map(name => [name, value]))
  t.same(loadConfig(catalogue, all(' ')), loadConfig(catalogue, {}))
  t.same(loadConfig(catalogue, { ...all(''), PATH: '/bin', port: '1', SPLIT_SEEDS: 'x' }), loadConfig(catalogue, {}))
})

t.test('every setting can be set', async t => {
  t.same(loadConfig(catalogue, {
    HOST: '::',
    PORT: '0',
    TLS_CERT: '/run/cert.pem',
    TLS_KEY: '/run/key.pem',
    BASE_PATH: '/data/mnist/',
    TRUST_PROXY: '10.0.0.0/8, 2001:db8::1, unix',
    DATA_DIR: '/var/data',
    KEEP_PREPARED: '0',
    SOURCES: 'openml, mirrors,openml',
    SOURCE_DIR: '/usr/share/datasets',
    MIRRORS: 'http://a.example/{dataset}/, https://b.example/files',
    OPENML_URL: 'http://openml.example',
    OFFLINE: '1',
    HTTP_PROXY: 'proxy:3128',
    https_proxy: ' http://other:3128 ',
    HTTPS_PROXY: 'http://unused:1',
    NO_PROXY: 'localhost,.example',
    DATASETS: ' fashion-mnist,mnist,, fashion-mnist ',
    SPLIT: 'stratified',
    VAL_FRACTION: '0.999',
    SPLIT_SEED: '4294967295',
    MEAN_OVER: 'train+val',
    DENOISE: 'gaussian',
    TFJS_BACKEND: 'cpu',
    MAX_BATCH_SIZE: '65536',
    WORK_MEMORY: '4096',
    API_KEYS_FILE: '/run/keys',
    CACHE_AUTHENTICATED: '1',
    RATE_LIMIT: '600',
    MAX_CONNECTIONS: '10',
    MAX_CONNECTIONS_PER_ADDRESS: '3',
    MAX_REQUESTS_PER_SOCKET: '1000',
    KEEP_ALIVE_TIMEOUT: '0.5',
    HEADERS_TIMEOUT: '5',
    REQUEST_TIMEOUT: '7.5',
    STALL_TIMEOUT: '8.5',
    THREADS: '3',
    SHUTDOWN_DELAY: '0',
    RETRY_DELAY: '0.5',
    EXIT_ON_FAILURE: '1',
    METRICS_PORT: '9464',
    OTEL_EXPORTER_OTLP_ENDPOINT: 'http://collector:4318',
    LOG_LEVEL: 'silent',
    ACCESS_LOG: ' 0.25 ',
    CORS_ORIGIN: 'https://a.example, https://b.example',
    PUBLIC_URL: ' https://data.example/mnist '
  }, resources), {
    host: '::',
    port: 0,
    tls: { cert: '/run/cert.pem', key: '/run/key.pem' },
    basePath: '/data/mnist',
    trustedProxies: ['10.0.0.0/8', '2001:db8::1', 'unix'],
    dataFolder: '/var/data',
    keepPrepared: 0,
    sources: {
      order: ['openml', 'mirrors'],
      folder: '/usr/share/datasets',
      mirrors: ['http://a.example/{dataset}/', 'https://b.example/files'],
      openmlUrl: 'http://openml.example',
      offline: true,
      proxies: {
        http: { variable: 'HTTP_PROXY', address: 'proxy:3128' },
        https: { variable: 'https_proxy', address: 'http://other:3128' },
        none: 'localhost,.example'
      }
    },
    datasets: ['fashion-mnist', 'mnist'],
    split: { mode: 'stratified', valFraction: 0.999, seed: 4294967295 },
    prepare: { denoise: 'gaussian', meanOver: 'train+val' },
    backend: 'cpu',
    maxBatchSize: 65536,
    workMemory: 4096 * 2 ** 20,
    apiKeysFile: '/run/keys',
    cacheAuthenticated: true,
    rateLimit: 600,
    maxConnections: 10,
    maxConnectionsPerAddress: 3,
    maxRequestsPerSocket: 1000,
    keepAliveTimeoutMs: 500,
    headersTimeoutMs: 5000,
    requestTimeoutMs: 7500,
    stallTimeoutMs: 8500,
    threads: 3,
    threadsReason: 'THREADS is set',
    warnings: [],
    shutdownDelayMs: 0,
    retryDelayMs: 500,
    exitOnFailure: true,
    metricsPort: 9464,
    otlpEndpoint: 'http://collector:4318',
    logLevel: 'silent',
    loggedSuccesses: 0.25,
    corsOrigins: ['https://a.example', 'https://b.example'],
    publicUrl: 'https://data.example/mnist/'
  })
  t.same(loadConfig(catalogue, { CORS_ORIGIN: 'none' }).corsOrigins, [])
  t.equal(loadConfig(catalogue, { VAL_FRACTION: '0' }).split.valFraction, 0)
})

const invalid: Array<[name: string, values: string[], allowed: string]> = [
  ['HOST', ['unix:', 'unix:socket', `unix:/${'a'.repeat(103)}`],
    'an address, a name, or unix: and an absolute path of at most 103 bytes'],
  ['TLS_CERT', ['cert.pem'], 'set together with TLS_KEY'],
  ['TLS_KEY', ['key.pem'], 'set together with TLS_CERT'],
  ['BASE_PATH', ['mnist', '//', '/a b', '/a//b', '/../a', '/a?b', 'https://a.example/b'],
    'a path such as /mnist, of letters, digits and - . _ ~'],
  ['TRUST_PROXY', [',', 'proxy', '10.0.0.0/33', '10.0.0.0/8/8', '::1/129', '10.0.0/8', '10.0.0.1/', 'unix/8'],
    'addresses, networks such as 10.0.0.0/8, or unix'],
  ['PORT', ['-1', '65536', '80.5', 'http', 'NaN', 'Infinity', '-1e999'], 'an integer from 0 to 65535'],
  ['DATASETS', ['cifar', 'mnist,cifar', ',', ', ,'], 'some of mnist, fashion-mnist'],
  ['KEEP_PREPARED', ['-1', '1001', 'all'], 'an integer from 0 to 1000'],
  ['SOURCES', ['web', 'mirrors,web', ','], 'some of folder, embedded, mirrors, openml'],
  ['MIRRORS', ['example.org', 'ftp://example.org/', 'https://'], 'http or https addresses'],
  ['OPENML_URL', ['openml.org', 'file:///openml'], 'an http or https address'],
  ['OTEL_EXPORTER_OTLP_ENDPOINT', ['collector:4318'], 'an http or https address'],
  ['OFFLINE', ['yes', 'true', '2'], 'one of 0, 1'],
  ['SPLIT', ['random', 'Contiguous'], 'one of contiguous, shuffled, stratified'],
  ['VAL_FRACTION', ['1', '-0.1', '20%', 'Infinity'], 'a number from 0 up to but not including 1'],
  ['SPLIT_SEED', ['-1', '4294967296', '1.5', 'seed'], 'an integer from 0 to 4294967295'],
  ['MEAN_OVER', ['val', 'train + val'], 'one of train, train+val'],
  ['DENOISE', ['median', 'true'], 'one of none, median3, gaussian'],
  ['TFJS_BACKEND', ['webgl', 'node'], 'one of auto, tensorflow, wasm, cpu'],
  ['MAX_BATCH_SIZE', ['0', '65537', 'many'], 'an integer from 1 to 65536'],
  ['ACCESS_LOG', ['none', '1.5', '-0.1', '1%', 'NaN', '1e-1'], 'all, errors or a fraction from 0 to 1'],
  ['LOG_LEVEL', ['verbose', 'INFO'], 'one of fatal, error, warn, info, debug, trace, silent']
]
for (const [name, values, allowed] of invalid) {
  t.test(`an invalid ${name} is reported with its value and the allowed ones`, async t => {
    for (const value of values) {
      const message = `${name} must be ${allowed}, got '${value}'`
      t.throws(() => loadConfig(catalogue, { [name]: value }), { code: 'invalid_configuration', message })
    }
  })
}

t.test('ACCESS_LOG is a fraction of the successes', async t => {
  const fractionOf = (value: string) => loadConfig(catalogue, { ACCESS_LOG: value }).loggedSuccesses
  t.same(['all', 'errors', '0', '1', '.5', '0.01'].map(fractionOf), [1, 0, 0, 1, 0.5, 0.01])
})

t.test('a PUBLIC_URL that is no plain address is invalid', async t => {
  for (const value of ['data.example', 'ftp://data.example', 'http://', 'http://a.example/?b', 'http://a:b@c.example']) {
    const message = /^PUBLIC_URL must be an http or https address without credentials, query or fragment, got '/
    t.throws(() => loadConfig(catalogue, { PUBLIC_URL: value }), { code: 'invalid_configuration', message })
  }
  t.equal(loadConfig(catalogue, { PUBLIC_URL: 'http://a.example' }).publicUrl, 'http://a.example/')
})

t.test('a CORS_ORIGIN that no browser can send is invalid', async t => {
  const allowed = '*, none, or origins as browsers send them, such as https://example.org, without a path or slash'
  for (const value of [
    'https://a.example/', 'a.example', 'a.example:8080', 'localhost', '//a.example', 'https://a.example/path',
    'https://a.example?x', 'https://*.example', 'https://a.example, https://b.example/', 'HTTPS://a.example',
    'https://A.example', 'https://a.example:443', 'http://a.example:80', 'https://user@a.example', 'https://',
    'https:a.example', 'http://a.example:99999', 'none, https://a.example', ',', 'https://ä.example',
    'https://a.example https://b.example', 'chrome-extension://abc/', 'https://a.example;https://b.example'
  ]) {
    const message = `CORS_ORIGIN must be ${allowed} at the end, got '${value}'`
    t.throws(() => loadConfig(catalogue, { CORS_ORIGIN: value }), { code: 'invalid_configuration', message })
  }
})

t.test('every origin that a browser may send is allowed', async t => {
  for (const origin of [
    '*', 'null', 'https://a.example', 'http://localhost:3000', 'http://[::1]:3000', 'http://127.0.0.1',
    'https://xn--4ca.example', 'chrome-extension://abcdefghijklmnop', 'capacitor://localhost'
  ]) {
    t.same(loadConfig(catalogue, { CORS_ORIGIN: origin }).corsOrigins, [origin])
  }
  t.same(loadConfig(catalogue, { CORS_ORIGIN: ' none ' }).corsOrigins, [])
})

t.test('all invalid settings are reported at once', async t => {
  const env = { SPLIT: 'y', DATASETS: 'z', PORT: 'Infinity', MAX_BATCH_SIZE: '0', HOST: '::' }
  const load = () => loadConfig(catalogue, env)
  t.throws(load, {
    code: 'invalid_configuration',
    message: "PORT must be an integer from 0 to 65535, got 'Infinity'; " +
      "DATASETS must be some of mnist, fashion-mnist, got 'z'; " +
      "SPLIT must be one of contiguous, shuffled, stratified, got 'y'; " +
      "MAX_BATCH_SIZE must be an integer from 1 to 65536, got '0'"
  })
})

t.test('with SOURCE_DIR, datasets beyond the catalogue are allowed', async t => {
  t.same(loadConfig(catalogue, { SOURCE_DIR: '/data', DATASETS: 'mine, mnist' }).datasets, ['mine', 'mnist'])
  for (const value of ['../mine', 'Mine', 'mine,.hidden', ',']) {
    const message = `DATASETS must be names of small letters, digits, - and _, got '${value}'`
    const load = () => loadConfig(catalogue, { SOURCE_DIR: '/data', DATASETS: value })
    t.throws(load, { code: 'invalid_configuration', message })
  }
})

t.test('the name of the dataset may be anywhere in a mirror', async t => {
  const mirrors = 'https://{dataset}.example/a, http://a.example:81/?name={dataset}'
  t.same(loadConfig(catalogue, { MIRRORS: mirrors }).sources.mirrors, mirrors.split(', '))
})

t.test('invalid addresses are reported without their secrets', async t => {
  const cases: Array<[name: string, value: string, shown: string]> = [
    ['MIRRORS', 'http://a.example/,ftp://user:word@b.example/c?token=t', 'http://a.example/,ftp://b.example/c'],
    ['MIRRORS', 'user:word@b.example', 'b.example'],
    ['MIRRORS', 'http://user:wo,rd@b.example/', 'http://b.example/'],
    ['MIRRORS', 'http://user:wo/rd@b.example/#word', 'http://b.example/'],
    ['OPENML_URL', 'ftp://user:word@b.example?api_key=word', 'ftp://b.example']
  ]
  for (const [name, value, shown] of cases) {
    const allowed = name === 'MIRRORS' ? 'http or https addresses' : 'an http or https address'
    const message = `${name} must be ${allowed}, got '${shown}'`
    t.throws(() => loadConfig(catalogue, { [name]: value }), { code: 'invalid_configuration', message })
  }
})
