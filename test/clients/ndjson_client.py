"""
Reads a compressed epoch line by line, as it arrives.

    python3 ndjson_client.py http://127.0.0.1:8080 FOLDER_OF_IDX_FILES
"""

import json
import sys
import zlib
from urllib.request import Request, urlopen

import numpy as np

from reference import read_idx, shuffled_order

base, folder = sys.argv[1:]
STREAM = f'{base}/v1/datasets/mnist/splits/test/stream?batch_size=512&seed=5&epoch=2&normalization=raw&labels=index'

images = read_idx(folder, 't10k-images-idx3-ubyte').reshape(-1, 784)
classes = read_idx(folder, 't10k-labels-idx1-ubyte')
order = shuffled_order(10000, seed=5, epoch=2)


def lines(response):
    """Each line as soon as it is complete: only an unfinished line is ever held back."""
    gunzip = zlib.decompressobj(wbits=31)
    unfinished = b''
    while chunk := response.read1():
        *complete, unfinished = (unfinished + gunzip.decompress(chunk)).split(b'\n')
        yield from complete
    assert gunzip.eof and gunzip.unused_data == b'' and unfinished == b'', 'the stream is truncated'


with urlopen(Request(STREAM, headers={'Accept-Encoding': 'gzip'})) as response:
    assert response.headers['Content-Encoding'] == 'gzip' and response.headers['ETag'].endswith('/gzip"')
    seen = 0
    early = 0
    for line in lines(response):
        page = json.loads(line)
        if 'end' in page:
            continue
        ids = order[seen:seen + 512]
        assert page['ids'] == ids.tolist()
        assert np.array_equal(np.array(page['images'], np.uint8), images[ids])
        assert np.array_equal(page['labels'], classes[ids])
        seen += page['count']
        early += not response.isclosed()
    assert page == {'end': True, 'pages': 20, 'samples': 10000} and seen == 10000
assert early >= 19, 'the first pages could only be read after the last one arrived'
print(f'gzip: {seen:,} samples in {page["pages"]} lines, {early} of them read before the end of the response')
