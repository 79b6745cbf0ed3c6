from __future__ import annotations

import json
import pickle
import threading
from typing import Any

import numpy as np
import pytest
from servers import BreakingProxy, RealServer, ScriptedServer

from mnist_batches import BatchServerError, Client

READY = {"datasets": [{"name": "mnist", "status": "ready"}], "limits": {"max_batch_size": 4096}}


def ok(body: object) -> tuple[int, dict[str, str], bytes]:
    return 200, {}, json.dumps(body).encode()


def problem(status: int, **members: object) -> bytes:
    return json.dumps({"status": status, **members}).encode()


def test_describes_datasets(client: Client) -> None:
    assert [dataset["name"] for dataset in client.datasets()] == ["mnist"]
    dataset = client.dataset("mnist")
    assert dataset.classes == tuple("0123456789")
    assert dataset.splits == {"train": 48000, "val": 12000, "test": 10000}
    assert client.split("mnist", "train")["count"] == 48000


def test_gathers_samples_in_the_given_order(client: Client) -> None:
    batch = client.gather("mnist", "train", [3, 1, 3], normalization="raw", labels="index")
    assert batch.ids.tolist() == [3, 1, 3]
    image, label = client.sample("mnist", "train", 1, normalization="raw")
    assert np.array_equal(batch.images[1], image)
    assert batch.labels[1] == label


def test_gathers_more_samples_than_a_response_may_have(client: Client) -> None:
    assert client.max_batch_size < 5000
    batch = client.gather("mnist", "train", range(5000), normalization="raw", labels="index")
    assert batch.ids.tolist() == list(range(5000))
    assert batch.images.shape == (5000, 1, 28, 28)
    assert np.array_equal(batch.labels, client.labels("mnist", "train")[:5000])


@pytest.mark.parametrize(("ids", "message"), [
    (np.array([False, True]), "booleans.*np.flatnonzero"),
    ([True], "booleans"),
    ([1.0], "integers, got 1.0"),
    (np.array([0.5]), "integers, got"),
    (["1"], "integers, got '1'"),
])
def test_ids_that_are_no_integers_are_refused(client: Client, ids: Any, message: str) -> None:
    with pytest.raises(TypeError, match=message):
        client.gather("mnist", "train", ids)


def test_labels_and_the_mean_image(client: Client) -> None:
    labels = client.labels("mnist", "test")
    assert (labels.dtype.name, labels.shape) == ("int64", (10_000,))
    mean = client.mean("mnist")
    assert (mean.dtype.name, mean.shape) == ("float32", (28, 28))
    assert float(mean.mean()) == pytest.approx(client.dataset("mnist").mean, abs=1e-6)


def test_timeouts() -> None:
    good: list[Any] = [30, 0.5, (3, 20), [3, 20]]
    for timeout in good:
        Client(timeout=timeout)
    bad: list[Any] = [0, -1, (1, 2, 3), "30", float("inf"), (1, None)]
    for timeout in bad:
        with pytest.raises(ValueError, match="timeout must be"):
            Client(timeout=timeout)


class Log:
    """What some programs put in place of stderr."""

    def write(self, text: str) -> None:
        pass


@pytest.mark.parametrize("stream", [None, Log()])
def test_needs_no_terminal(client: Client, stream: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stderr", stream)
    assert client.split("mnist", "test")["count"] == 10_000


def test_raises_the_problem_of_the_server(client: Client) -> None:
    with pytest.raises(BatchServerError, match="labels must be") as caught:
        client.gather("mnist", "train", [0], labels="text")  # type: ignore[arg-type]
    assert pickle.loads(pickle.dumps(caught.value)).allowed == caught.value.allowed
    assert caught.value.status == 400
    assert caught.value.code == "invalid_parameter"
    assert caught.value.allowed["labels"] == "one of onehot, index"
    with pytest.raises(BatchServerError) as caught:
        client.dataset("letters")
    assert (caught.value.status, caught.value.code) == (404, "unknown_dataset")
    assert "there are: mnist" in caught.value.detail


def test_url_and_token_come_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    with ScriptedServer(lambda path, headers: ok(READY)) as server:
        monkeypatch.setenv("MNIST_BATCHES_URL", f"{server.url}/prefix/")
        # Files end with a newline.
        monkeypatch.setenv("MNIST_BATCHES_TOKEN", "secret\n")
        Client().datasets()
        path, headers = server.requests[0]
    assert path == "/prefix/v1/datasets"
    assert headers["authorization"] == "Bearer secret"


def test_waits_for_a_preparation_however_long(capsys: pytest.CaptureFixture[str],
                                              monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stderr.isatty", lambda: True, raising=False)
    progress = {"stage": "prepare", "item": "summing", "done": 21000, "total": 70000}
    loading = 503, {"Retry-After": "0"}, problem(503, code="dataset_loading", detail="…", progress=progress)
    answers = iter([loading, loading, loading, ok(READY)])
    with ScriptedServer(lambda path, headers: next(answers)) as server:
        Client(server.url, give_up_after=0).datasets()
    assert "prepare summing [#########" in capsys.readouterr().err


def test_a_truncated_body_is_requested_again() -> None:
    body = json.dumps(READY).encode()
    answers = iter([(200, {"Content-Length": str(len(body) + 1), "Connection": "close"}, body), ok(READY)])
    with ScriptedServer(lambda path, headers: next(answers)) as server:
        assert Client(server.url).datasets() == READY["datasets"]


def test_a_reset_in_the_middle_of_a_body_is_retried(server: RealServer) -> None:
    with BreakingProxy(server.port, breaks=2, after=100_000) as proxy:
        client = Client(proxy.url)
        batch = client.gather("mnist", "train", range(1000), normalization="raw")
    assert batch.ids.tolist() == list(range(1000))
    assert proxy.broken == 2


def test_fails_over_to_the_next_server_at_once(server: RealServer) -> None:
    with BreakingProxy(server.port, breaks=10**6, after=0) as dead:
        client = Client([dead.url, server.url])
        session = client.open_session()
        session.sleep = lambda seconds: pytest.fail("waited")  # type: ignore[method-assign]
        assert client.request("GET", "/v1/datasets", session=session).status == 200
        assert dead.broken == 1
        client.request("GET", "/v1/datasets", session=session)
        assert dead.broken == 1, "it stays with the server that works"


def test_may_be_shared_by_threads_and_copied(client: Client) -> None:
    copies = [client, pickle.loads(pickle.dumps(client))]
    found: list[int] = []

    def read(number: int) -> None:
        found.append(int(copies[number % 2].gather("mnist", "train", [number]).ids[0]))

    threads = [threading.Thread(target=read, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(found) == list(range(8))
