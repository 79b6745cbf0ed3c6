import { buffer } from 'node:stream/consumers'
import t from 'tap'
import yazl from 'yazl'
import { confusionMatrix, readPredictions } from '../../explorer/src/predictions-file.ts'
import { npyHeader } from '../../src/encode/npy.ts'

const classes = ['a', 'b', 'c']
const truth = [0, 1, 2, 0]
/** Right for the first sample only. */
const predicted = [0, 2, 1, 1]

const read = async (name: string, content: string | Uint8Array) => {
  const bytes = typeof content === 'string' ? new TextEncoder().encode(content) : content
  return await readPredictions(name, bytes, classes, truth.length)
}
const csv = (header: string, row: (id: number) => string, ids = [0, 1, 2, 3]): string => {
  return [header, ...ids.map(row)].join('\n')
}
const correct = ({ ids, labels }: Awaited<ReturnType<typeof read>>): number => {
  return ids.filter((id, i) => truth[id] === labels[i]).length
}

t.test('predictions are found beside the true labels, wherever they stand', async t => {
  for (const [truthName, name] of [
    ['label', 'prediction'], ['y', 'y_pred'], ['labels', 'preds'], ['class', 'predicted'], ['Label', 'Predicted Label'],
    ['y_true', 'y_hat'], ['label', 'predicted-class'], ['target', 'pred']
  ] as const) {
    for (const content of [
      csv(`id,${truthName},${name}`, id => `${id},${truth[id]},${predicted[id]}`),
      csv(`${name},${truthName}`, id => `${predicted[id]},${truth[id]}`),
      JSON.stringify(truth.map((label, id) => ({ [truthName]: label, [name]: predicted[id], id }))),
      JSON.stringify({ [truthName]: truth, [name]: predicted })
    ]) {
      const predictions = await read('predictions.txt', content)
      t.same([predictions.labels, predictions.column], [predicted, name], content)
      t.equal(correct(predictions), 1)
    }
  }
  const scores = predicted.map(label => classes.map((_, i) => Number(i === label)))
  t.same((await read('p.json', JSON.stringify({ label: truth, logits: scores }))).labels, predicted)
  t.same((await read('p.json', JSON.stringify({ pred: predicted, logits: scores }))).column, 'pred')
})

t.test('labels are the predictions where nothing else may be', async t => {
  for (const name of ['label', 'labels', 'class', 'y']) {
    t.same((await read('p.csv', csv(`id,${name}`, id => `${id},${predicted[id]}`))).labels, predicted)
    t.same((await read('p.json', JSON.stringify({ [name]: predicted }))).labels, predicted)
  }
  t.same((await read('p.csv', csv('a', id => classes[predicted[id]!]!).slice(2))).labels.length, 3, 'without a header')
})

t.test('columns that leave a choice are an error that says so', async t => {
  for (const [content, reason] of [
    ['pred,y_pred\n0,1', 'pred and y_pred may both be the predictions'],
    ['class,label\n0,1', "class may be the true labels: name the predictions 'prediction'"],
    ['id,label,score_a,score_b\n0,1,0.2,0.1', 'label may be the true labels'],
    ['id,target\n0,1', 'none of prediction, predictions'],
    ['{"y_true": [0], "target": [1]}', 'none of prediction, predictions']
  ] as const) await t.rejects(read('p.txt', content), { message: reason })
})

t.test('the unnamed index of pandas is the ids, unless it cannot be', async t => {
  const ids = [3, 1, 0, 2]
  for (const header of [',label', ',prediction', 'Unnamed: 0,label', ',0']) {
    const predictions = await read('p.csv', csv(header, id => `${id},${truth[id]}`, ids))
    t.same([predictions.ids, correct(predictions)], [ids, 4], header)
  }
  const named = await read('p.csv', csv(',id,label', id => `${ids.indexOf(id)},${id},${truth[id]}`, ids))
  t.same([named.ids, correct(named)], [ids, 4], 'a column id wins')
  for (const index of [['0', '1', '0', '1'], ['a.png', 'b.png', 'c.png', 'd.png']]) {
    const predictions = await read('p.csv', csv(',label', id => `${index[id]},${truth[id]}`))
    t.same([predictions.ids, correct(predictions)], [[0, 1, 2, 3], 4], 'tables that were joined, or names of files')
  }
})

t.test('scores that are no numbers are an error with their place', async t => {
  const scores = (value: string): string => `{"ids": [0, 1], "logits": [[0, 1, 0], [${value}, 0, 0]]}`
  for (const value of ['"nan"', 'NaN', 'null', '""', 'true', '[1]']) {
    const message = /^prediction 2: the score of class a is .*not a number$/
    await t.rejects(read('p.json', scores(value)), { message })
  }
  t.same((await read('p.json', scores('-Infinity'))).labels, [1, 1])
  await t.rejects(read('p.json', '[0, NaN]'), { message: "prediction 2: 'NaN' is not a label from 0 to 2" })
  await t.rejects(read('p.csv', 'id,label\n\n0,1\n1,nan'), { message: "line 4: 'nan' is not a label from 0 to 2" })
  await t.rejects(read('p.csv', '0,1\n1,'), { message: "line 2: '' is not a label from 0 to 2" })
  await t.rejects(read('p.json', '{"ids": [null], "labels": [1]}'), { message: "prediction 1: 'null' is not an id" })

  const npz = async (values: Float32Array, shape: readonly number[]): Promise<Uint8Array> => {
    const zip = new yazl.ZipFile()
    zip.addBuffer(Buffer.concat([npyHeader(shape, 'float32'), Buffer.from(values.buffer)]), 'logits.npy')
    zip.end()
    return await buffer(zip.outputStream)
  }
  t.same((await read('p.npz', await npz(Float32Array.of(0, 1, 0, 0, 0, 2), [2, 3]))).labels, [1, 2])
  await t.rejects(read('p.npz', await npz(Float32Array.of(0, 1, 0, 0, NaN, 2), [2, 3])), {
    message: 'prediction 2: the score of class b is NaN, not a number'
  })
})

t.test('the confusion matrix counts every prediction', async t => {
  const predictions = await read('p.json', JSON.stringify(predicted))
  t.same(confusionMatrix(truth, predictions, 3), [[1, 1, 0], [0, 0, 1], [0, 1, 0]])
})
