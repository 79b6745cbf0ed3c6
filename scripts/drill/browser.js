/* global localStorage, location, PointerEvent, requestAnimationFrame */
/**
 * Drives the Explorer in Chromium against the built service with MNIST. Each check fails on any console error,
 * violation of the content security policy or request to another origin.
 *
 *     npm run drill -- browser [part of a title]
 */
import assert from 'node:assert/strict'
import { rmSync } from 'node:fs'
import { createServer, request as forward } from 'node:http'
import { setTimeout as delay } from 'node:timers/promises'
import { findBrowser, launchBrowser, launchWithoutSiteData, measureTasks, pageMemory } from '../lib/browser.js'
import { run as runCheck, skipAll } from '../lib/checks.js'
import { temporaryFolder, writeKeys } from '../lib/files.js'
import { freePort, startService } from '../lib/server.js'

const RUNS = 5
const MAX_FRAME_MS = 50
const MAX_MEMORY_MB = 200
const MAX_LOAD_BYTES = 300e3
/** A grid with at least one picture. */
const DRAWN = '.grid:not([data-drawn="0"])[data-drawn]'
const MIN_FRAMES_PER_SECOND = 30
/** Of the map, on a busy machine. */
const COMPUTATION_MS = 600_000

if (!findBrowser()) skipAll('there is no Chromium (apt-get install chromium, or set CHROMIUM to its path)')

const filter = process.argv[2] ?? ''
const dataFolder = temporaryFolder('browser')
const port = await freePort()
const start = () => startService({ dataFolder, settings: { PORT: String(port), SHUTDOWN_DELAY: '0' } })
let server = await start()
const browser = await launchBrowser()

/**
 * Runs one check on a page of its own.
 *
 * @param options.allow expected console errors
 */
async function check (title, run, { allow, ...options } = {}) {
  if (!title.includes(filter)) return
  const context = await browser.newContext({ viewport: { width: 1200, height: 800 }, ...options })
  const page = await context.newPage()
  const problems = []
  page.on('console', message => {
    if (message.type() === 'error' && !allow?.test(message.text())) problems.push(message.text())
  })
  page.on('pageerror', error => problems.push(error.message))
  page.on('request', request => {
    const { protocol, hostname } = new URL(request.url())
    if (protocol.startsWith('http') && hostname !== '127.0.0.1') problems.push(`request to ${request.url()}`)
  })
  await runCheck(title, async () => {
    await run(page)
    assert.deepEqual(problems, [])
  })
  if (problems.length > 0) console.log(`         ${problems.join('\n         ')}`)
  await context.close()
}

const open = (page, query = '', base = server.base) => page.goto(`${base}/${query}`)
const get = async path => await (await fetch(`${server.base}/v1/datasets/mnist/${path}`)).json()
const text = (page, name) => page.locator(`[data-test=${name}]`).innerText()

await check('samples: labels are those of the API, and the keyboard moves', async page => {
  await open(page, '?splits=test')
  await page.waitForSelector(DRAWN)
  const { labels } = await get('splits/test/labels')
  await page.locator('.grid').focus()
  for (const key of ['ArrowRight', 'ArrowRight', 'ArrowDown', 'ArrowLeft']) await page.keyboard.press(key)
  const id = Number(await text(page, 'id'))
  assert.ok(id > 2)
  assert.equal(await text(page, 'class'), String(labels[id]))
  await page.keyboard.press('Control+End')
  await page.waitForFunction(() => document.querySelector('[data-test=id]').textContent === '9999')
  await page.waitForFunction(() => new URLSearchParams(location.search).get('sample') === 'test/9999')
  await page.keyboard.press('Enter')
  await page.waitForSelector('#model-title')
  assert.match(page.url(), /view=model.*id=9999|id=9999.*view=model/)
  await page.goBack()
  await page.waitForSelector('.grid')
})

await check('samples: a class has as many as the API says', async page => {
  await open(page, '?splits=test&class=7')
  const { classes } = await get('splits/test')
  await page.getByText(`${classes[7].count.toLocaleString('en')} samples`).waitFor()
  const names = await page.locator('.cell').evaluateAll(cells => cells.map(cell => cell.getAttribute('aria-label')))
  assert.ok(names.length > 50 && names.every(name => name.startsWith('7, test ')))
})

