import { createRequire } from 'node:module'
import { dirname } from 'node:path'
import { messageOf } from '../errors.ts'

/** An error as the log shows it: without local paths in its messages, and with the frames of its stack. */
export function describeError (error: unknown): unknown {
  if (!(error instanceof Error)) return error
  const { code } = error as NodeJS.ErrnoException
  const messages: string[] = []
  for (let cause: unknown = error; cause instanceof Error && messages.length < MAX_CAUSES; cause = cause.cause) {
    messages.push(messageOf(cause))
  }
  // The message precedes the frames, and may have several lines.
  const frames = error.stack?.split('\n').filter(line => /^ +at /.test(line)).map(line => line.trim()) ?? []
  return {
    type: error.constructor.name,
    message: messages.filter((message, i) => message !== messages[i - 1]).join(': '),
    ...(code !== undefined && { code }),
    stack: frames.join('\n').replaceAll(`file://${ROOT}`, '').replaceAll(ROOT, '')
  }
}

/** Causes are few, unless they form a circle. */
const MAX_CAUSES = 5

/** The folder of the program, which frames leave out. */
const ROOT = `${dirname(createRequire(import.meta.url).resolve('#package.json'))}/`
