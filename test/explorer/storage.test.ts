import t from 'tap'
import { openStorage } from '../../explorer/src/storage.ts'

t.test('values are stored, and read again by the next page', async t => {
  const stored = new Map<string, string>()
  const storage = {
    getItem: (key: string) => stored.get(key) ?? null,
    setItem: (key: string, value: string) => { stored.set(key, value) }
  }
  const page = openStorage(() => storage)
  t.equal(page.get('theme'), undefined)
  page.set('theme', 'dark')
  t.equal(openStorage(() => storage).get('theme'), 'dark')
})

t.test('where site data is blocked or full, values last as long as the page', async t => {
  const refuse = (): never => { throw new Error('SecurityError') }
  const full = { getItem: () => null, setItem: refuse }
  for (const open of [refuse, () => full]) {
    const page = openStorage(open)
    t.equal(page.get('theme'), undefined)
    page.set('theme', 'dark')
    t.equal(page.get('theme'), 'dark')
  }
})
