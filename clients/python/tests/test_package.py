"""What an installation consists of."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from servers import ROOT

PACKAGE = ROOT / "clients" / "python"


def test_the_core_imports_numpy_only() -> None:
    program = "import sys, mnist_batches, mnist_batches.cli; print(*{name.split('.')[0] for name in sys.modules})"
    out = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout
    assert not {"torch", "tensorflow", "jax", "keras", "safetensors", "requests", "urllib3"} & set(out.split())


@pytest.mark.parametrize(("module", "arguments"), [("ruff", ["check", "."]), ("mypy", [])])
def test_style_and_types(module: str, arguments: list[str]) -> None:
    pytest.importorskip(module)
    pytest.importorskip("torch")
    result = subprocess.run([sys.executable, "-m", module, *arguments], cwd=PACKAGE, capture_output=True, text=True)
    assert result.returncode == 0, result.stdout + result.stderr


CONSUMER = """
from mnist_batches import Batches, Client
from mnist_batches.torch import BatchDataset, SampleDataset, loader
from torch import Tensor

client = Client("http://127.0.0.1:8080", give_up_after=10, timeout=30)
for images, labels in loader(client, batch_size=256, seed=7, remainder="drop"):
    first: Tensor = images
for images, labels, ids in loader(client, with_ids=True):
    second: Tensor = ids
for images, labels, mask in loader("http://127.0.0.1:8080", remainder="pad", with_mask=True):
    third: Tensor = mask
batch = client.gather("mnist", "train", [3, 1], normalization="unit", labels="index")
loader(client, remainder="keep")
loader(client, layout="nchw")
loader(client, batch_size=128)
"""
# Each wrong call, and what an error of its line says. Those of overloads name no argument whose value is wrong, but the
# same calls with right values are in CONSUMER.
WRONG = {
    'loader(client, batchsize=1)': '"batchsize"',
    'loader(client, remainder="cut")': 'No overload variant of "loader" matches argument types "Client", "str"',
    'loader(client, layout="chw")': 'No overload variant of "loader" matches argument types "Client", "str"',
    'loader(client, batch_size="128")': 'No overload variant of "loader" matches argument types "Client", "str"',
    'Batches(client, remainder="bogus")': "remainder",
    'Batches(client, normalization="xyz")': "normalization",
    'BatchDataset(client, label="index")': "label",
    'SampleDataset(client, split="val", augmented="shift:2")': "augmented",
    'client.gather("mnist", "train", [1], labels="text")': "labels",
}


def test_wrong_options_fail_the_type_check(tmp_path: Path) -> None:
    pytest.importorskip("mypy")
    pytest.importorskip("torch")
    program = tmp_path / "program.py"
    first = CONSUMER.count("\n") + 1
    program.write_text("\n".join([CONSUMER, *WRONG, ""]))
    result = subprocess.run([sys.executable, "-m", "mypy", "--strict", program], cwd=tmp_path, capture_output=True,
                            text=True, env={**os.environ, "MYPYPATH": str(PACKAGE / "src")})
    lines: dict[int, list[str]] = {}
    for match in re.finditer(r"program\.py:(\d+): error: (.*)", result.stdout):
        lines.setdefault(int(match[1]), []).append(match[2])
    assert sorted(lines) == [first + number + 1 for number in range(len(WRONG))], result.stdout
    for number, expected in enumerate(WRONG.values()):
        messages = lines[first + number + 1]
        assert any(expected in message for message in messages), messages


def test_the_command_knows_its_version() -> None:
    for command in ("--version", "--help"):
        done = subprocess.run([sys.executable, "-m", "mnist_batches", command], capture_output=True, text=True,
                              check=True)
        assert "mnist-batches" in done.stdout
