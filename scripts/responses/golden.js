/**
 * The file of requests and responses: an entry a line, as short as it can be and still be read. GET and 200 are left
 * out, `~` stands for the path of the splits, and the first line has what most responses of a group have in common.
 */
import { readFileSync, writeFileSync } from 'node:fs'
import { namesIn } from './differences.js'

const file = new URL('../../test/golden/responses.json', import.meta.url)
const splitsPath = '/v1/datasets/mnist/splits'

/** Bodies of requests that are too long for the file, which has their names. */
const manyIds = Array.from({ length: 4096 }, (_, i) => (i * 7919) % 48_000)
const longBodies = {
  '<4096 ids>': JSON.stringify({ ids: manyIds }),
  '<4097 ids>': JSON.stringify({ ids: [...manyIds, 1] }),
  '<spaces beyond the limit>': `{"ids":[1${' '.repeat(132_200)}]}`
}

/** The body that a request sends. */
export function bodyOf ({ body }) {
  return longBodies[body] ?? body
}

export function keyOf ({ method = 'GET', url, sent = {}, body }) {
  return JSON.stringify([method, url, sent, body])
}

export function describeRequest ({ method = 'GET', url, sent = {}, body }) {
  const headers = Object.entries(sent).map(([name, value]) => `, ${name}: ${value}`)
  return `${method} ${url}${headers.join('')}${body === undefined ? '' : `, body: ${body}`}`
}

export function readGolden () {
  const [{ version, usual }, ...lines] = JSON.parse(readFileSync(file, 'utf8'))
  const entries = lines.map(({ url, status = 200, headers = {}, problem, ...rest }) => {
    const entry = { url: url.replace(/^~/, splitsPath), status, ...rest }
    return {
      ...entry,
      headers: expand(headers, { ...usual.all, ...usual[groupOf(entry)] }),
      ...(problem && { problem: withDetails(expand(problem, usual[problem.code])) })
    }
  })
  return { version, entries }
}

export function writeGolden (version, entries) {
  const problems = entries.map(({ problem }) => problem).filter(Boolean).map(withoutDetails)
  const all = findCommon(entries.map(({ headers }) => headers))
  const groups = Object.entries(groupBy(entries, groupOf)).map(([group, members]) => {
    return [group, compact(findCommon(members.map(({ headers }) => headers)), all)]
  })
  const codes = Object.entries(groupBy(problems, ({ code }) => code))
    .map(([code, members]) => [code, findCommon(members)])
  const usual = { all, ...Object.fromEntries([...groups, ...codes].sort()) }

  const lines = entries.map(({ url, status, headers, problem, method, sent, body, ...rest }) => {
    const unusual = compact(headers, { ...all, ...usual[groupOf({ url, status })] })
    return {
      url: url.replace(splitsPath, '~'),
      ...(status !== 200 && { status }),
      ...{ method, sent, body },
      ...rest,
      ...(Object.keys(unusual).length > 0 && { headers: unusual }),
      ...(problem && { problem: { code: problem.code, ...compact(withoutDetails(problem), usual[problem.code]) } })
    }
  })
  writeFileSync(file, `[\n${[{ version, usual }, ...lines].map(line => JSON.stringify(line)).join(',\n')}\n]\n`)
}

/** Responses of a group have most headers in common. */
function groupOf ({ url, status }) {
  const [, resource = 'other'] = /\/(batches|gather|stream|samples|mean|files|docs)\b/.exec(url) ?? []
  if (status !== 200) return `${resource} ${status}`
  const [, split = ''] = /\/splits\/(\w+)/.exec(url) ?? []
  const [, format = ''] = /\bformat=(\w+)/.exec(url) ?? []
  return [resource, status, split, format].filter(part => part !== '').join(' ')
}

function groupBy (values, keyOf) {
  const groups = {}
  for (const value of values) (groups[keyOf(value)] ??= []).push(value)
  return groups
}

/** For each member the value that most of these objects have; null where most have none. */
function findCommon (objects) {
  return Object.fromEntries(namesIn(...objects).map(name => {
    const counts = Object.entries(groupBy(objects, object => toText(object[name])))
    const [[text]] = counts.sort(([, a], [, b]) => b.length - a.length)
    return [name, JSON.parse(text)]
  }))
}

/** The members that are not as usual; a missing one is null. */
function compact (object, usual) {
  const unusual = namesIn(object, usual).filter(name => toText(object[name]) !== toText(usual[name]))
  return Object.fromEntries(unusual.map(name => [name, object[name] ?? null]))
}

function toText (value) {
  return JSON.stringify(value ?? null)
}

function expand (object, usual) {
  return Object.fromEntries(Object.entries({ ...usual, ...object }).filter(([, value]) => value !== null))
}

/** A problem with one error has the same detail twice; `^` stands for that. */
function withoutDetails (problem) {
  return mapErrors(problem, error => error.detail === problem.detail ? { ...error, detail: '^' } : error)
}

function withDetails (problem) {
  return mapErrors(problem, error => error.detail === '^' ? { ...error, detail: problem.detail } : error)
}

function mapErrors (problem, change) {
  return problem.errors === undefined ? problem : { ...problem, errors: problem.errors.map(change) }
}
