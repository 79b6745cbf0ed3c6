/** Loaded into a server before its own program: when asked, tells the longest turn of its event loop since it was last asked, in ms. */
import { monitorEventLoopDelay } from 'node:perf_hooks'
import { isMainThread } from 'node:worker_threads'

// Its threads and the process that prepares load this, too.
if (isMainThread && process.argv[1].endsWith('server.js')) {
  const delay = monitorEventLoopDelay({ resolution: 1 })
  delay.enable()
  process.on('message', () => {
    process.send(delay.max / 1e6)
    delay.reset()
  })
  process.channel.unref()
}
