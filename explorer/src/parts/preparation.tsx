import { useEffect, useRef, useState } from 'preact/hooks'
import { state } from '../dataset.ts'
import { formatBytes, formatSeconds } from '../numbers.ts'
import type { Progress } from '../types.ts'

/** What there is to see until a dataset is ready: its progress, or why it failed. */
export function Preparation () {
  const current = state.value
  if (!current) return <p class='muted' role='status'>Loading…</p>
  const { title, status, progress, reason, attempts, next_attempt: next } = current
  if (status === 'ready') return <p class='muted' role='status'>Loading {title}…</p>
  return (
    <section class='preparation' aria-labelledby='preparation-title'>
      <h2 id='preparation-title'>{status === 'failed' ? `${title} is not available` : `Preparing ${title}`}</h2>
      {status === 'failed' && (
        <>
          <p class='notice error' role='alert'>{reason}</p>
          <p>
            {attempts} {attempts === 1 ? 'attempt has' : 'attempts have'} failed.{' '}
            {next ? `The next one starts at ${new Date(next).toLocaleTimeString()}.` : 'Another one is running.'}
          </p>
        </>
      )}
      {progress
        ? <Bar progress={progress} />
        : status === 'loading' && <p role='status'>Waiting to be loaded.</p>}
    </section>
  )
}

function Bar ({ progress }: { progress: Progress }) {
  const { stage, item, done, total } = progress
  const { rate, remaining } = useRate(progress)
  const isBytes = stage === 'acquire'
  const amount = (value: number): string => isBytes ? formatBytes(value) : Math.round(value).toLocaleString('en')
  const share = total > 0 ? Math.min(1, done / total) : 0
  return (
    <div>
      <p role='status'>{isBytes ? 'Acquiring' : 'Preparing'}: {item}</p>
      <progress max={1} value={share} aria-label='Progress' />
      <p class='muted'>
        {amount(done)} of {amount(total)}{isBytes ? '' : ' images'} ({Math.floor(share * 100)} %)
        {rate !== undefined && `, ${amount(rate)}${isBytes ? '' : ' images'}/s`}
        {remaining !== undefined && `, ${formatSeconds(remaining)} left`}
      </p>
    </div>
  )
}

/** The rate of the server, or else the one since this step was first seen. */
function useRate ({ item, done, total, rate, remaining }: Progress): { rate?: number, remaining?: number } {
  const first = useRef<{ item: string, done: number, time: number }>(undefined)
  const [measured, setMeasured] = useState<number>()
  useEffect(() => {
    const now = performance.now()
    if (first.current?.item !== item) {
      first.current = { item, done, time: now }
      setMeasured(undefined)
    } else if (done > first.current.done && now > first.current.time) {
      setMeasured((done - first.current.done) / (now - first.current.time) * 1000)
    }
  }, [item, done])
  if (rate !== undefined) return { rate, ...(remaining !== undefined && { remaining }) }
  return measured ? { rate: measured, remaining: (total - done) / measured } : {}
}
