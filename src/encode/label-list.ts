import type { PreparedDataset } from '../dataset/prepared.ts'
import type { SplitName } from '../dataset/sample-splits.ts'

/** All labels of a split as JSON. */
export function encodeLabelList ({ entry, version, splits }: PreparedDataset, split: SplitName): Buffer {
  const { count, labels } = splits[split]
  return Buffer.from(JSON.stringify({ dataset: entry.name, version, split, count, labels: [...labels] }))
}
