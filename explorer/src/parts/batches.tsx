import { useEffect, useRef, useState } from 'preact/hooks'
import { remainders } from '../../../src/batch/options.ts'
import { valueCount } from '../../../src/dataset/image-shape.ts'
import { splitNames } from '../../../src/dataset/sample-splits.ts'
import { request, urlOf } from '../api.ts'
import { byteScale, Choice, CopyButton, NumberField, Problem, toImageData } from '../components.tsx'
import { imageShape, list, splitPath } from '../dataset.ts'
import { formatCount } from '../numbers.ts'
import { batchSize, epoch, page, rank, remainder, seed, split, worldSize } from '../parameters.ts'
import { navigate } from '../query.ts'
import { useResource } from '../resource.ts'
import { asInt32, asNumbers, readSafetensors } from '../safetensors.ts'
import type { Dataset } from '../types.ts'

/** Ranks whose batches are shown at once. */
const MAX_RANKS = 8
/** Samples of a batch that are shown. */
const MAX_SHOWN = 512
const PER_ROW = 16

/** One colour per rank, distinguishable by people with colour blindness (Okabe and Ito), and readable on black. */
export const rankColors = ['#e69f00', '#56b4e9', '#009e73', '#f0e442', '#6ea8ff', '#d55e00', '#cc79a7', '#bbbbbb']

interface RankBatch {
  readonly rank: number
  readonly pages: number
  readonly ids: Int32Array
  readonly labels: readonly number[]
  readonly images: Uint8Array
  /** Undefined where nothing is padded. */
  readonly mask: Uint8Array | undefined
}

/** Which samples end up in which rank's batch. */
export function Batches ({ dataset }: { dataset: Dataset }) {
  const world = worldSize.value
  const first = world <= MAX_RANKS ? 0 : Math.min(rank.value, world - MAX_RANKS)
  const ranks = Array.from({ length: Math.min(world, MAX_RANKS) }, (_, i) => first + i)
  const query = {
    page: page.value,
    batch_size: batchSize.value,
    seed: seed.value,
    epoch: seed.value === undefined ? undefined : epoch.value,
    world_size: world > 1 ? world : undefined,
    remainder: remainder.value === 'keep' ? undefined : remainder.value
  }
  const maximum = list.value?.limits.max_batch_size ?? 4096
  const key = JSON.stringify([dataset.version, split.value, query, ranks])
  const batches = useResource(key, async signal => await Promise.all(ranks.map(async rank => {
    const parameters = {
      ...query,
      ...(world > 1 && { rank }),
      normalization: 'raw',
      layout: 'nhwc',
      labels: 'index',
      format: 'safetensors',
      version: dataset.version
    }
    const response = await request(splitPath(dataset, split.value, 'batches'), parameters, { signal })
    const tensors = readSafetensors(await response.arrayBuffer())
    return {
      rank,
      pages: Number(response.headers.get('batch-pages')),
      ids: asInt32(tensors['ids']!),
      labels: asNumbers(tensors['labels']!),
      images: tensors['images']!.bytes,
      mask: tensors['mask']?.bytes
    } satisfies RankBatch
  })))
  const pages = batches.data?.[0]?.pages
  const start = page.value * batchSize.value * world
  return (
    <section aria-labelledby='batches-title'>
      <h2 id='batches-title' class='hidden'>Batches</h2>
      <div class='controls'>
        <Choice label='Split' parameter={split} values={splitNames} />
        <NumberField label={`Page${pages === undefined ? '' : ` (of ${formatCount(pages)})`}`} parameter={page} />
        <NumberField label='Batch size' parameter={batchSize} min={1} max={maximum} />
        <NumberField label='Seed' parameter={seed} max={0xffffffff} optional />
        <NumberField label='Epoch' parameter={epoch} max={0xffffffff} disabled={seed.value === undefined} />
        <NumberField label='World size' parameter={worldSize} min={1} max={65536} />
        <NumberField label='Rank' parameter={rank} max={world - 1} />
        <Choice label='Remainder' parameter={remainder} values={remainders} />
      </div>
      <p class='buttons'>
        <button type='button' disabled={page.value === 0} onClick={() => page.set(page.value - 1)}>Previous page
        </button>
        <button
          type='button' disabled={pages !== undefined && page.value + 1 >= pages}
          onClick={() => page.set(page.value + 1)}
        >Next page
        </button>
        <button type='button' disabled={!pages} onClick={() => page.set(pages! - 1)}>Last page</button>
      </p>
      <p class='muted' role='status'>
        Page {page.value} covers the positions {formatCount(start)} to{' '}
        {formatCount(start + batchSize.value * world - 1)} of the{' '}
        {seed.value === undefined ? 'natural' : 'shuffled'} order
        {world > MAX_RANKS && `; shown are ranks ${first} to ${first + MAX_RANKS - 1} of ${formatCount(world)}`}.
      </p>
      <Problem error={batches.error} />
      {batches.data?.map(batch => (
        <BatchOfRank
          key={batch.rank} dataset={dataset} batch={batch} isSelected={world > 1 && batch.rank === rank.value}
          url={urlOf(splitPath(dataset, split.value, 'batches'), { ...query, ...(world > 1 && { rank: batch.rank }) })}
        />
      ))}
    </section>
  )
}

