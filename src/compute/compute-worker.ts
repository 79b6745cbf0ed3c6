/** A compute thread. */
import { runAugmentTask } from '../batch/augment/augment-task.ts'

export default runAugmentTask
