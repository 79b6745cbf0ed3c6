import { readFileSync } from 'node:fs'
import { changesOf, findVersions } from '#scripts/release/versions.js'
import t from 'tap'
import { root } from './fixtures/root.ts'

t.test('everything that is released has the same version', async t => {
  const versions = findVersions()
  const { 'package.json': version } = versions
  t.match(version, /^\d+\.\d+\.\d+/)
  for (const [place, other] of Object.entries(versions)) t.equal(other, version, place)
  t.match(changesOf(version!), /^- /m)
  t.throws(() => changesOf('99.0.0'), /no section/)
})

t.test('the image has the base image that is kept up to date', async t => {
  const read = (path: string): string => readFileSync(new URL(path, root), 'utf8')
  const [, used] = /^ARG BASE=\$\{NODE_IMAGE:-(.+)\}$/m.exec(read('Dockerfile'))!
  const [, updated] = /^FROM (.+)$/m.exec(read('.github/base-image/Dockerfile'))!
  t.match(used, /^node:[\d.]+-bookworm-slim@sha256:[0-9a-f]{64}$/)
  t.equal(used, updated)
})
