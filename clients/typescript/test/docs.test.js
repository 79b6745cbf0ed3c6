/** The snippets of the documentation, where TensorFlow.js can be installed. */
import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { after, before, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { startService } from '../../../scripts/lib/server.js'
import { prepareTfjs } from '../../../scripts/lib/tfjs.js'

const skip = prepareTfjs()
const root = new URL('../../../', import.meta.url)

/** Files, and the start of the part that is about this client. */
const documents = { 'clients/typescript/README.md': '', 'docs/clients.md': '\n## TypeScript\n' }

let server
before(async () => {
  if (!skip) server = await startService()
})
after(() => server?.stop())

for (const [path, start] of Object.entries(documents)) {
  const text = readFileSync(new URL(path, root), 'utf8')
  const part = text.slice(text.indexOf(start))
  for (const [i, [, snippet]] of [...part.matchAll(/^```js\n([^]*?)^```$/gm)].entries()) {
    test(`${path}: snippet ${i + 1} runs`, { skip }, async () => {
      const source = snippet.replaceAll('http://127.0.0.1:8080', server.base)
      const { stderr } = await promisify(execFile)(process.execPath, ['--input-type=module', '-e', source], {
        // This folder has both packages.
        cwd: fileURLToPath(new URL('examples/tfjs', root))
      })
      assert.doesNotMatch(stderr, /Assertion failed|server/)
    })
  }
}
