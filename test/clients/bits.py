"""
Fetches every batch of a server and compares it, bit for bit, with the tensors that NumPy computes from the original IDX
files. Also compares float16 batches of the test split, gathered samples and compressed batches.

    python3 bits.py http://127.0.0.1:8080 FOLDER_OF_IDX_FILES [--split shuffled ...]
"""

import argparse
import gzip
import http.client
import io
import json
import re
import time
from urllib.parse import urlencode, urlsplit

import numpy as np
from safetensors.numpy import load as load_safetensors

from reference import level_statistics, normalize, prepare

SPLITS = ('train', 'val', 'test')
NORMALIZATIONS = ('raw', 'unit', 'centered', 'standard')
LABELS = ('onehot', 'index')
LAYOUTS = {'flat': (784,), 'nhwc': (28, 28, 1), 'nchw': (1, 28, 28)}
MEDIA_TYPES = {'npz': 'application/x-npz', 'safetensors': 'application/vnd.safetensors', 'json': 'application/json'}
TENSORS = ['images', 'labels', 'ids']


class Difference(Exception):
    """The server and the reference disagree."""


def main():
    options = arguments()
    started = time.monotonic()
    split = {'mode': options.split, 'val_fraction': options.val_fraction, 'seed': options.seed}
    prepared = prepare(options.folder, **split, denoise=options.denoise, mean_over=options.mean_over)
    client = Client(options.base)
    try:
        check_description(client, prepared, options)
        check_mean(client, prepared)
        batches = Batches(client, prepared)
        rows = sweep_all(batches, options.formats, options.normalizations)
        rows += sweep_halves(batches, options.formats, options.normalizations)
        rows += [batches.gather(split, format, 'raw') for split in SPLITS for format in options.formats]
        check_gzip(batches)
    except Difference as difference:
        raise SystemExit(f'DIFFERENT: {difference}')
    print_table(rows, time.monotonic() - started)


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('base', help='address of the server')
    parser.add_argument('folder', help='folder of the uncompressed IDX files')
    parser.add_argument('--split', default='contiguous')
    parser.add_argument('--val-fraction', default='0.2')
    parser.add_argument('--seed', type=int, default=0)
    parser.add_argument('--denoise', default='none')
    parser.add_argument('--mean-over', default='train')
    parser.add_argument('--formats', nargs='+', choices=MEDIA_TYPES, default=list(MEDIA_TYPES))
    parser.add_argument('--normalizations', nargs='+', choices=NORMALIZATIONS, default=list(NORMALIZATIONS))
    return parser.parse_args()


def expect(where, what, got, want):
    if got != want:
        raise Difference(f'{where}: {what} is {got!r}, not {want!r}')


def expect_array(where, name, got, want):
    """Same dtype, same shape, same bytes."""
    expect(where, f'dtype of {name}', got.dtype, want.dtype)
    expect(where, f'shape of {name}', got.shape, want.shape)
    if got.tobytes() == want.tobytes():
        return
    # Compared as integers, since NaN != NaN and -0 == 0.
    bits = f'u{want.itemsize}'
    first = int(np.flatnonzero(np.ravel(got).view(bits) != np.ravel(want).view(bits))[0])
    index = ', '.join(str(i) for i in np.unravel_index(first, want.shape))
    expect(where, f'{name}[{index}]', np.ravel(got)[first], np.ravel(want)[first])
    raise Difference(f'{where}: {name}[{index}] has other bits')


class Client:
    """Requests over one connection, which must not be closed by the server."""

    def __init__(self, base):
        self.connection = http.client.HTTPConnection(urlsplit(base).netloc, timeout=60)
        self.connection.connect()
        self.connection.auto_open = 0

    def get(self, path, status=200, headers={}):
        """Headers and body."""
        return self.request('GET', path, status, headers)

    def post(self, path, value):
        """Headers and body of the response to a JSON value."""
        return self.request('POST', path, 200, {'content-type': 'application/json'}, json.dumps(value))

    def request(self, method, path, status, headers, content=None):
        self.connection.request(method, path, content, headers)
        response = self.connection.getresponse()
        body = response.read()
        expect(path, 'the status', response.status, status)
        return response.headers, body

    def json(self, path):
        return json.loads(self.get(path)[1])