await check('model: values on hover are those of the API, and sliders change the image', async page => {
  const query = 'augment=rotate:15,elastic:34&seed=42&epoch=3'
  await open(page, `?view=model&id=7&${query}`)
  const { image } = await get(`splits/train/samples/7?layout=nhwc&${query}`)
  const canvas = page.getByRole('img', { name: 'Sample 7 of train, normalized' })
  await page.waitForSelector('[data-test=range]')
  const box = await canvas.boundingBox()
  await page.mouse.move(box.x + box.width * 14.5 / 28, box.y + box.height * 10.5 / 28)
  const hover = page.locator('[data-test=hover]')
  await hover.filter({ hasText: 'row 10, column 14' }).waitFor()
  const shown = Number((await text(page, 'hover')).split(': ').at(-1))
  assert.ok(Math.abs(shown - image[10][14][0]) < 1e-5)
  assert.equal(await page.getByText(/^epoch \d$/).count(), 10)
  await page.getByRole('slider', { name: /^cutout/ }).focus()
  await page.keyboard.press('ArrowRight')
  await page.waitForFunction(() => location.search.includes('cutout:1'))
})

await check('batches: each rank has the ids of the API', async page => {
  const query = 'page=499&batch_size=32&world_size=3&seed=1&remainder=pad'
  await open(page, `?view=batches&${query}`)
  await page.waitForSelector('article canvas')
  for (const summary of await page.locator('article summary').all()) await summary.click()
  const lists = await page.locator('[data-test=ids]').allInnerTexts()
  assert.equal(lists.length, 3)
  for (const [rank, list] of lists.entries()) {
    const { ids } = await get(`splits/train/batches?${query}&rank=${rank}&labels=index&normalization=raw`)
    assert.deepEqual(list.split(', ').map(Number), ids)
  }
})

await check('statistics: counts are those of the API', async page => {
  await open(page, '?view=statistics')
  await page.getByText('Counts').click()
  const rows = await page.locator('[data-test=counts] tbody tr').allInnerTexts()
  for (const [i, split] of ['train', 'val', 'test'].entries()) {
    const { classes } = await get(`splits/${split}`)
    const shown = rows.slice(0, 10).map(row => row.split('\t')[i + 1])
    assert.deepEqual(shown, classes.map(({ count }) => count.toLocaleString('en')))
  }
  await page.getByText('Mean and variance image of each class').waitFor()
  assert.equal(await page.locator('figure canvas').count(), 21)
})

await check('predictions: accuracy, matrix and samples of a cell; malformed files are explained', async page => {
  const { labels } = await get('splits/test/labels')
  const predicted = labels.map((label, id) => id % 20 === 0 ? (label + 1) % 10 : label)
  const file = (name, text) => ({ name, mimeType: 'text/plain', buffer: Buffer.from(text) })
  await open(page, '?view=predictions&split=test')
  const uploads = []
  page.on('request', request => { if (request.method() !== 'GET') uploads.push(request.url()) })
  const input = page.locator('input[type=file]')
  const malformed = [
    ['a.csv', 'id,label\n0,7\n1', 'line 3 has 1 cells'],
    ['b.csv', 'id,label\n10000,7', 'there is no sample 10000'],
    ['c.json', '{"ids": [0], "labels": [', 'not valid JSON'],
    ['d.csv', 'id,label\n1,eleven', "'eleven' is not a label"],
    ['d.csv', 'pred,y_pred\n1,1', 'pred and y_pred may both be the predictions'],
    ['d.json', '{"logits": [[NaN,0,0,0,0,0,0,0,0,0]]}', 'the score of class 0 is NaN'],
    ['e.npz', 'nothing', 'a zip archive, and this is none']
  ]
  for (const [name, content, reason] of malformed) {
    await input.setInputFiles(file(name, content))
    await page.getByRole('alert').filter({ hasText: reason }).waitFor()
  }
  const rows = predicted.map((guess, id) => `${id},${labels[id]},${guess}`)
  await input.setInputFiles(file('p.csv', `id,label,prediction\n${rows.join('\n')}`))
  assert.match(await text(page, 'accuracy'), /^95\.00 % of 10,000 predictions in p\.csv \(prediction\)/)
  const wrong = labels.flatMap((label, id) => label === 3 && predicted[id] === 4 ? [id] : [])
  await page.getByRole('button', { name: `label 3, predicted 4: ${wrong.length}`, exact: true }).click()
  assert.equal(await page.locator('.thumbnails li').count(), wrong.length)
  assert.deepEqual(uploads, [])
})

