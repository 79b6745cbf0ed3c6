import { tensorShape, valueCount } from '../../dataset/image-shape.ts'
import type { PreparedDataset } from '../../dataset/prepared.ts'
import { splitNames, type SplitName } from '../../dataset/sample-splits.ts'
import { sha256 } from '../../disk/hash.ts'
import type { Format } from '../../encode/format.ts'

export const jsonLd: Format = { name: 'json-ld', mediaType: 'application/ld+json', isText: true }

/** Pixels of a page, which loaders hold as lists of numbers: about 4096 images of MNIST. */
const PAGE_PIXELS = 1 << 22

/** Pages of a split that are described, so that the description stays small. */
const MAX_PAGES = 256

/** The context that the specification recommends (docs.mlcommons.org/croissant/docs/croissant-spec-1.1.html). */
const context = {
  '@language': 'en',
  '@vocab': 'https://schema.org/',
  arrayShape: 'cr:arrayShape',
  citeAs: 'cr:citeAs',
  column: 'cr:column',
  conformsTo: 'dct:conformsTo',
  containedIn: 'cr:containedIn',
  cr: 'http://mlcommons.org/croissant/',
  rai: 'http://mlcommons.org/croissant/RAI/',
  data: { '@id': 'cr:data', '@type': '@json' },
  dataType: { '@id': 'cr:dataType', '@type': '@vocab' },
  dct: 'http://purl.org/dc/terms/',
  description: { '@container': '@language' },
  equivalentProperty: 'cr:equivalentProperty',
  examples: { '@id': 'cr:examples', '@type': '@json' },
  extract: 'cr:extract',
  field: 'cr:field',
  fileProperty: 'cr:fileProperty',
  fileObject: 'cr:fileObject',
  fileSet: 'cr:fileSet',
  format: 'cr:format',
  includes: 'cr:includes',
  isArray: 'cr:isArray',
  isLiveDataset: 'cr:isLiveDataset',
  jsonPath: 'cr:jsonPath',
  key: 'cr:key',
  md5: 'cr:md5',
  name: { '@container': '@language' },
  parentField: 'cr:parentField',
  path: 'cr:path',
  recordSet: 'cr:recordSet',
  references: 'cr:references',
  regex: 'cr:regex',
  repeated: 'cr:repeated',
  replace: 'cr:replace',
  samplingRate: 'cr:samplingRate',
  sc: 'https://schema.org/',
  separator: 'cr:separator',
  source: 'cr:source',
  subField: 'cr:subField',
  transform: 'cr:transform'
} as const

export interface CroissantOptions {
  /** Address of the service, with a slash at its end. */
  readonly base: string
  readonly maxBatchSize: number
}

/**
 * Describes a dataset as MLCommons Croissant 1.1: its original files, the labels of each split, and its images in
 * pages of JSON.
 */
export function describeCroissant (dataset: PreparedDataset, options: CroissantOptions): object {
  const { entry, version, files } = dataset
  const { base } = options
  const root = `${base}v1/datasets/${encodeURIComponent(entry.name)}`
  const originals = files.map(({ name, bytes, sha256 }) => fileObject(name, {
    contentUrl: `${root}/files/${encodeURIComponent(name)}`,
    contentSize: `${bytes} B`,
    encodingFormat: 'application/octet-stream',
    sha256,
    description: 'An original file, in the IDX format.'
  }))
  const splits = splitNames.map(split => describeSplit(dataset, split, root, options.maxBatchSize))
  return {
    '@context': context,
    '@type': 'sc:Dataset',
    conformsTo: 'http://mlcommons.org/croissant/1.1',
    name: entry.name,
    alternateName: entry.title,
    description: entry.description,
    ...(entry.citation && { citeAs: entry.citation }),
    ...(entry.creators && { creator: entry.creators.map(name => ({ '@type': 'sc:Person', name })) }),
    ...(entry.published && { datePublished: entry.published }),
    ...(entry.licence.url && { license: entry.licence.url }),
    ...(entry.homepage && { sameAs: entry.homepage }),
    url: `${base}?dataset=${encodeURIComponent(entry.name)}`,
    // Semantic versioning, in which ours is the build.
    version: `1.0.0+${version}`,
    // Pages of images have no hash, since that would take seconds to compute; their URLs name the version.
    isLiveDataset: true,
    distribution: [...originals, ...splits.flatMap(({ fileObjects }) => fileObjects)],
    recordSet: [describeClasses(dataset), ...splits.flatMap(({ recordSets }) => recordSets)]
  }
}

