import { EventEmitter } from 'node:events'
import type { FastifyReply } from 'fastify'
import t from 'tap'
import { MetricsRecorder } from '../../../src/http/metrics/recorder.ts'

t.test('a client stalls only if the kernel accepts nothing, not even a part of a large write', t => {
  const recorder = new MetricsRecorder()
  const handle = { writeQueueSize: 1000 }
  const socket = { bytesWritten: 5000, writableLength: 1000, _handle: handle, _parent: undefined as object | undefined }
  const raw = Object.assign(new EventEmitter(), { req: { socket }, headersSent: true })
  recorder.track({ raw } as unknown as FastifyReply)
  const isStalled = (): boolean => recorder.checkStalls(0).length > 0 && recorder.stalled > 0
  isStalled()
  t.ok(isStalled())
  handle.writeQueueSize -= 1
  recorder.checkStalls(0)
  t.equal(recorder.stalled, 0, 'a byte of a write')
  t.ok(isStalled())
  socket._parent = { _handle: { writeQueueSize: 10 } }
  recorder.checkStalls(0)
  t.equal(recorder.stalled, 0, 'or what TLS writes')
  socket.bytesWritten += 1000
  recorder.checkStalls(0)
  t.equal(recorder.stalled, 0, 'or a whole write')
  t.ok(isStalled())
  socket.writableLength = 0
  recorder.checkStalls(0)
  t.equal(recorder.stalled, 0, 'with nothing to read, nobody stalls')
  t.end()
})