await check('predictions: true labels beside them and the index of pandas do not count as predictions', async page => {
  const { labels } = await get('splits/test/labels')
  const guess = labels.map((_, id) => id % 10)
  const share = (100 * guess.filter((label, id) => label === labels[id]).length / labels.length).toFixed(2)
  const ids = [...labels.keys()].reverse()
  const files = [
    [share, 'id,label,prediction', labels.map((label, id) => `${id},${label},${guess[id]}`)],
    [share, 'y,y_pred', labels.map((label, id) => `${label},${guess[id]}`)],
    ['100.00', ',label', ids.map(id => `${id},${labels[id]}`)]
  ]
  for (const [percent, header, lines] of files) {
    await open(page, '?view=predictions&split=test')
    const buffer = Buffer.from([header, ...lines].join('\n'))
    await page.locator('input[type=file]').setInputFiles({ name: 'p.csv', mimeType: 'text/csv', buffer })
    assert.ok((await text(page, 'accuracy')).startsWith(`${percent} % of 10,000`), header)
  }
})

await check('where site data is blocked, the page works, and forgets its theme and key', async () => {
  const context = await launchWithoutSiteData(temporaryFolder('profile'))
  try {
    const page = await context.newPage()
    const errors = []
    page.on('pageerror', error => errors.push(error.message))
    await open(page, '?splits=test')
    await assert.rejects(page.evaluate(() => localStorage.length), /Access is denied/)
    await page.waitForSelector(DRAWN)
    assert.deepEqual(errors, [])
  } finally {
    await context.close()
  }
})

await check('use it: the URL is that of the view, and works', async page => {
  const query = 'split=val&seed=3&batch_size=8&normalization=raw&labels=index&format=json&pin=yes&language=PyTorch'
  await open(page, `?view=use&${query}`)
  const body = await (await fetch(await text(page, 'url'))).json()
  const expected = await get('splits/val/batches?seed=3&batch_size=8&normalization=raw&labels=index')
  assert.deepEqual(body, expected)
  assert.match(await text(page, 'code'), /torch\.from_numpy[^]*$/)
  await page.getByText(body.version).first().waitFor()
})

