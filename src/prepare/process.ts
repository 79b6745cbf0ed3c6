/**
 * The process that prepares and then ends, so that TensorFlow's memory and threads end with it. A job comes as a message,
 * and messages answer it. Images go through the file at descriptor 3, see layout.ts: they are read, written back if they were
 * denoised, and written centered, chunk by chunk; a place is written again once a message says that it was read.
 */
import { on } from 'node:events'
import { readSync, writeSync } from 'node:fs'
import { splitNames } from '../dataset/entry.ts'
import { messageOf } from '../errors.ts'
import { placeOf, PLACES } from './layout.ts'
import type { FromProcess } from './prepare.ts'
import { run, type Findings, type Job } from './run.ts'

const SCRATCH = 3

process.once('message', (job: Job) => {
  // Disconnected by whoever started this, or below: either way there is nothing left to do.
  process.once('disconnect', () => process.exit())
  prepare(job).then(
    findings => answer({ findings }),
    error => answer({ failure: messageOf(error) })
  ).then(() => process.disconnect())
})

async function prepare (job: Job): Promise<Findings> {
  const size = job.rows * job.columns
  const images = new Uint8Array(size * splitNames.reduce((count, name) => count + job.labels[name].length, 0))
  readFully(images)
  const taken = on(process, 'message')
  let chunk = 0
  return await run(job, images, {
    denoised: (bytes, row) => writeFully(bytes, row * size),
    async centered (bytes, row) {
      if (chunk >= PLACES) await taken.next()
      const at = placeOf(chunk++, images.length, size)
      writeFully(bytes, at)
      answer({ centered: { row, rows: bytes.length / Float32Array.BYTES_PER_ELEMENT / size, at } })
    },
    progress: (item, done, total) => { answer({ progress: { item, done, total } }) }
  })
}

function answer (message: FromProcess): Promise<void> {
  return new Promise(resolve => process.send!(message, undefined, {}, () => resolve()))
}

function readFully (target: Uint8Array): void {
  for (let at = 0; at < target.length;) {
    const read = readSync(SCRATCH, target, at, target.length - at, at)
    if (read === 0) throw new Error(`images end after ${at} of ${target.length} bytes`)
    at += read
  }
}

function writeFully (bytes: Uint8Array, position: number): void {
  for (let at = 0; at < bytes.length;) at += writeSync(SCRATCH, bytes, at, bytes.length - at, position + at)
}
