/** Licences that let everybody use, change and pass on the packages, if their texts are passed on as well. */
const ALLOWED = new Set([
  '0BSD', 'Apache-2.0', 'BlueOak-1.0.0', 'BSD-2-Clause', 'BSD-3-Clause', 'ISC', 'MIT', 'Python-2.0', 'Unlicense', 'Zlib'
])

/** @param expression of SPDX; if AND joins parentheses, all licences in it must be allowed */
export function isAllowed (expression = '') {
  const isProduct = /\) AND|AND \(/.test(expression)
  const alternatives = expression.replaceAll(/[()]/g, '').split(isProduct ? /$/ : ' OR ')
  return alternatives.some(terms => terms.split(/ AND | OR /).every(term => ALLOWED.has(term.trim())))
}
