/** Code that loads a view of the data, in several languages. */

export interface Request {
  /** Address of the server, with a slash at its end. */
  readonly base: string
  readonly dataset: string
  readonly split: string
  /** Parameters of `batches`, without those that have their default. */
  readonly query: Readonly<Record<string, string | number>>
}

export const languages = ['curl', 'NumPy', 'PyTorch', 'TensorFlow', 'JAX', 'TensorFlow.js'] as const
export type Language = (typeof languages)[number]

export function batchUrl ({ base, dataset, split, query }: Request, format?: string): string {
  const url = new URL(`v1/datasets/${dataset}/splits/${split}/batches`, base)
  for (const [name, value] of Object.entries({ ...query, ...(format && { format }) })) {
    url.searchParams.set(name, String(value))
  }
  return url.href.replaceAll('%3A', ':').replaceAll('%2C', ',')
}

/** @param extension of the file that curl writes */
export function snippet (language: Language, request: Request, extension: string): string {
  const npz = batchUrl(request, 'npz')
  const numpy = `import io, urllib.request
import numpy as np

url = '${npz}'
batch = np.load(io.BytesIO(urllib.request.urlopen(url).read()))`
  switch (language) {
    case 'curl': return `curl -o batch.${extension} '${batchUrl(request, extension)}'`
    case 'NumPy': return `${numpy}
print(batch['images'].dtype, batch['images'].shape, batch['labels'][0], batch['ids'][:5])`
    case 'PyTorch': return `${numpy.replace('import numpy as np', 'import numpy as np\nimport torch')}
images, labels = torch.from_numpy(batch['images']), torch.from_numpy(batch['labels'])
print(images.dtype, tuple(images.shape), labels.shape)`
    case 'TensorFlow': return `${numpy.replace('import numpy as np', 'import numpy as np\nimport tensorflow as tf')}
data = tf.data.Dataset.from_tensor_slices((batch['images'], batch['labels']))
print(data.element_spec)`
    case 'JAX': return `${numpy.replace('import numpy as np', 'import jax.numpy as jnp\nimport numpy as np')}
images, labels = jnp.asarray(batch['images']), jnp.asarray(batch['labels'])
print(images.dtype, images.shape, labels.shape)`
    case 'TensorFlow.js': return tfjs(batchUrl(request, 'safetensors'), request.query)
  }
}

function tfjs (url: string, { normalization, dtype }: Request['query']): string {
  // TensorFlow.js has neither float16 nor int64.
  const images = normalization === 'raw'
    ? 'tf.tensor(new Uint8Array(body, at(images), size(images)), images.shape, \'int32\')'
    : dtype === 'float16'
      ? 'tf.tensor(Float32Array.from(new Float16Array(body, at(images), size(images) / 2)), images.shape)'
      : 'tf.tensor(new Float32Array(body.slice(at(images), at(images) + size(images))), images.shape)'
  return `import * as tf from '@tensorflow/tfjs'

const body = await (await fetch('${url}')).arrayBuffer()
const start = 8 + Number(new DataView(body).getBigUint64(0, true))
const { images } = JSON.parse(new TextDecoder().decode(new Uint8Array(body, 8, start - 8)))
const at = ({ data_offsets: [from] }) => start + from
const size = ({ data_offsets: [from, to] }) => to - from
console.log(${images}.shape)`
}