await check('map: it appears once it is computed, and shows what the API says', async page => {
  await open(page, '?view=map&split=test')
  const canvas = page.getByRole('application')
  await page.getByText('The map is being computed').or(canvas).first().waitFor()
  await canvas.waitFor({ timeout: COMPUTATION_MS })
  const { points } = await get('splits/test/map')
  const { labels } = await get('splits/test/labels')
  const { suspects, duplicates } = await get('findings')
  assert.equal(points.length, 10_000)
  const names = await page.locator('[data-test=suspects] button').evaluateAll(buttons => {
    return buttons.map(button => button.getAttribute('aria-label'))
  })
  const wrong = suspects.filter(({ split }) => split === 'test')
  assert.deepEqual(names.map(name => Number(/^test (\d+):/.exec(name)[1])), wrong.map(({ id }) => id))
  const pairs = duplicates.filter(({ first, second }) => first.split === 'train' && second.split === 'test')
  assert.equal(await page.locator('[data-test=duplicates] li').count(), pairs.length)

  // The area of a link, and the samples in it.
  const [[x, y]] = points
  const square = [[x - 1, y - 1], [x + 1, y - 1], [x + 1, y + 1], [x - 1, y + 1]]
  const area = square.map(corner => corner.map(value => value.toFixed(2)))
  const [[left, top], , [right, bottom]] = area.map(corner => corner.map(Number))
  const inside = points.flatMap(([x, y], id) => x >= left && x <= right && y >= top && y <= bottom ? [id] : [])
  assert.ok(inside.length > 10)
  await open(page, `?view=map&split=test&area=${area.join(';')}`)
  await page.locator('[data-test=selected]', { hasText: `${inside.length.toLocaleString('en')} selected` }).waitFor()
  const shown = await page.locator('section > .thumbnails').first().locator('button').evaluateAll(buttons => {
    return buttons.map(button => button.getAttribute('aria-label'))
  })
  assert.deepEqual(shown, inside.slice(0, 256).map(id => `test ${id}: ${labels[id]} · ${id}`))

  // By keyboard: what is visible, less of it after zooming, and nothing.
  await canvas.focus()
  await page.keyboard.press('Escape')
  await page.locator('[data-test=selected]').waitFor({ state: 'detached' })
  await page.keyboard.press('Enter')
  await page.locator('[data-test=selected]', { hasText: '10,000 selected' }).waitFor()
  for (let i = 0; i < 4; i++) await page.keyboard.press('+')
  await page.keyboard.press('ArrowLeft')
  await page.keyboard.press('Enter')
  await page.waitForFunction(() => {
    const count = parseInt(document.querySelector('[data-test=selected]')?.textContent.replace(',', ''))
    return count > 0 && count < 10_000
  })
  await page.waitForFunction(() => new URLSearchParams(location.search).has('map'))

  // By drawing around everything.
  await page.keyboard.press('0')
  await page.getByLabel('Dragging').selectOption('selects')
  const box = await canvas.boundingBox()
  await page.mouse.move(box.x + 1, box.y + 1)
  await page.mouse.down()
  for (const [x, y] of [[1, 0], [1, 1], [0, 1]]) {
    await page.mouse.move(box.x + 1 + x * (box.width - 2), box.y + 1 + y * (box.height - 2), { steps: 3 })
  }
  await page.mouse.up()
  await page.locator('[data-test=selected]', { hasText: '10,000 selected' }).waitFor()
  await page.getByRole('button', { name: 'Copy ids' }).first().click()
})

await check('map: 48,000 samples move smoothly', async page => {
  await open(page, '?view=map')
  await page.getByRole('application').waitFor({ timeout: COMPUTATION_MS })
  await page.locator('[data-test=duplicates] .tile[style*="blob:"]').first().waitFor()
  await page.waitForLoadState('networkidle')
  const session = await page.context().newCDPSession(page)
  await session.send('Performance.enable')
  const taskSeconds = async () => {
    const { metrics } = await session.send('Performance.getMetrics')
    return metrics.find(({ name }) => name === 'TaskDuration').value
  }
  const before = await taskSeconds()
  const { frames, seconds } = await page.evaluate(panAround)
  const work = (await taskSeconds() - before) / frames * 1000
  const rate = frames / seconds
  console.log(`        ${rate.toFixed(1)} frames per second, ${work.toFixed(1)} ms of work each`)
  assert.ok(rate >= MIN_FRAMES_PER_SECOND)
})

/** Runs in the page: drags the map for three seconds, in every frame. */
async function panAround () {
  const canvas = document.querySelector('.map')
  const { left, top, width, height } = canvas.getBoundingClientRect()
  const frame = () => new Promise(resolve => requestAnimationFrame(resolve))
  const event = (type, x, y, buttons) => new PointerEvent(type, {
    clientX: left + width / 2 + x, clientY: top + height / 2 + y, button: 0, buttons, bubbles: true
  })
  await frame()
  canvas.dispatchEvent(event('pointerdown', 0, 0, 1))
  const start = await frame()
  let now = start
  let frames = 0
  for (; now - start < 3000; frames++) {
    const angle = (now - start) / 500
    canvas.dispatchEvent(event('pointermove', 200 * Math.sin(angle), 150 * Math.cos(angle), 1))
    now = await frame()
  }
  canvas.dispatchEvent(event('pointerup', 0, 0, 0))
  return { frames, seconds: (now - start) / 1000 }
}

