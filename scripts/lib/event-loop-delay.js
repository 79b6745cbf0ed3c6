/**
 * Preloaded into the server: responds to each message with the longest turn of the event loop since the last one, in
 * ms: by the clock, and by the processor time of the thread, since on a busy machine a thread waits for a core.
 */
import { readFileSync } from 'node:fs'
import { isMainThread } from 'node:worker_threads'

/** Milliseconds between two measurements of an idle event loop. */
const RESOLUTION_MS = 1

/** Nanoseconds that the main thread has run, wherever the system tells. */
function processorNs () {
  try {
    return Number(readFileSync(`/proc/self/task/${process.pid}/schedstat`, 'utf8').split(' ', 1)[0])
  } catch {
    return NaN
  }
}

// Worker threads and the child process that prepares datasets preload this as well.
if (isMainThread && process.argv[1].endsWith('server.js')) {
  let longest = { wallMs: 0, processorMs: 0 }
  let [time, processor] = [performance.now(), processorNs()]
  const measure = () => {
    const [now, nowProcessor] = [performance.now(), processorNs()]
    longest = {
      wallMs: Math.max(longest.wallMs, now - time - RESOLUTION_MS),
      processorMs: Math.max(longest.processorMs, (nowProcessor - processor) / 1e6)
    }
    ;[time, processor] = [performance.now(), processorNs()]
    setTimeout(measure, RESOLUTION_MS).unref()
  }
  measure()
  process.on('message', () => {
    // The turn that is running is measured when the next timer is due.
    setTimeout(() => {
      process.send(longest)
      longest = { wallMs: 0, processorMs: 0 }
    }, 5)
  })
  process.channel.unref()
}
