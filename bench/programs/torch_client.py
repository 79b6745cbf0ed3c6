"""Reads shuffled, normalized batches of 128 from the service over one connection. Each line of input is a number of
seconds to measure; prints samples per second.

    python3 torch_client.py HOST PORT

Requests each page before it reads the previous one, so that server and client work at the same time.
"""
import json
import re
import socket
import sys
import time

import torch

BATCH, TRAIN = 128, 48_000
PAGES = TRAIN // BATCH
PATH = f'/v1/datasets/mnist/splits/train/batches?format=safetensors&labels=index&layout=nchw&batch_size={BATCH}'
TYPES = {'F32': torch.float32, 'I64': torch.int64, 'I32': torch.int32}

host, port = sys.argv[1], int(sys.argv[2])
connection = socket.create_connection((host, port))


def send_request(step):
    epoch, page = divmod(step, PAGES)
    connection.sendall(f'GET {PATH}&seed=1&epoch={epoch}&page={page} HTTP/1.1\r\nHost: {host}\r\n\r\n'.encode())


def read_body():
    """The body of the next response, in its own memory."""
    head = connection.recv(4096, socket.MSG_PEEK)
    while (end := head.find(b'\r\n\r\n')) < 0:
        head = connection.recv(65536, socket.MSG_PEEK)
    assert head.startswith(b'HTTP/1.1 200')
    connection.recv(end + 4)
    body = torch.empty(int(re.search(rb'(?i)\ncontent-length: (\d+)', head)[1]), dtype=torch.uint8)
    view = memoryview(body.numpy())
    while len(view) > 0:
        view = view[connection.recv_into(view):]
    return body


def tensors(body):
    """Name -> tensor: views of a body in the safetensors format."""
    data = 8 + int.from_bytes(body[:8].numpy().tobytes(), 'little')
    header = json.loads(body[8:data].numpy().tobytes())
    del header['__metadata__']
    return {name: tensor(body[data:], entry) for name, entry in header.items()}


def tensor(data, entry):
    start, end = entry['data_offsets']
    return data[start:end].view(TYPES[entry['dtype']]).reshape(entry['shape'])


def batches():
    step = 0
    send_request(step)
    while True:
        step += 1
        send_request(step)
        yield tensors(read_body())


stream = batches()
for line in sys.stdin:
    seconds = float(line)
    next(stream)
    samples, started = 0, time.perf_counter()
    while (elapsed := time.perf_counter() - started) < seconds:
        batch = next(stream)
        assert batch['images'].shape[1:] == (1, 28, 28) and batch['labels'].dtype == torch.int64
        samples += len(batch['labels'])
    print(json.dumps(samples / elapsed), flush=True)
