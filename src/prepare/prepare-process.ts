/**
 * The child process of prepareInChildProcess: the memory and threads of TensorFlow.js end with it. It replies to each
 * request of its parent, and exits when the parent disconnects or ends.
 */
import { messageOf } from '../errors.ts'
import { Fitter } from './fit.ts'
import type { Reply, Request } from './prepare.ts'

let fitter: Fitter

process.once('disconnect', () => process.exit())
// A terminal sends it to the parent as well, which goes on.
process.on('SIGHUP', () => {})
// What libraries print is lost if nothing reads it.
process.stdout.on('error', () => {})
process.stderr.on('error', () => {})
process.on('message', (request: Request) => {
  answer(request).catch(error => ({ failure: messageOf(error) })).then(reply => process.send!(reply))
})

async function answer (request: Request): Promise<Reply> {
  switch (request.step) {
    case 'start':
      fitter = await Fitter.create(request.options)
      return { backend: fitter.backend }
    case 'images': {
      const images = fitter.add(request.split, request.images)
      return images === request.images ? {} : { images }
    }
    case 'finish':
      return { result: fitter.result() }
  }
}