function describeClasses ({ entry: { classes } }: PreparedDataset): object {
  return {
    ...recordSet('classes', [
      { ...named('cr:Field', 'classes/label'), dataType: 'sc:Integer' },
      { ...named('cr:Field', 'classes/name'), dataType: 'sc:Text' }
    ]),
    description: 'The name of each label.',
    dataType: 'sc:Enumeration',
    key: { '@id': 'classes/label' },
    data: classes.map((name, label) => ({ 'classes/label': label, 'classes/name': name }))
  }
}

function describeSplit (dataset: PreparedDataset, split: SplitName, root: string, maxBatchSize: number) {
  const { shape, version } = dataset
  const { count } = dataset.splits[split]
  const fileObjects: object[] = []
  const recordSets: object[] = []
  if (count === 0) return { fileObjects, recordSets }
  const address = `${root}/splits/${split}`
  const add = (
    id: string,
    file: object,
    description: string,
    fields: ReadonlyArray<[name: string, jsonPath: string, type: object]>
  ): void => {
    fileObjects.push(fileObject(`${id}.json`, { encodingFormat: 'application/json', ...file }))
    recordSets.push({
      ...recordSet(id, fields.map(([name, jsonPath, type]) => ({
        ...named('cr:Field', `${id}/${name}`),
        ...type,
        source: { fileObject: { '@id': `${id}.json` }, extract: { jsonPath } }
      }))),
      description
    })
  }
  const integer = { dataType: 'sc:Integer' }
  add(`${split}/labels`, {
    contentUrl: `${address}/labels?format=json&version=${version}`,
    sha256: hashLabelList(dataset, split)
  }, `The label of every sample of ${split}, by position.`, [['label', '$.labels[*]', integer]])

  const size = Math.max(1, Math.min(maxBatchSize, Math.floor(PAGE_PIXELS / valueCount(shape))))
  const pages = Math.min(MAX_PAGES, Math.ceil(count / size))
  const query = `batch_size=${size}&normalization=raw&labels=index&layout=nhwc&format=json&version=${version}`
  for (let page = 0; page < pages; page++) {
    const [first, last] = [page * size, Math.min(count, (page + 1) * size) - 1]
    add(`${split}/images/${page}`, {
      contentUrl: `${address}/batches?page=${page}&${query}`
    }, `Samples ${first} to ${last} of ${split}.`, [
      ['id', '$.ids[*]', integer],
      ['image', '$.images[*]', { dataType: 'cr:UInt8', isArray: true, arrayShape: tensorShape(shape, 'nhwc').join() }],
      ['label', '$.labels[*]', integer]
    ])
  }
  return { fileObjects, recordSets }
}

/** Kept, since the labels of a large split take milliseconds to encode. */
const labelHashes = new WeakMap<Uint8Array, string>()

function hashLabelList (dataset: PreparedDataset, split: SplitName): string {
  const { labels } = dataset.splits[split]
  let hash = labelHashes.get(labels)
  if (hash === undefined) labelHashes.set(labels, hash = sha256(encodeLabelList(dataset, split)))
  return hash
}

function named (type: string, id: string) {
  return { '@type': type, '@id': id, name: id }
}

function fileObject (id: string, members: object): object {
  return { ...named('cr:FileObject', id), ...members }
}

function recordSet (id: string, field: object[]): object {
  return { ...named('cr:RecordSet', id), field }
}

/** All labels of a split as JSON. */
export function encodeLabelList ({ entry, version, splits }: PreparedDataset, split: SplitName): Buffer {
  const { count, labels } = splits[split]
  return Buffer.from(JSON.stringify({ dataset: entry.name, version, split, count, labels: [...labels] }))
}
