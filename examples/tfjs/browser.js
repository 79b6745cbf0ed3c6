/**
 * Trains with TensorFlow.js in a page of Chromium, without a window.
 *
 *     npm install && node browser.js [--epochs 3] [--save]
 *
 * The server is at MNIST_BATCHES_URL, by default http://127.0.0.1:8080. `--save` writes to examples/results.
 */
import { parseArgs } from 'node:util'
import { launchChromium } from './chromium.js'
import { printEpoch, printResult, saveResult } from './records.js'
import { servePage } from './serve.js'

const { values: { epochs, save } } = parseArgs({ options: { epochs: { type: 'string' }, save: { type: 'boolean' } } })
const parameters = new URLSearchParams({ url: process.env.MNIST_BATCHES_URL ?? 'http://127.0.0.1:8080' })
if (epochs) parameters.set('epochs', epochs)
const page = await servePage()
const browser = await launchChromium()
try {
  const tab = await browser.newPage()
  await tab.goto(`${page.url}?${parameters}`)
  const result = await tab.evaluate(() => window.result)
  result.epochs.forEach(printEpoch)
  printResult('tfjs-browser', result)
  if (save) saveResult('tfjs-browser', result)
} finally {
  await browser.close()
  page.stop()
}