def check_description(client, prepared, options):
    path = '/v1/datasets/mnist'
    dataset = client.json(path)
    expect(path, 'splits', dataset['splits'], {name: len(prepared['labels'][name]) for name in SPLITS})
    preparation = dataset['preparation']
    expect(path, 'split', preparation['split'], options.split)
    expect(path, 'val_fraction', preparation['val_fraction'], float(options.val_fraction))
    expect(path, 'split_seed', preparation['split_seed'], options.seed)
    expect(path, 'denoise', preparation['denoise'], options.denoise)
    expect(path, 'mean_over', preparation['mean_over'], options.mean_over)
    standard = {'mean': float(prepared['mu']), 'std': float(prepared['sigma'])}
    expect(path, 'standard', preparation['standard'], standard)
    for name in SPLITS:
        path = f'/v1/datasets/mnist/splits/{name}'
        split = client.json(path)
        counts = np.bincount(prepared['labels'][name]).tolist()
        expect(path, 'counts', [row['count'] for row in split['classes']], counts)
        mean, std = level_statistics(prepared['images'][name])
        expect(path, 'pixels', split['pixels'], {'mean': mean, 'std': std})


def check_mean(client, prepared):
    path = '/v1/datasets/mnist/mean'
    npy = np.load(io.BytesIO(client.get(f'{path}?format=npy')[1]))
    expect_array(path, 'the mean image as NPY', npy, prepared['mean'])
    body = client.json(path)
    expect_array(path, 'the mean image as JSON', np.array(body['mean']).astype(np.float32), prepared['mean'])
    print('the mean image is equal as NPY and as JSON')


def decode_npz(body):
    with np.load(io.BytesIO(body)) as file:
        return {name: file[name] for name in file.files}, {}


def decode_safetensors(body):
    length = int.from_bytes(body[:8], 'little')
    return load_safetensors(body), json.loads(body[8:8 + length])['__metadata__']


def decode_json(body):
    """Python parses float64; rounded to the dtype, the values must be exactly the server's."""
    batch = json.loads(body)
    lists = {name: np.array(batch.pop(name)) for name in TENSORS}
    labels = 'float32' if lists['labels'].ndim == 2 else 'int64'
    dtypes = {'images': batch['dtype'], 'labels': labels, 'ids': 'int32'}
    arrays = {name: convert(lists[name], dtypes[name]) for name in TENSORS}
    batch['shape'] = ','.join(str(length) for length in batch['shape'])
    return arrays, {name: str(value) for name, value in batch.items()}


def convert(array, dtype):
    # 'same_kind' refuses to truncate floats to integers.
    return array.astype(dtype, casting='unsafe' if array.dtype == np.int64 else 'same_kind')


def decode(path, format, body):
    """Name -> array, and the metadata in the body: name -> text."""
    try:
        return {'npz': decode_npz, 'safetensors': decode_safetensors, 'json': decode_json}[format](body)
    except Exception as error:
        raise Difference(f'{path}: cannot be decoded: {error!r}') from error


