"""A common alternative: FastAPI over NumPy arrays, with the same slices as bytes, or as JSON by orjson."""
import sys
from pathlib import Path

import numpy as np
import orjson
import uvicorn
from fastapi import FastAPI, Response

TRAIN = 48_000


def read_idx(path, offset):
    return np.frombuffer(Path(path).read_bytes(), np.uint8, offset=offset)


folder, port = Path(sys.argv[1]), int(sys.argv[2])
images = read_idx(folder / 'train-images-idx3-ubyte', 16).reshape(-1, 784)[:TRAIN]
mean = (images.sum(axis=0) / (255 * TRAIN)).astype(np.float32)
centered = images / np.float32(255) - mean
onehot = np.eye(10, dtype=np.float32)[read_idx(folder / 'train-labels-idx1-ubyte', 8)[:TRAIN]]
ids = np.arange(TRAIN, dtype=np.int32)

app = FastAPI()


def tensors(page: int, batch_size: int):
    rows = slice(page * batch_size, (page + 1) * batch_size)
    return centered[rows], onehot[rows], ids[rows]


@app.get('/bytes')
async def as_bytes(page: int = 0, batch_size: int = 128):
    body = b''.join(array.tobytes() for array in tensors(page, batch_size))
    return Response(body, media_type='application/octet-stream')


@app.get('/json')
async def as_json(page: int = 0, batch_size: int = 128):
    x, y, i = tensors(page, batch_size)
    body = orjson.dumps({'ids': i.tolist(), 'images': x.tolist(), 'labels': y.tolist()})
    return Response(body, media_type='application/json')


@app.get('/json-numpy')
async def as_json_numpy(page: int = 0, batch_size: int = 128):
    x, y, i = tensors(page, batch_size)
    body = orjson.dumps({'ids': i, 'images': x, 'labels': y}, option=orjson.OPT_SERIALIZE_NUMPY)
    return Response(body, media_type='application/json')


uvicorn.run(app, host='127.0.0.1', port=port, loop='uvloop', http='httptools', access_log=False, log_level='error')
