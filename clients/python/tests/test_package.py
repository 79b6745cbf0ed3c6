"""What an installation consists of."""

from __future__ import annotations

import subprocess
import sys

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