await check('every view is accessible, in both themes', async page => {
  const { AxeBuilder } = await import('@axe-core/playwright')
  const queries = [
    '?sample=train/0', '?view=model&augment=rotate:10', '?view=batches&world_size=2&batch_size=8', '?view=statistics',
    '?view=map&split=test&area=-4,-4;4,-4;4,4;-4,4', '?view=predictions', '?view=use'
  ]
  for (const colorScheme of ['light', 'dark']) {
    await page.emulateMedia({ colorScheme })
    for (const query of queries) {
      await open(page, query)
      await page.waitForSelector('section h2')
      await page.waitForLoadState('networkidle')
      const { violations } = await new AxeBuilder({ page }).analyze()
      const serious = violations.filter(({ impact }) => ['serious', 'critical'].includes(impact))
      const found = serious.map(({ id, nodes }) => `${id} at ${nodes.map(({ target }) => target).slice(0, 3)}`)
      assert.deepEqual(found, [], `${query} in ${colorScheme}`)
    }
  }
})

await check('every view fits 360 pixels', async page => {
  for (const view of ['samples', 'model', 'batches', 'statistics', 'map', 'predictions', 'use']) {
    await open(page, `?view=${view}&augment=rotate:10`)
    await page.waitForSelector('section h2')
    await page.waitForLoadState('networkidle')
    const width = await page.evaluate(() => document.documentElement.scrollWidth)
    assert.ok(width <= 360, `${view} is ${width} pixels wide`)
  }
}, { viewport: { width: 360, height: 700 } })

await check('the first view loads few bytes', async page => {
  const session = await page.context().newCDPSession(page)
  await session.send('Network.enable')
  const urls = new Map()
  let bytes = 0
  session.on('Network.responseReceived', ({ requestId, response }) => urls.set(requestId, response.url))
  session.on('Network.loadingFinished', ({ requestId, encodedDataLength }) => {
    if (/\/(assets\/[^/]+)?(\?|$)/.test(urls.get(requestId) ?? '')) bytes += encodedDataLength
  })
  await open(page)
  await page.waitForSelector('.cell')
  await page.waitForLoadState('networkidle')
  console.log(`        the page and its assets: ${(bytes / 1e3).toFixed(1)} kB compressed`)
  assert.ok(bytes > 5e3 && bytes <= MAX_LOAD_BYTES)
})

await check('scrolling over 60,000 samples is smooth', async page => {
  const worst = []
  let memory = 0
  for (let run = 0; run < RUNS; run++) {
    await open(page, '?splits=train%2Bval')
    await page.getByText('60,000 samples').waitFor()
    worst.push(await page.evaluate(scrollThrough))
    memory = Math.max(memory, await pageMemory(page))
  }
  worst.sort((a, b) => a - b)
  const frames = worst.map(Math.round).join(', ')
  console.log(`        longest frame of ${RUNS} runs: ${frames} ms; memory of the page: ${memory.toFixed(1)} MB`)
  // In a run of its own, since recording costs time.
  const { longest } = await measureTasks(page, () => page.evaluate(scrollThrough))
  console.log(`        CPU time of the longest task: ${longest.toFixed(1)} ms`)
  assert.ok(worst[RUNS >> 1] <= MAX_FRAME_MS, 'the median of the longest frames')
  assert.ok(memory <= MAX_MEMORY_MB)
})

/** Runs in the page: scrolls to the end within 5 seconds, and returns the longest time between two frames. */
async function scrollThrough () {
  const grid = document.querySelector('.grid')
  const end = grid.scrollHeight
  const frame = () => new Promise(resolve => requestAnimationFrame(resolve))
  await new Promise(resolve => setTimeout(resolve, 500))
  let last = await frame()
  const start = last
  let longest = 0
  while (last - start < 5000) {
    grid.scrollTop = end * (last - start) / 5000
    const now = await frame()
    longest = Math.max(longest, now - last)
    last = now
  }
  return longest
}

