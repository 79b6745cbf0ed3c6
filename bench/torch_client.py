"""Shuffled, normalized batches of 128 from the service through one connection: for each line of input, pulls for so many
seconds and prints samples per second.

    python3 torch_client.py HOST:PORT
"""
import http.client
import json
import sys
import time

import torch

TYPES = {'F32': torch.float32, 'I64': torch.int64, 'I32': torch.int32}
PATH = '/v1/datasets/mnist/splits/train/batches?format=safetensors&normalization=standard&labels=index&layout=nchw&batch_size=128'
connection = http.client.HTTPConnection(sys.argv[1])


def pull(epoch, page):
    """The tensors of a batch, in memory of their own that is read into once; and how many pages there are."""
    connection.request('GET', f'{PATH}&seed=1&epoch={epoch}&page={page}')
    response = connection.getresponse()
    assert response.status == 200
    body = torch.empty(int(response.headers['content-length']), dtype=torch.uint8)
    view = memoryview(body.numpy())
    while len(view) > 0:
        view = view[response.readinto(view):]
    data = 8 + int.from_bytes(body[:8].numpy().tobytes(), 'little')
    header = json.loads(body[8:data].numpy().tobytes())
    del header['__metadata__']
    batch = {name: tensor(body[data:], entry) for name, entry in header.items()}
    return batch, int(response.headers['batch-pages'])


def tensor(data, entry):
    start, end = entry['data_offsets']
    return data[start:end].view(TYPES[entry['dtype']]).reshape(entry['shape'])


def epochs():
    epoch = 0
    while True:
        page, pages = 0, 1
        while page < pages:
            batch, pages = pull(epoch, page)
            yield batch
            page += 1
        epoch += 1


for line in sys.stdin:
    seconds = float(line)
    batches = epochs()
    next(batches)
    samples, started = 0, time.perf_counter()
    while (elapsed := time.perf_counter() - started) < seconds:
        batch = next(batches)
        assert batch['images'].shape[1:] == (1, 28, 28) and batch['labels'].dtype == torch.int64
        samples += len(batch['labels'])
    print(json.dumps(samples / elapsed), flush=True)
