/**
 * The training loop of one rank, which the environment names. Prints a line for each step: its ids, and the state.
 *
 *     RANK=0 WORLD_SIZE=2 node rank.js URL end-of-epochs options-as-JSON state-as-JSON
 */
import { Client } from 'mnist-batch-client'

const [url, end, options, state] = process.argv.slice(2)
const epochs = new Client(url).dataset('mnist').split('train').epochs(JSON.parse(options))
if (state !== undefined) await epochs.resume(JSON.parse(state))
while (epochs.epoch < Number(end)) {
  for await (const { ids } of epochs) {
    process.stdout.write(`${JSON.stringify({ ids: [...ids.data], state: epochs.state() })}\n`)
  }
}
