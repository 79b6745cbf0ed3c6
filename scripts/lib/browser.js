/** Debian's Chromium, driven by playwright-core. */
import { existsSync } from 'node:fs'

const programs = [process.env.CHROMIUM, '/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome']

/** The path of a browser; undefined if there is none. */
export function findBrowser () {
  return programs.find(path => path && existsSync(path))
}

/** Starts the browser. */
export async function launchBrowser () {
  const { chromium } = await import('playwright-core')
  // Root may not use the sandbox.
  const args = process.getuid?.() === 0 ? ['--no-sandbox'] : []
  return await chromium.launch({ executablePath: findBrowser(), args })
}
