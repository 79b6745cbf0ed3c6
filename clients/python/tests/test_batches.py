from __future__ import annotations

import gc
import json
import pickle
import threading
from itertools import product

import pytest

from mnist_batches import Batches, Client, StateError, epoch_order

TOTAL = 10_000


def ids_of(batches: Batches) -> list[int]:
    return [int(id) for batch in batches for id in batch.ids]


def threads_of_client() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name == "mnist-batches"]


@pytest.mark.parametrize("prefetch", [0, 1, 4])
@pytest.mark.parametrize("batch_size", [1000, 128, 3000])
def test_yields_epochs_in_the_documented_order(client: Client, batch_size: int, prefetch: int) -> None:
    batches = Batches(client, split="test", batch_size=batch_size, seed=7, normalization="raw", prefetch=prefetch)
    for epoch in range(2):
        assert ids_of(batches) == epoch_order(TOTAL, 7, epoch).tolist()
    batches.set_epoch(0)
    assert ids_of(batches) == epoch_order(TOTAL, 7, 0).tolist()
    assert len(batches) == -(-TOTAL // batch_size)


def test_arrays_are_views_of_the_response(client: Client) -> None:
    batch = next(iter(Batches(client, normalization="raw", batch_size=10)))
    assert batch.images.base is not None
    assert batch.images.flags.writeable
    assert batch.images.shape == (10, 1, 28, 28)
    assert [array.dtype.name for array in batch[:3]] == ["uint8", "int64", "int32"]
    assert batch.mask is None


@pytest.mark.parametrize("world_size", [1, 3])
@pytest.mark.parametrize("batch_size", [128, 999])
def test_remainders(client: Client, batch_size: int, world_size: int) -> None:
    order = epoch_order(TOTAL, 1, 0)
    page = batch_size * world_size

    def shards(remainder: str) -> list[Batches]:
        return [Batches(client, split="test", batch_size=batch_size, seed=1, normalization="raw", remainder=remainder,
                        rank=rank, world_size=world_size) for rank in range(world_size)]

    assert sorted(id for shard in shards("keep") for id in ids_of(shard)) == list(range(TOTAL))
    for shard in shards("keep"):
        assert [len(batch.ids) > 0 for batch in shard] == [True] * len(shard), "no batch is empty"
    dropped = sorted(id for shard in shards("drop") for id in ids_of(shard))
    assert dropped == sorted(order[:TOTAL // page * page].tolist())
    real: list[int] = []
    for shard in shards("pad"):
        assert len(shard) == -(-TOTAL // page)
        for batch in shard:
            assert len(batch.ids) == batch_size
            assert batch.mask is not None
            real += batch.ids[batch.mask == 1].tolist()
    assert sorted(real) == list(range(TOTAL))


@pytest.mark.parametrize("normalization", ["unit", "centered", "standard"])
def test_raw_pixels_become_the_same_bits(client: Client, normalization: str) -> None:
    for dtype, layout, pad, augment in product(("float32", "float16"), ("flat", "nhwc", "nchw"), (None, 32),
                                               (None, "shift:2")):
        raw, finished = (next(iter(Batches(client, batch_size=64, seed=3, normalization=normalization, dtype=dtype,
                                           layout=layout, pad=pad, augment=augment, wire=wire, prefetch=0)))
                         for wire in ("raw", "float32"))
        assert raw.images.dtype == finished.images.dtype == dtype
        assert raw.images.shape == finished.images.shape
        assert raw.images.tobytes() == finished.images.tobytes()
        assert raw.ids.tolist() == finished.ids.tolist()


def test_auto_measures_both_wires_and_stays_with_one(client: Client) -> None:
    batches = Batches(client, split="test", seed=1)
    expected = Batches(client, split="test", seed=1, wire="float32")
    for ours, theirs in zip(batches, expected, strict=True):
        assert ours.images.tobytes() == theirs.images.tobytes()
    chosen = batches.wire
    assert chosen in ("raw", "float32")
    list(batches)
    assert batches.wire == chosen


def test_slow_networks_get_compressed_pixels(client: Client) -> None:
    batches = Batches(client, split="test", seed=1, wire="raw")
    plain = list(batches)
    uncompressed = batches.stats.wire_bytes
    for _ in range(5):
        batches._wire.record("raw", 1.0, 1_000_000, 1.0)
    batches.set_epoch(0)
    batches.stats.reset()
    batches._wire.record = lambda *_: None  # type: ignore[method-assign]
    for ours, theirs in zip(plain, batches, strict=True):
        assert ours.images.tobytes() == theirs.images.tobytes()
    assert batches.stats.wire_bytes < uncompressed / 4


def test_copies_for_other_processes_continue_where_the_original_is(client: Client) -> None:
    batches = Batches(client, split="test", batch_size=1000, seed=5, normalization="centered", wire="raw")
    list(batches)
    batches.load_state_dict({**batches.state_dict(), "offset": 8000})
    copy = pickle.loads(pickle.dumps(batches))
    assert [batch.images.tobytes() for batch in copy] == [batch.images.tobytes() for batch in batches]


def test_a_batch_by_its_number(client: Client) -> None:
    batches = Batches(client, split="test", batch_size=300, seed=5)
    everything = list(batches)
    batches.set_epoch(0)
    assert batches[33].ids.tolist() == everything[33].ids.tolist()
    with pytest.raises(IndexError, match="34 batches"):
        batches[34]


def test_an_iteration_that_is_broken_off_begins_again(client: Client) -> None:
    batches = Batches(client, split="test", seed=1)
    first = next(iter(batches))
    assert next(iter(batches)).ids.tolist() == first.ids.tolist()
    assert batches.epoch == 0


def test_state_describes_what_was_delivered(client: Client) -> None:
    batches = Batches(client, split="test", batch_size=100, seed=2)
    version = client.dataset("mnist").version
    for number, _ in enumerate(batches, 1):
        state = json.loads(json.dumps(batches.state_dict()))
        done = number == len(batches)
        assert state == {"dataset": "mnist", "split": "test", "version": version, "seed": 2, "epoch": int(done),
                         "offset": 0 if done else 100 * number}


def test_resumes_with_other_batch_and_world_sizes(client: Client) -> None:
    first = Batches(client, split="test", batch_size=100, seed=2, rank=0, world_size=1)
    iterator = iter(first)
    for _ in range(7):
        next(iterator)
    state = first.state_dict()
    assert state["offset"] == 700
    seen: list[int] = []
    for rank in range(3):
        rest = Batches(client, split="test", batch_size=64, seed=2, rank=rank, world_size=3)
        rest.load_state_dict(state)
        assert len(rest) == len(list(rest))
        rest.load_state_dict(state)
        seen += ids_of(rest)
        assert ids_of(rest) == ids_of(Batches(client, split="test", batch_size=64, seed=2, epoch=1, rank=rank,
                                              world_size=3)), "the next iteration is a whole epoch"
    assert sorted(seen) == sorted(epoch_order(TOTAL, 2, 0)[700:].tolist())


def test_set_epoch_keeps_the_position_of_the_same_epoch(client: Client) -> None:
    batches = Batches(client, split="test", seed=2)
    batches.load_state_dict({**batches.state_dict(), "epoch": 3, "offset": 9000})
    batches.set_epoch(3)
    assert ids_of(batches) == epoch_order(TOTAL, 2, 3)[9000:].tolist()


@pytest.mark.parametrize(("change", "message"), [
    ({"version": "0123456789abcdef"}, "version '0123456789abcdef'"),
    ({"seed": 3}, "seed 3"),
    ({"seed": None}, "seed None"),
    ({"split": "val"}, "split 'val', and these batches have 'test'"),
    ({"dataset": "fashion", "version": "0123456789abcdef"}, "dataset 'fashion', and these batches have 'mnist'"),
    ({"offset": TOTAL + 1}, "at most 10000"),
    ({"offset": -1}, "at most 10000"),
    ({"epoch": "first"}, "must be integers"),
])
def test_rejects_states_of_other_data(client: Client, change: dict[str, object], message: str) -> None:
    batches = Batches(client, split="test", seed=2)
    with pytest.raises(StateError, match=message):
        batches.load_state_dict({**batches.state_dict(), **change})


@pytest.mark.parametrize(("missing", "message"), [("version", "version None"), ("seed", "seed None")])
def test_rejects_incomplete_states(client: Client, missing: str, message: str) -> None:
    for seed in (2, None):
        batches = Batches(client, split="test", seed=seed)
        state = batches.state_dict()
        del state[missing]
        with pytest.raises(StateError, match=message):
            batches.load_state_dict(state)


def test_the_names_in_a_state_are_optional(client: Client) -> None:
    batches = Batches(client, split="test", seed=2)
    version = client.dataset("mnist").version
    batches.load_state_dict({"version": version, "seed": 2, "epoch": 1, "offset": 9900})
    assert ids_of(batches) == epoch_order(TOTAL, 2, 1)[9900:].tolist()


def test_rejects_invalid_options(client: Client) -> None:
    with pytest.raises(ValueError, match="keep, drop, pad"):
        Batches(client, remainder="cut")
    with pytest.raises(ValueError, match="raw, float32, auto"):
        Batches(client, wire="json")
    with pytest.raises(ValueError, match="both"):
        Batches(client, rank=1)
    with pytest.raises(ValueError, match="train, val, test"):
        len(Batches(client, split="all"))


def test_statistics(client: Client) -> None:
    batches = Batches(client, split="test", seed=1)
    for _ in batches:
        pass
    stats = batches.stats
    assert (stats.batches, stats.samples, stats.requests) == (79, TOTAL, 10)
    assert 0 < stats.wait_share < 1
    assert 0 < stats.wait_seconds < stats.seconds


def test_no_thread_outlives_its_iterator(client: Client) -> None:
    iterator = iter(Batches(client, seed=1))
    next(iterator)
    assert len(threads_of_client()) == 4
    del iterator
    gc.collect()
    assert threads_of_client() == []
    for _ in Batches(client, split="test", seed=1):
        pass
    assert threads_of_client() == []


def test_no_thread_outlives_an_exception(client: Client) -> None:
    def fail() -> None:
        for _ in Batches(client, seed=1):
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert threads_of_client() == []
