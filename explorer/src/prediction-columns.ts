/** The columns of a file by the names that people give them. */

/** A column of a file; its name as the file has it. */
export interface Column {
  readonly name: string
  readonly values: readonly unknown[]
}

export interface PredictionColumns {
  /** Undefined if the predictions are those of the samples in order. */
  readonly ids: readonly unknown[] | undefined
  readonly predictions: Column
}

const IDS = ['id', 'ids', 'index', 'sample', 'sample_id', 'image_id', 'idx']
const PREDICTIONS = [
  'prediction', 'predictions', 'predicted', 'pred', 'preds', 'y_pred', 'y_hat', 'yhat',
  'predicted_label', 'predicted_labels', 'predicted_class', 'pred_label', 'pred_class'
]
const SCORES = ['logits', 'scores', 'probabilities', 'probs']
/** Predictions only where nothing else is: beside predictions, they are the truth. */
const LABELS = ['label', 'labels', 'class', 'y']

/** How pandas names an index without a name: when it writes it, and when it has read it as a column. */
const UNNAMED = /^(|unnamed:_0)$/

/** @throws Error if no column has the predictions, or another one may have them as well */
export function choosePredictions (columns: readonly Column[]): PredictionColumns {
  const find = (names: readonly string[]): Column[] => columns.filter(({ name }) => names.includes(normalize(name)))
  const [id] = find(IDS)
  const index = columns.find(({ name }) => UNNAMED.test(normalize(name)))
  const others = columns.filter(column => column !== id && (column !== index || columns.length === 1))
  const [predictions, rival] = [PREDICTIONS, SCORES].map(find).find(found => found.length > 0) ?? []
  if (rival) fail(`${predictions!.name} and ${rival.name} may both be the predictions: leave only one of them`)
  const ids = id?.values ?? (others.includes(index!) ? undefined : idsOf(index))
  if (predictions) return { ids, predictions }
  const [only, ...rest] = others
  const isLabel = only && LABELS.includes(normalize(only.name))
  // An array alone, or a series of pandas, has no name of its own.
  const isAlone = isLabel || columns.length === 1 || only?.name === '0'
  if (only && rest.length === 0 && isAlone) return { ids, predictions: only }
  const [label] = find(LABELS)
  const names = columns.map(({ name }) => name).join(', ').slice(0, 200)
  if (label) fail(`it has ${names}, so ${label.name} may be the true labels: name the predictions 'prediction'`)
  return fail(`it has ${names}, and none of ${[...PREDICTIONS, ...SCORES, ...LABELS].join(', ')}`)
}

function fail (reason: string): never {
  throw new Error(reason)
}

function normalize (name: string): string {
  return name.trim().toLowerCase().replaceAll(/[\s-]/g, '_')
}

/** The ids in an unnamed index; undefined if it repeats numbers, as in joined tables, or has none. */
function idsOf (index: Column | undefined): readonly unknown[] | undefined {
  const values = index?.values ?? []
  const isUnique = new Set(values).size === values.length
  return isUnique && values.every(value => /^\d+$/.test(String(value))) && values.length > 0 ? values : undefined
}
