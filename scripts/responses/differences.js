/** How two responses to the same request differ. */

/**
 * @param isLenient whether texts for people do not count
 * @returns lines; none if the responses are the same
 */
export function findDifferences (before, after, isLenient = false) {
  const isText = isLenient && before.text
  const isComparable = before.encoded?.node === after.encoded?.node
  const found = []
  if (before.status !== after.status) found.push(`status: ${before.status} → ${after.status}`)

  // Only the response to a HEAD has the length itself: that of a text, or of the output of this version of zlib.
  const ignored = [
    ...isText ? ['etag'] : [],
    ...isText || (isLenient && before.status >= 400) || (before.encoded && !isComparable) ? ['content-length'] : []
  ]
  for (const name of namesIn(before.headers, after.headers)) {
    const [was, is] = [before.headers[name], after.headers[name]]
    if (was !== is && !ignored.includes(name)) found.push(`header ${name}: ${was ?? 'none'} → ${is ?? 'none'}`)
  }

  for (const kind of ['problem', 'document']) {
    const [was, is] = [before, after].map(entry => isLenient ? withoutTexts(entry[kind]) : entry[kind])
    found.push(...compareDocuments(kind, was, is))
  }

  const isHidden = isText && before.sha256 !== undefined && after.sha256 !== undefined
  if (!isHidden && (before.sha256 !== after.sha256 || before.bytes !== after.bytes)) {
    found.push(`body: ${describe(before)} → ${describe(after)}`)
  }
  if (!isText && isComparable && before.encoded?.sha256 !== after.encoded?.sha256) {
    found.push(`encoded body: sha256 ${before.encoded.sha256} → ${after.encoded.sha256}`)
  }
  return found
}

function compareDocuments (kind, was = {}, is = {}) {
  if (JSON.stringify(was) === JSON.stringify(is)) return []
  const found = namesIn(was, is)
    .map(name => [name, JSON.stringify(was[name]), JSON.stringify(is[name])])
    .filter(([, before, after]) => before !== after)
    .map(([name, before, after]) => `${kind}.${name}: ${before ?? 'none'} → ${after ?? 'none'}`)
  return found.length > 0 ? found : [`order in the ${kind}: ${Object.keys(was)} → ${Object.keys(is)}`]
}

export function namesIn (...objects) {
  return [...new Set(objects.flatMap(object => Object.keys(object)))]
}

function withoutTexts (document) {
  const texts = ['title', 'detail', 'description']
  return document && JSON.parse(JSON.stringify(document, (name, value) => texts.includes(name) ? undefined : value))
}

function describe ({ bytes, sha256, problem, document }) {
  if (problem ?? document) return 'a document'
  return bytes === undefined ? 'none' : `${bytes} bytes, sha256 ${sha256}`
}
