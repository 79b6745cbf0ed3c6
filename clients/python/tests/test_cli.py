from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from servers import RealServer

from mnist_batches import Client
from mnist_batches.cli import main

pytestmark = pytest.mark.usefixtures("client")


def test_info(server: RealServer, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--url", server.url, "info"]) == 0
    out = capsys.readouterr().out
    assert "mnist: MNIST handwritten digits" in out
    assert "train 48,000, val 12,000, test 10,000" in out


def test_errors_are_one_line(server: RealServer, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--url", server.url, "info", "letters"]) == 1
    assert capsys.readouterr().err == \
        "mnist-batches: there is no dataset 'letters'; there are: mnist (404 unknown_dataset)\n"


def test_verify(server: RealServer, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--url", server.url, "verify"]) == 0
    assert "test: 10,000 samples in the documented order" in capsys.readouterr().out


def test_verify_finds_another_order(server: RealServer, capsys: pytest.CaptureFixture[str],
                                    monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mnist_batches.cli.verify.epoch_order", lambda total, seed, epoch: np.arange(total))
    assert main(["--url", server.url, "verify", "--batch-size", "2000"]) == 1
    assert "FAILED train: epoch 0 of seed 42 has another order" in capsys.readouterr().out


def test_bench(server: RealServer, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--url", server.url, "bench", "--seconds", "0.3", "--step-ms", "2", "--split", "test"]) == 0
    out = capsys.readouterr().out
    assert [line.split()[0] for line in out.splitlines()] == ["samples/s", "wait", "wire", "utilisation"]


def test_export(client: Client, server: RealServer, tmp_path: Path) -> None:
    assert main(["--url", server.url, "export", str(tmp_path), "--split", "test"]) == 0
    saved = np.load(tmp_path / "mnist-test.npz")
    assert (saved["images"].shape, saved["images"].dtype) == ((10000, 28, 28), np.uint8)
    assert main(["--url", server.url, "export", str(tmp_path), "--split", "test", "--format", "idx"]) == 0
    for name, original in (("images-idx3", "t10k-images-idx3-ubyte"), ("labels-idx1", "t10k-labels-idx1-ubyte")):
        expected = client.request("GET", f"/v1/datasets/mnist/files/{original}").body.tobytes()
        assert (tmp_path / f"mnist-test-{name}-ubyte").read_bytes() == expected
