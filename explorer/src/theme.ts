import { effect, signal } from '@preact/signals'
import { openStorage } from './storage.ts'

const THEME_KEY = 'explorer-theme'
const storage = openStorage(() => localStorage)
export type Theme = 'auto' | 'light' | 'dark'

export const theme = signal((storage.get(THEME_KEY) ?? 'auto') as Theme)

const system = matchMedia('(prefers-color-scheme: dark)')
/** Whether the page is dark, whoever decided so. */
export const isDark = signal(false)

effect(() => {
  const update = (): void => {
    isDark.value = theme.value === 'dark' || (theme.value === 'auto' && system.matches)
    document.documentElement.dataset['theme'] = isDark.value ? 'dark' : 'light'
  }
  update()
  storage.set(THEME_KEY, theme.value)
  system.addEventListener('change', update)
  return () => system.removeEventListener('change', update)
})