class Batches:
    """Fetches batches and compares them."""

    def __init__(self, client, prepared):
        self.client = client
        self.prepared = prepared
        self.version = client.json('/v1/datasets/mnist')['version']

    def path(self, split, page, **query):
        return f'/v1/datasets/mnist/splits/{split}/batches?{urlencode({"page": page, **query})}'

    def check(self, path, split, page, batch_size, format, normalization, labels, layout, dtype=None):
        """Compares the batch at `path`; returns its headers, its number of samples and its bytes."""
        headers, body = self.client.get(path)
        total = len(self.prepared['labels'][split])
        ids = np.arange(page * batch_size, min((page + 1) * batch_size, total), dtype=np.int32)
        self.compare(path, headers, body, format, split, ids, normalization, labels, layout, dtype, {
            'page': page,
            'batch_size': batch_size,
            'pages': page_count(total, batch_size)
        })
        return headers, len(ids), len(body)

    def compare(self, path, headers, body, format, split, ids, normalization, labels, layout, dtype=None, paging={}):
        """Compares a response with the batch of these samples."""
        expect(path, 'the media type', headers['content-type'].split(';')[0], MEDIA_TYPES[format])
        arrays, metadata = decode(path, format, body)
        want = self.expected(split, ids, normalization, labels, layout, dtype)
        expect(path, 'the tensor names', sorted(arrays), sorted(TENSORS))
        for name in TENSORS:
            expect_array(path, name, arrays[name], want[name])
        self.check_metadata(path, headers, metadata, {
            'dataset': 'mnist',
            'version': self.version,
            'split': split,
            'count': len(ids),
            'total': len(self.prepared['labels'][split]),
            'shape': ','.join(str(length) for length in want['images'].shape),
            'dtype': want['images'].dtype.name,
            'normalization': normalization,
            'layout': layout,
            **paging
        })

    def check_metadata(self, path, headers, metadata, want):
        """The headers have the metadata with every format, and the body with formats that support it."""
        for name, value in want.items():
            header = 'batch-' + name.removeprefix('batch_')
            expect(path, f'header {header}', headers[header], str(value))
            if metadata:
                expect(path, f'metadata {name}', metadata[name], str(value))

    def expected(self, split, ids, normalization, labels, layout, dtype):
        """The tensors of samples ids, int32 [n]: images, labels float32 [n, 10] or int64 [n], and the ids."""
        images = normalize(self.prepared, self.prepared['images'][split][ids], normalization)
        classes = self.prepared['labels'][split][ids]
        return {
            'images': images.reshape(len(ids), *LAYOUTS[layout]).astype(dtype or images.dtype),
            'labels': np.eye(10, dtype=np.float32)[classes] if labels == 'onehot' else classes.astype(np.int64),
            'ids': ids
        }

    def sweep(self, split, batch_size, format, normalization, labels, layout, dtype=None):
        """Every page of a split by its number; one row of the table."""
        pages = page_count(len(self.prepared['labels'][split]), batch_size)
        images = {'normalization': normalization, 'layout': layout}
        query = {'batch_size': batch_size, 'format': format, 'labels': labels, **images}
        if dtype:
            query['dtype'] = dtype
        samples = size = 0
        for page in range(pages):
            _, count, length = self.check(self.path(split, page, **query), split, page, **query)
            samples += count
            size += length
        self.client.get(self.path(split, pages, **query), status=404)
        shown = f'{format}, {dtype}' if dtype else format
        return split, shown, normalization, labels, layout, batch_size, pages, samples, size

    def gather(self, split, format, normalization):
        """Ten batches of ids drawn with replacement; one row of the table."""
        random = np.random.default_rng(7)
        query = urlencode({'format': format, 'normalization': normalization})
        path = f'/v1/datasets/mnist/splits/{split}/gather?{query}'
        samples = size = 0
        for count in random.integers(1, 1000, 10):
            ids = random.integers(0, len(self.prepared['labels'][split]), count, dtype=np.int32)
            headers, body = self.client.post(path, {'ids': ids.tolist()})
            self.compare(path, headers, body, format, split, ids, normalization, 'onehot', 'flat')
            samples += len(ids)
            size += len(body)
        return split, f'{format}, gathered', normalization, 'onehot', 'flat', '', 10, samples, size

    def follow(self, split, batch_size, format, normalization, labels, layout):
        """Every page of a split by the Link header of the previous one; one row of the table."""
        images = {'normalization': normalization, 'layout': layout}
        query = {'batch_size': batch_size, 'format': format, 'labels': labels, **images}
        path = self.path(split, 0, **query)
        page = samples = size = 0
        while path:
            headers, count, length = self.check(path, split, page, **query)
            page += 1
            samples += count
            size += length
            following = re.search(r'<([^>]*)>; rel="next"', headers.get('link', ''))
            path = following and following[1]
        total = len(self.prepared['labels'][split])
        expect(split, 'the number of pages by Link', page, page_count(total, batch_size))
        expect(split, 'the number of samples by Link', samples, total)
        return split, format + ', by Link', normalization, labels, layout, batch_size, page, samples, size

    def combinations(self, split, batch_size, format, normalization):
        """The last, short page with all labels and layouts; one row of the table."""
        page = page_count(len(self.prepared['labels'][split]), batch_size) - 1
        samples = size = 0
        for labels in LABELS:
            for layout in LAYOUTS:
                images = {'normalization': normalization, 'layout': layout}
                query = {'batch_size': batch_size, 'format': format, 'labels': labels, **images}
                _, count, length = self.check(self.path(split, page, **query), split, page, **query)
                samples += count
                size += length
        return split, format, normalization, 'both', 'all', batch_size, len(LABELS) * len(LAYOUTS), samples, size


