/** Takes the screenshots of docs/explorer.md from a running service with MNIST. Requires Chromium. */
import { spawn } from 'node:child_process'
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { findBrowser, launchBrowser } from '../lib/browser.js'
import { skipAll } from '../lib/checks.js'
import { temporaryFolder } from '../lib/files.js'
import { freePort, startService } from '../lib/server.js'

if (!findBrowser()) skipAll('there is no Chromium (apt-get install chromium, or set CHROMIUM to its path)')

const root = fileURLToPath(new URL('../..', import.meta.url))
const folder = join(root, 'docs/explorer')
mkdirSync(folder, { recursive: true })

const views = {
  samples: '?splits=test&tile=48&sample=test/18',
  model: '?view=model&id=7&augment=rotate:15,elastic:34&seed=42',
  batches: '?view=batches&world_size=3&batch_size=30&seed=1&remainder=pad&page=533',
  statistics: '?view=statistics',
  map: '?view=map&split=test',
  predictions: '?view=predictions&split=test&cell=4/7',
  use: '?view=use&seed=42&language=PyTorch&batch_size=256'
}

const server = await startService()
const browser = await launchBrowser()
const page = await browser.newPage({ viewport: { width: 900, height: 620 } })
for (const [name, query] of Object.entries(views)) {
  await page.goto(`${server.base}/${query}`)
  if (name === 'predictions') await choosePredictions()
  if (name === 'map') await page.getByRole('application').waitFor({ timeout: 600_000 })
  await page.waitForLoadState('networkidle')
  await page.screenshot({ path: join(folder, `${name}.png`) })
}
await server.stop()
await pictureOfFailure()
await browser.close()

/** Made-up predictions, of which one in thirteen is wrong. */
async function choosePredictions () {
  const { labels } = await (await fetch(`${server.base}/v1/datasets/mnist/splits/test/labels`)).json()
  const lines = labels.map((label, id) => `${id},${id % 13 === 0 ? (label + 3) % 10 : label}`)
  const buffer = Buffer.from(['id,prediction', ...lines].join('\n'))
  await page.locator('input[type=file]').setInputFiles({ name: 'predictions.csv', mimeType: 'text/csv', buffer })
  await page.waitForSelector('.confusion')
}

async function pictureOfFailure () {
  const port = await freePort()
  const { PATH } = process.env
  const env = { PATH, PORT: String(port), DATA_DIR: temporaryFolder('explorer'), SOURCES: 'folder', RETRY_DELAY: '600' }
  const child = spawn(process.execPath, [join(root, 'dist/server.js')], { env, stdio: 'ignore' })
  const base = `http://127.0.0.1:${port}/`
  while (!await fetch(base).then(() => true, () => false)) await new Promise(resolve => setTimeout(resolve, 50))
  await page.setViewportSize({ width: 900, height: 260 })
  await page.goto(base)
  await page.getByText('is not available').waitFor()
  await page.screenshot({ path: join(folder, 'preparation.png') })
  child.kill('SIGTERM')
  await new Promise(resolve => child.once('exit', resolve))
}
