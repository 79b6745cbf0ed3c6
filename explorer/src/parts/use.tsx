import { useState } from 'preact/hooks'
import { dtypes, labelEncodings, layouts, normalizations, remainders } from '../../../src/batch/options.ts'
import { splitNames } from '../../../src/dataset/sample-splits.ts'
import { urlOf } from '../api.ts'
import { Choice, CopyButton, NumberField } from '../components.tsx'
import { list } from '../dataset.ts'
import { formatBytes, formatCount } from '../numbers.ts'
import {
  augment, batchSize, dtype, epoch, format, labels, layout, normalization, pad, page, rank, remainder, seed, split,
  worldSize
} from '../parameters.ts'
import { batchUrl, languages, snippet, type Language } from '../snippets.ts'
import { choice } from '../query.ts'
import type { Dataset } from '../types.ts'

const language = choice<Language>('language', languages, 'NumPy')
const isPinned = choice('pin', ['no', 'yes'], 'no')

/** The parameters of the current view, without those that have their default. */
function currentQuery (dataset: Dataset): Record<string, string | number> {
  const isAugmented = augment.value !== '' && split.value === 'train'
  const query: Record<string, string | number | undefined | false> = {
    page: page.value > 0 && page.value,
    batch_size: batchSize.value,
    seed: seed.value,
    epoch: (seed.value !== undefined || isAugmented) && epoch.value > 0 && epoch.value,
    rank: worldSize.value > 1 && rank.value,
    world_size: worldSize.value > 1 && worldSize.value,
    remainder: remainder.value !== 'keep' && remainder.value,
    normalization: normalization.value !== 'centered' && normalization.value,
    dtype: normalization.value !== 'raw' && dtype.value === 'float16' && dtype.value,
    labels: labels.value !== 'onehot' && labels.value,
    layout: layout.value !== 'flat' && layout.value,
    augment: isAugmented && augment.value,
    pad: pad.value,
    version: isPinned.value === 'yes' && dataset.version
  }
  const set = Object.entries(query).filter(([, value]) => value !== undefined && value !== false)
  return Object.fromEntries(set) as Record<string, string | number>
}

/** The address and code for the current view, and what the dataset is. */
export function Use ({ dataset }: { dataset: Dataset }) {
  const [isWhole, setWhole] = useState(false)
  const request = { base: urlOf('./'), dataset: dataset.dataset, split: split.value, query: currentQuery(dataset) }
  const url = batchUrl(request, format.value)
  const code = snippet(language.value, request, format.value)
  return (
    <section aria-labelledby='use-title'>
      <h2 id='use-title' class='hidden'>Use it</h2>
      <div class='controls'>
        <Choice label='Split' parameter={split} values={splitNames} />
        <NumberField label='Page' parameter={page} />
        <NumberField label='Batch size' parameter={batchSize} min={1} max={list.value?.limits.max_batch_size} />
        <NumberField label='Seed' parameter={seed} max={0xffffffff} optional />
        <NumberField label='Epoch' parameter={epoch} max={0xffffffff} />
        <NumberField label='World size' parameter={worldSize} min={1} max={65536} />
        <NumberField label='Rank' parameter={rank} max={worldSize.value - 1} />
        <Choice label='Remainder' parameter={remainder} values={remainders} />
        <Choice label='Normalization' parameter={normalization} values={normalizations} />
        <Choice
          label='Dtype' parameter={dtype} values={dtypes.filter(name => name !== 'uint8')}
          disabled={normalization.value === 'raw'}
        />
        <Choice label='Labels' parameter={labels} values={labelEncodings} />
        <Choice label='Layout' parameter={layout} values={layouts} />
        <Choice label='Format' parameter={format} values={['json', 'npz', 'safetensors', 'arrow']} />
        <Choice label='Pin the version' parameter={isPinned} values={['no', 'yes']} />
      </div>
      {augment.value !== '' && split.value === 'train' && <p class='muted'>Augmented: <code>{augment.value}</code></p>}
      <h3>URL</h3>
      <pre tabIndex={0} aria-label='URL' data-test='url'><code>{url}</code></pre>
      <p class='buttons'><CopyButton label='Copy URL' text={url} /> <a class='button' href={url}>Download</a></p>
      <div class='controls'><Choice label='Code' parameter={language} values={languages} /></div>
      <pre tabIndex={0} aria-label={`Code for ${language.value}`} data-test='code'><code>{code}</code></pre>
      <p class='buttons'><CopyButton label='Copy code' text={code} /></p>
      <Card dataset={dataset} isWhole={isWhole} onToggle={() => setWhole(!isWhole)} />
    </section>
  )
}

function Card ({ dataset, isWhole, onToggle }: { dataset: Dataset, isWhole: boolean, onToggle: () => void }) {
  const { provenance, preparation, splits } = dataset
  return (
    <>
      <h2>Dataset card</h2>
      <p>{dataset.description}</p>
      <dl>
        <dt>Version</dt><dd><code>{dataset.version}</code> <CopyButton text={dataset.version} /></dd>
        <dt>Licence</dt><dd><a href={provenance.licence.url} rel='noreferrer'>{provenance.licence.name}</a></dd>
        <dt>Homepage</dt><dd><a href={provenance.homepage} rel='noreferrer'>{provenance.homepage}</a></dd>
        <dt>Citation</dt><dd>{provenance.citation}</dd>
        <dt>Croissant</dt>
        <dd><a href={`v1/datasets/${dataset.dataset}/croissant`}>JSON-LD for Croissant loaders</a></dd>
        <dt>Images</dt><dd>{dataset.shape.join('×')}, 8-bit</dd>
        <dt>Splits</dt><dd>{splitNames.map(name => `${name} ${formatCount(splits[name])}`).join(', ')}</dd>
        <dt>Split by</dt>
        <dd>{preparation.split}, val_fraction {preparation.val_fraction}, seed {preparation.split_seed}</dd>
        <dt>Denoising</dt><dd>{preparation.denoise}</dd>
        <dt>Mean</dt><dd>over {formatCount(preparation.mean_count)} samples of {preparation.mean_over}</dd>
        <dt>Standard</dt>
        <dd>μ = {[preparation.standard.mean].flat().join(', ')}, σ = {[preparation.standard.std].flat().join(', ')}</dd>
        <dt>Prepared by</dt><dd>TensorFlow.js, backend {preparation.backend}</dd>
      </dl>
      <p><button type='button' aria-expanded={isWhole} onClick={onToggle}>Files and hashes</button></p>
      {isWhole && (
        <div class='table' tabIndex={0} role='region' aria-label='Files'>
          <table>
            <thead>
              <tr>
                {['file', 'size', 'source', 'SHA-256'].map(name => <th key={name} scope='col'>{name}</th>)}
              </tr>
            </thead>
            <tbody>
              {provenance.files.map(({ name, bytes, source, sha256 }) => (
                <tr key={name}>
                  <th scope='row'><a href={fileUrl(dataset, name)}>{name}</a></th>
                  <td>{formatBytes(bytes)}</td><td>{source}</td>
                  <td><code>{sha256}</code></td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
    </>
  )
}

/** Relative, unlike the address in the description, which need not be the path that this page was loaded from. */
function fileUrl ({ dataset }: Dataset, name: string): string {
  return `v1/datasets/${dataset}/files/${encodeURIComponent(name)}`
}
