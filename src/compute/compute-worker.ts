/** A compute thread. */
import { runAugmentTask } from '../batch/augment/augment-task.ts'
import { lowerThreadPriority } from '../scheduling/thread-priority.ts'

const NICE = 5

// The thread that serves requests has little to do for each, and all clients wait for it.
lowerThreadPriority(NICE)

export default runAugmentTask
