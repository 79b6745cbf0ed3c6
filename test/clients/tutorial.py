"""
Runs the Python blocks of a page as one program, and compares what each prints with the text block below it.

    python3 tutorial.py http://127.0.0.1:8080 FOLDER_OF_IDX_FILES PAGE
"""

import io
import re
import sys
from contextlib import redirect_stdout

import mnist_batches  # noqa: F401, so that the page is skipped without it
import torch

# Threads do not make small models faster, and wait for each other on a busy machine.
torch.set_num_threads(1)

base, _, page = sys.argv[1:]
with open(page, encoding='utf-8') as file:
    text = file.read().replace('http://127.0.0.1:8080', base)

blocks = re.findall(r'^```python\n(.*?)^```\n\n```text\n(.*?)^```$', text, re.M | re.S)
assert len(blocks) == text.count('```python') > 0, 'every block of Python has its output below it'
namespace = {}
for source, expected in blocks:
    printed = io.StringIO()
    with redirect_stdout(printed):
        exec(source, namespace)
    if printed.getvalue() != expected:
        sys.exit(f'{source}\nprints\n{printed.getvalue()}\ninstead of\n{expected}')
print(f'{len(blocks)} blocks print what the page shows')