def page_count(total, batch_size):
    return -(-total // batch_size)


def sweep_all(batches, formats, normalizations):
    """Rows of the table. Labels and layouts alternate, so that each format is tested with all of them."""
    layouts = list(LAYOUTS)
    rows = []
    for format in formats:
        for i, normalization in enumerate(normalizations):
            rows.append(batches.combinations('val', 37, format, normalization))
            rows.append(batches.follow('test', 97, format, normalization, LABELS[(i + 1) % 2], layouts[(i + 1) % 3]))
            if format == 'json':
                if normalization in ('centered', 'standard'):
                    rows.append(batches.sweep('test', 500, format, normalization, LABELS[i % 2], layouts[i % 3]))
                continue
            for j, split in enumerate(SPLITS, start=i):
                rows.append(batches.sweep(split, 4096, format, normalization, LABELS[j % 2], layouts[j % 3]))
    return rows


def sweep_halves(batches, formats, normalizations):
    """The test split as float16, which must equal astype of the float32."""
    return [
        batches.sweep('test', 1000, format, normalization, 'index', 'nhwc', 'float16')
        for format in formats for normalization in normalizations if normalization != 'raw'
    ]


def check_gzip(batches):
    path = batches.path('train', 3, format='npz', normalization='raw')
    headers, body = batches.client.get(path)
    coded_headers, coded = batches.client.get(path, headers={'accept-encoding': 'gzip'})
    expect(path, 'the coding', (headers['content-encoding'], coded_headers['content-encoding']), (None, 'gzip'))
    expect(path, 'whether the ETags differ', headers['etag'] != coded_headers['etag'], True)
    expect(path, 'whether the decompressed bodies are equal', gzip.decompress(coded) == body, True)
    print(f'a raw batch is equal with gzip, in {len(coded):,} of {len(body):,} bytes')


def print_table(rows, seconds):
    line = '{:5}  {:21}  {:13}  {:6}  {:6}  {:>10}  {:>7}  {:>9}  {:>13}'
    columns = ('split', 'format', 'normalization', 'labels', 'layout', 'batch_size', 'batches', 'samples', 'bytes')
    print(line.format(*columns))
    for row in rows:
        print(line.format(*row[:6], *(f'{number:,}' for number in row[6:])))
    batches, samples, size = (f'{sum(row[i] for row in rows):,}' for i in (6, 7, 8))
    print(line.format('total', '', '', '', '', '', batches, samples, size))
    print(f'all bits are equal; {seconds:.1f} s')


if __name__ == '__main__':
    main()
