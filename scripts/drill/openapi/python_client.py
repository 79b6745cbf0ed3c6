"""A client of openapi-python-client."""

import sys

from mnist_batch_server_client import Client
from mnist_batch_server_client.api.splits import gather_samples, get_batch
from mnist_batch_server_client.models import (
    Batch, GatheredBatch, GatherSamplesBody, GetBatchFormat, GetBatchLabels, Problem, ProblemCode
)

client = Client(base_url=sys.argv[1])

batch = get_batch.sync('mnist', 'train', client=client, batch_size=5, seed=7, labels=GetBatchLabels.INDEX)
assert isinstance(batch, Batch)
ids: list[int] = batch.ids
assert len(ids) == len(batch.images) == 5
assert batch.pages == 9600

# The generated functions parse the one media type that the generator selects, JSON: other formats by its own request.
request = get_batch._get_kwargs('mnist', 'train', batch_size=5, seed=7, format_=GetBatchFormat.SAFETENSORS)
response = client.get_httpx_client().request(**request)
data: bytes = response.content
assert response.headers['Batch-Seed'] == '7'
assert len(data) > 5 * 784 * 4

gathered = gather_samples.sync('mnist', 'train', client=client, body=GatherSamplesBody(ids=[3, 1]))
assert isinstance(gathered, GatheredBatch)
assert gathered.ids == [3, 1]

problem = get_batch.sync('mnist', 'train', client=client, page=1_000_000)
assert isinstance(problem, Problem)
assert problem.code == ProblemCode.PAGE_OUT_OF_RANGE
assert problem.pages == 375