await check('works below a path of a proxy', async page => {
  const proxy = createServer((request, response) => {
    if (!request.url.startsWith('/some/path/')) return response.writeHead(404).end()
    const target = forward(server.base + request.url.slice('/some/path'.length), {
      method: request.method, headers: request.headers
    }, result => {
      response.writeHead(result.statusCode, result.headers)
      result.pipe(response)
    })
    request.pipe(target)
  })
  const proxyPort = await freePort()
  await new Promise(resolve => proxy.listen(proxyPort, '127.0.0.1', resolve))
  try {
    await open(page, 'some/path/?view=model&id=3', `http://127.0.0.1:${proxyPort}`)
    await page.waitForSelector('[data-test=range]')
    await page.getByRole('link', { name: 'Samples' }).click()
    await page.waitForSelector(DRAWN)
    assert.match(page.url(), /\/some\/path\//)
  } finally {
    proxy.closeAllConnections()
    proxy.close()
  }
})

await check('works with BASE_PATH, and links of the dataset card lead to its files', async page => {
  const published = await startService({ dataFolder, settings: { BASE_PATH: '/some/path' } })
  try {
    // Without the path, where the log has it.
    const { origin } = new URL(published.base)
    const base = `${origin}/some/path`
    await open(page, '?view=use', base)
    await page.getByRole('button', { name: 'Files and hashes' }).click()
    const links = await page.locator('dd a, th a').evaluateAll(elements => elements.map(({ href }) => href))
    const own = links.filter(link => link.startsWith(origin))
    assert.equal(own.length, 5, 'Croissant and four files')
    for (const link of own) assert.equal((await fetch(link, { method: 'HEAD' })).status, 200, link)
    await open(page, '?view=map&split=test', base)
    await page.getByRole('application').waitFor({ timeout: COMPUTATION_MS })
  } finally {
    await published.stop()
  }
})

await check('asks for the key of a server that requires one, and works with it', async page => {
  const key = 'a-key-of-the-test'
  const closed = await startService({ dataFolder, settings: { API_KEYS_FILE: writeKeys({ browser: key }) } })
  try {
    await open(page, '?splits=test&sample=test/0', closed.base)
    const input = page.getByLabel('This server requires a key')
    await input.fill('another-key')
    await page.keyboard.press('Enter')
    await input.waitFor()
    await input.fill(key)
    await page.keyboard.press('Enter')
    await page.waitForSelector(DRAWN)
    await input.waitFor({ state: 'detached' })
    await page.getByRole('link', { name: 'Statistics' }).click()
    await page.getByText('Mean and variance image of each class').waitFor()
    await page.getByRole('link', { name: 'What the model sees' }).click()
    await page.waitForSelector('[data-test=range]')
    assert.ok(!page.url().includes('key'), 'no key in the address')
  } finally {
    await closed.stop()
  }
}, { allow: /401|403/ })

await check('a server that disappears and returns', async page => {
  await open(page)
  await page.waitForSelector(DRAWN)
  await server.stop()
  await page.locator('.grid').evaluate(grid => { grid.scrollTop = 100_000 })
  await page.getByText('The server does not respond').waitFor()
  server = await start()
  await page.getByText('The server does not respond').waitFor({ state: 'hidden' })
  await page.waitForFunction(() => document.querySelector('.grid')?.dataset.drawn > 50)
}, { allow: /ERR_CONNECTION|ERR_EMPTY_RESPONSE|ERR_SOCKET/ })

await check('a cold start, watched from the page, and a dataset that fails', async page => {
  await server.stop()
  rmSync(dataFolder, { recursive: true })
  const { spawn } = await import('node:child_process')
  const { PATH } = process.env
  const env = { PATH, DATA_DIR: dataFolder, PORT: String(port), SOURCES: 'folder', SHUTDOWN_DELAY: '0' }
  const run = settings => spawn(process.execPath, ['dist/server.js'], { env: { ...env, ...settings }, stdio: 'ignore' })
  const stop = child => new Promise(resolve => child.once('exit', resolve).kill('SIGTERM'))
  const reachable = async () => {
    while (!await fetch(`http://127.0.0.1:${port}/healthz`).then(() => true, () => false)) await delay(20)
  }
  const broken = run({ RETRY_DELAY: '600' })
  await reachable()
  await page.goto(`http://127.0.0.1:${port}/`)
  await page.getByText('MNIST handwritten digits is not available').waitFor()
  assert.match(await page.getByRole('alert').first().innerText(), /no source/)
  await stop(broken)
  await page.evaluate(() => { window.isSamePage = true })
  const cold = run({ SOURCES: 'embedded' })
  await page.waitForSelector(DRAWN, { timeout: 60_000 })
  assert.equal(await page.evaluate(() => window.isSamePage), true, 'without a reload')
  await stop(cold)
}, { allow: /ERR_CONNECTION|ERR_EMPTY_RESPONSE|ERR_SOCKET/ })

await browser.close()
await server.stop().catch(() => {})
