import neostandard from 'neostandard'

export default [
  ...neostandard({ ts: true, ignores: ['**/dist/', 'build/', '.tap/', 'clients/typescript/src/schema.ts'] }),
  { rules: { '@stylistic/max-len': ['error', { code: 120, ignoreUrls: true }] } },
  // AssemblyScript decorates functions, and has names with underscores.
  {
    files: ['assembly/*.ts'],
    languageOptions: { parserOptions: { allowInvalidAST: true } },
    rules: { camelcase: 'off' }
  }
]