function BatchOfRank ({ dataset, batch, isSelected, url }: {
  dataset: Dataset, batch: RankBatch, isSelected: boolean, url: string
}) {
  const { ids, labels, mask } = batch
  const [hovered, setHovered] = useState<number>()
  const color = rankColors[batch.rank % rankColors.length]!
  const padding = mask ? mask.reduce((sum, real) => sum + 1 - real, 0) : 0
  const describe = (i: number): string => {
    const filler = mask?.[i] === 0 ? ', padding (mask 0)' : ''
    return `position ${i}: sample ${ids[i]}, class ${dataset.classes[labels[i]!]}${filler}`
  }
  return (
    <article>
      <h3>
        <span class='swatch' style={{ background: color }} />
        Rank {batch.rank}{isSelected && ' (selected)'}: {ids.length} samples
        {padding > 0 && `, ${padding} of them padding`}
      </h3>
      {ids.length === 0
        ? <p class='muted'>Empty: the epoch has no samples left for this rank.</p>
        : (
          <BatchCanvas dataset={dataset} batch={batch} color={color} onHover={setHovered} />
          )}
      <p class='muted'>{hovered === undefined ? 'Point at a sample, or open the list.' : describe(hovered)}</p>
      <details>
        <summary>Ids</summary>
        <p data-test='ids'><code>{[...ids].join(', ')}</code></p>
        <p class='buttons'>
          <CopyButton label='Copy ids' text={() => [...ids].join(',')} />
          <CopyButton label='Copy URL' text={url} />
        </p>
      </details>
    </article>
  )
}

function BatchCanvas ({ dataset, batch, color, onHover }: {
  dataset: Dataset, batch: RankBatch, color: string, onHover: (i: number | undefined) => void
}) {
  const canvas = useRef<HTMLCanvasElement>(null)
  const shape = imageShape(dataset)
  const { rows, columns } = shape
  const [width, height] = [columns + 4, rows + 4]
  const count = Math.min(MAX_SHOWN, batch.ids.length)
  const lines = Math.ceil(count / PER_ROW)
  useEffect(() => {
    const context = canvas.current!.getContext('2d')!
    context.clearRect(0, 0, PER_ROW * width, lines * height)
    for (let i = 0; i < count; i++) {
      const [x, y] = [i % PER_ROW * width, Math.floor(i / PER_ROW) * height]
      const values = batch.images.subarray(i * valueCount(shape), (i + 1) * valueCount(shape))
      context.fillStyle = color
      context.fillRect(x + 1, y + 1, width - 2, height - 2)
      context.putImageData(toImageData({ rows, columns, values }, byteScale), x + 2, y + 2)
      if (batch.mask?.[i] !== 0) continue
      // Crossed out, so that padding is not told by colour alone.
      context.strokeStyle = '#ff5c5c'
      context.lineWidth = 2
      context.beginPath()
      context.moveTo(x + 2, y + 2)
      context.lineTo(x + width - 2, y + height - 2)
      context.moveTo(x + width - 2, y + 2)
      context.lineTo(x + 2, y + height - 2)
      context.stroke()
    }
  }, [batch, color])
  const find = (event: MouseEvent): number | undefined => {
    const box = canvas.current!.getBoundingClientRect()
    const column = Math.floor((event.clientX - box.left) / box.width * PER_ROW)
    const row = Math.floor((event.clientY - box.top) / box.height * lines)
    const i = row * PER_ROW + column
    return i >= 0 && i < count ? i : undefined
  }
  return (
    <canvas
      ref={canvas} class='pixels batch' width={PER_ROW * width} height={lines * height} role='img'
      aria-label={`Samples of rank ${batch.rank}; their ids are in the list below`}
      onPointerMove={event => onHover(find(event))} onPointerLeave={() => onHover(undefined)}
      onClick={event => {
        const i = find(event)
        if (i !== undefined) navigate({ view: 'model', id: String(batch.ids[i]) })
      }}
    />
  )
}
