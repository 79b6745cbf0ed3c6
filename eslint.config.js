import neostandard from 'neostandard'

export default [
  ...neostandard({ ts: true, ignores: ['dist/', 'build/', '.tap/'] }),
  { rules: { '@stylistic/max-len': ['error', { code: 120, ignoreUrls: true }] } }
]
