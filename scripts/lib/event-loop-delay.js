/** Preloaded into the server: responds to each message with the longest event loop delay since the last one, in ms. */
import { monitorEventLoopDelay } from 'node:perf_hooks'
import { isMainThread } from 'node:worker_threads'

// Worker threads and the child process that prepares datasets preload this as well.
if (isMainThread && process.argv[1].endsWith('server.js')) {
  const delay = monitorEventLoopDelay({ resolution: 1 })
  delay.enable()
  process.on('message', () => {
    // The delay of the current turn is recorded when the next timer is due.
    setTimeout(() => {
      process.send(delay.max / 1e6)
      delay.reset()
    }, 5)
  })
  process.channel.unref()
}
