/** Debian's Chromium, driven by playwright-core. */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

const programs = [process.env.CHROMIUM, '/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome']

/** The path of a browser; undefined if there is none. */
export function findBrowser () {
  return programs.find(path => path && existsSync(path))
}

/** Starts the browser. */
export async function launchBrowser () {
  const { chromium } = await import('playwright-core')
  return await chromium.launch(launchOptions())
}

/**
 * Starts a browser whose settings block cookies and site data.
 *
 * @param folder an empty folder for its profile
 */
export async function launchWithoutSiteData (folder) {
  const { chromium } = await import('playwright-core')
  const preferences = { profile: { default_content_setting_values: { cookies: 2 } } }
  mkdirSync(join(folder, 'Default'))
  writeFileSync(join(folder, 'Default', 'Preferences'), JSON.stringify(preferences))
  return await chromium.launchPersistentContext(folder, launchOptions())
}

function launchOptions () {
  // Root may not use the sandbox.
  const args = process.getuid?.() === 0 ? ['--no-sandbox'] : []
  return { executablePath: findBrowser(), args }
}

/**
 * Does something on a page, and measures the CPU time of the longest task of its main thread. Unlike the time that
 * passes, it depends little on other programs.
 *
 * @returns the result, and the milliseconds
 */
export async function measureTasks (page, work) {
  const session = await page.context().newCDPSession(page)
  const events = []
  session.on('Tracing.dataCollected', ({ value }) => events.push(...value))
  const complete = new Promise(resolve => session.once('Tracing.tracingComplete', resolve))
  await session.send('Tracing.start', { categories: 'toplevel,__metadata', transferMode: 'ReportEvents' })
  const result = await work()
  await session.send('Tracing.end')
  await complete
  const threads = events.filter(({ name, args }) => name === 'thread_name' && args.name === 'CrRendererMain')
  const isMain = ({ pid, tid }) => threads.some(thread => thread.pid === pid && thread.tid === tid)
  const tasks = events.filter(event => event.tdur !== undefined && isMain(event))
  return { result, longest: Math.max(0, ...tasks.map(({ tdur }) => tdur / 1000)) }
}

/**
 * MB that the process of a page uses alone; those of the JavaScript heap on systems that tell nothing else. A browser
 * without other pages has one such process.
 */
export async function pageMemory (page) {
  const session = await page.context().browser().newBrowserCDPSession()
  const { processInfo } = await session.send('SystemInfo.getProcessInfo')
  await session.detach()
  const renderers = processInfo.filter(({ type }) => type === 'renderer')
  try {
    return Math.max(...renderers.map(({ id }) => {
      const rollup = readFileSync(`/proc/${id}/smaps_rollup`, 'utf8')
      const kilobytes = [...rollup.matchAll(/^Private_\w+: +(\d+) kB/gm)].reduce((sum, [, n]) => sum + Number(n), 0)
      return kilobytes * 1024 / 1e6
    }))
  } catch {
    const metrics = await page.context().newCDPSession(page)
    await metrics.send('Performance.enable')
    const { metrics: values } = await metrics.send('Performance.getMetrics')
    return values.find(({ name }) => name === 'JSHeapUsedSize').value / 1e6
  }
}
