/** A browser that is installed on this machine: CHROMIUM, or one that PATH has. */
import { existsSync } from 'node:fs'
import { delimiter, join } from 'node:path'

const NAMES = ['chromium', 'chromium-browser', 'google-chrome']

/** Path of the program, if there is one. */
export function findChromium () {
  const folders = (process.env.PATH ?? '').split(delimiter)
  return process.env.CHROMIUM || folders.flatMap(folder => NAMES.map(name => join(folder, name))).find(existsSync)
}

export async function launchChromium () {
  const { chromium } = await import('playwright-core')
  return await chromium.launch({ executablePath: findChromium() })
}
