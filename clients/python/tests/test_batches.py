from __future__ import annotations

import gc
import json
import pickle
import threading
from itertools import product
from typing import Any

import numpy as np
import pytest
from servers import RealServer

from mnist_batches import Batches, Client, StateError, epoch_order
from mnist_batches.options import DType, Layout, Normalization, Remainder, Wire

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

    def shards(remainder: Remainder) -> list[Batches]:
        return [Batches(client, split="test", batch_size=batch_size, seed=1, normalization="raw", remainder=remainder,
                        uneven_ranks=True, rank=rank, world_size=world_size) for rank in range(world_size)]

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


DTYPES: tuple[DType, ...] = ("float32", "float16")
LAYOUTS: tuple[Layout, ...] = ("flat", "nhwc", "nchw")
WIRES: tuple[Wire, ...] = ("raw", "float32")


@pytest.mark.parametrize("normalization", ["unit", "centered", "standard"])
def test_raw_pixels_become_the_same_bits(client: Client, normalization: Normalization) -> None:
    for dtype, layout, pad, augment in product(DTYPES, LAYOUTS, (None, 32), (None, "shift:2")):
        raw, finished = (next(iter(Batches(client, batch_size=64, seed=3, normalization=normalization, dtype=dtype,
                                           layout=layout, pad=pad, augment=augment, wire=wire, prefetch=0)))
                         for wire in WIRES)
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
        batches._fetcher._wire.record("raw", 1.0, 1_000_000, 1.0)
    batches.set_epoch(0)
    batches.stats.reset()
    batches._fetcher._wire.record = lambda *_: None  # type: ignore[method-assign]
    for ours, theirs in zip(plain, batches, strict=True):
        assert ours.images.tobytes() == theirs.images.tobytes()
    assert batches.stats.wire_bytes < uncompressed / 4


def test_copies_for_other_processes_continue_where_the_original_is(client: Client) -> None:
    batches = Batches(client, split="test", batch_size=1000, seed=5, normalization="centered", wire="raw")
    list(batches)
    batches.load_state_dict({**batches.state_dict(), "offset": 8000})
    copy = pickle.loads(pickle.dumps(batches))
    assert [batch.images.tobytes() for batch in copy] == [batch.images.tobytes() for batch in batches]


def test_what_remains_counts_down(client: Client) -> None:
    batches = Batches(client, split="test", batch_size=1000, seed=5)
    assert [(batches.remaining, len(batches)) for _ in batches] == [(left, 10) for left in (*range(9, 0, -1), 10)]
    for _ in batches:
        break
    assert batches.remaining == 10, "of the iteration that begins again"


def test_a_batch_by_its_number(client: Client) -> None:
    batches = Batches(client, split="test", batch_size=300, seed=5)
    everything = list(batches)
    batches.set_epoch(0)
    assert batches[33].ids.tolist() == everything[33].ids.tolist()
    with pytest.raises(IndexError, match="34 batches"):
        batches[34]
    assert batches[-1].ids.tolist() == everything[-1].ids.tolist()
    with pytest.raises(IndexError, match="no batch -35"):
        batches[-35]


def test_an_iteration_that_is_broken_off_begins_again(client: Client) -> None:
    batches = Batches(client, split="test", seed=1)
    first = next(iter(batches))
    assert next(iter(batches)).ids.tolist() == first.ids.tolist()
    assert batches.epoch == 0
    with pytest.warns(UserWarning, match=r"epoch 0 of test begins a third time.*advance_on_break=True"):
        next(iter(batches))
    assert ids_of(batches) == epoch_order(TOTAL, 1, 0).tolist()


def test_an_iteration_that_is_broken_off_may_count(client: Client, recwarn: pytest.WarningsRecorder) -> None:
    batches = Batches(client, split="test", seed=1, advance_on_break=True)
    for epoch in range(4):
        for batch in batches:
            assert batch.ids.tolist() == epoch_order(TOTAL, 1, epoch)[:128].tolist()
            break
    assert batches.epoch == 4, "of the next iteration"
    assert batches.state_dict()["epoch"] == 3, "a state has what was delivered"
    assert batches.state_dict()["offset"] == 128
    assert len(recwarn) == 0


def test_an_iterator_that_is_never_used_does_not_begin_an_epoch(client: Client) -> None:
    batches = Batches(client, split="test", batch_size=1000, seed=1, advance_on_break=True)
    iter(batches)
    assert ids_of(batches) == epoch_order(TOTAL, 1, 0).tolist()
    iter(batches)
    assert ids_of(batches) == epoch_order(TOTAL, 1, 1).tolist()


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
        whole = Batches(client, split="test", batch_size=64, seed=2, epoch=1, rank=rank, world_size=3,
                        remainder="keep", uneven_ranks=True)
        rest = Batches(client, split="test", batch_size=64, seed=2, rank=rank, world_size=3, remainder="keep",
                       uneven_ranks=True)
        rest.load_state_dict(state)
        assert len(rest) == len(whole), "of a whole epoch, always"
        assert rest.remaining == len(list(rest)) < len(rest)
        rest.load_state_dict(state)
        seen += ids_of(rest)
        assert rest.remaining == len(rest)
        assert ids_of(rest) == ids_of(whole), "the next iteration is a whole epoch"
    assert sorted(seen) == sorted(epoch_order(TOTAL, 2, 0)[700:].tolist())


def test_a_rest_that_is_broken_off_begins_again_where_it_began(client: Client) -> None:
    """As Keras does, which looks at the first batch before it trains."""
    batches = Batches(client, split="test", batch_size=1000, seed=2)
    batches.load_state_dict({**batches.state_dict(), "epoch": 3, "offset": 7000})
    next(iter(batches))
    assert batches.remaining == 3
    assert ids_of(batches) == epoch_order(TOTAL, 2, 3)[7000:].tolist()
    assert ids_of(batches) == epoch_order(TOTAL, 2, 4).tolist()


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
    cases: list[tuple[type[Exception], str, dict[str, Any]]] = [
        (ValueError, "keep, drop, pad, got 'cut'", {"remainder": "cut"}),
        (ValueError, "raw, float32, auto", {"wire": "json"}),
        (ValueError, "onehot, index", {"labels": "text"}),
        (ValueError, "flat, nhwc, nchw", {"layout": "chw"}),
        (ValueError, "raw, unit, centered, standard", {"normalization": "zscore"}),
        (ValueError, "float32, float16, uint8", {"dtype": "int8"}),
        (ValueError, "uint8 with standard", {"dtype": "uint8"}),
        (ValueError, "float32 with raw", {"dtype": "float32", "normalization": "raw"}),
        (ValueError, "both", {"rank": 1}),
        (ValueError, "rank must be an integer from 0 to 1, got 2", {"rank": 2, "world_size": 2}),
        (TypeError, "batch_size must be an integer of at least 1, got '128'", {"batch_size": "128"}),
        (TypeError, "got 12.5", {"batch_size": 12.5}),
        (TypeError, "got True", {"seed": True}),
        (ValueError, "from 0 to 4294967295, got -1", {"seed": -1}),
        (TypeError, "True or False", {"advance_on_break": 1}),
        (TypeError, "batchsize", {"batchsize": 1})
    ]
    for error, message, options in cases:
        with pytest.raises(error, match=message):
            Batches(client, **options)
    with pytest.raises(ValueError, match="'all'; there are: train, val, test"):
        len(Batches(client, split="all"))
    with pytest.raises(TypeError, match="Client or the address"):
        Batches(8080)  # type: ignore[arg-type]


def test_takes_an_address_and_integers_of_numpy(server: RealServer) -> None:
    batches = Batches(server.url, split="test", batch_size=np.int64(500), seed=np.uint32(3), epoch=np.int8(1))
    assert json.loads(json.dumps(batches.state_dict()))["seed"] == 3
    assert ids_of(batches) == epoch_order(TOTAL, 3, 1).tolist()


def test_representations(client: Client) -> None:
    batches = Batches(client, split="test", batch_size=100, seed=1)
    assert repr(batches) == "Batches('mnist', 'test', batch_size=100, seed=1, epoch=0)"
    assert repr(batches[0]) == "Batch(images float32 (100, 1, 28, 28), labels int64 (100,), ids int32 (100,))"
    assert repr(client).startswith("Client('http://127.0.0.1:")
    list(batches)
    assert str(batches.stats).startswith("10,000 samples in ")


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


@pytest.mark.parametrize("remainder", ["keep", "drop", "pad"])
@pytest.mark.parametrize(("batch_size", "world_size"), [(100, 1), (768, 1), (128, 3)])
def test_the_last_state_of_an_epoch_is_the_start_of_the_next(client: Client, remainder: Remainder, batch_size: int,
                                                             world_size: int) -> None:
    def create() -> Batches:
        return Batches(client, split="test", batch_size=batch_size, seed=2, rank=0, world_size=world_size,
                       remainder=remainder, uneven_ranks=True)

    first, state = create(), {}
    for _ in first:
        state = first.state_dict()
    assert (state["epoch"], state["offset"]) == (1, 0)
    second = create()
    second.load_state_dict(state)
    assert ids_of(second) == ids_of(first), "both are epoch 1"


def test_a_rest_without_a_batch_is_the_next_epoch(client: Client) -> None:
    batches = Batches(client, split="test", batch_size=500, seed=2, remainder="drop")
    for offset in (9600, TOTAL):
        batches.load_state_dict({**batches.state_dict(), "epoch": 0, "offset": offset})
        assert (batches.epoch, batches.remaining) == (1, 20)


@pytest.mark.parametrize("world_size", [2, 3, 8])
@pytest.mark.parametrize("batch_size", [64, 128, 1000])
def test_ranks_have_equal_numbers_of_batches_by_default(client: Client, world_size: int, batch_size: int) -> None:
    ranks = [Batches(client, batch_size=batch_size, seed=1, rank=rank, world_size=world_size)
             for rank in range(world_size)]
    assert {len(rank) for rank in ranks} == {48_000 // (batch_size * world_size)}
    assert {rank.remainder for rank in ranks} == {"drop"}


def test_several_ranks_without_a_seed_require_a_remainder(client: Client) -> None:
    batches = Batches(client, split="test", rank=0, world_size=2)
    with pytest.raises(ValueError, match=r'remainder="pad" and use the mask.*rank=0, world_size=1'):
        iter(batches)
    assert len(Batches(client, split="test", rank=0, world_size=2, remainder="pad")) == 40


def test_uneven_ranks_are_refused_unless_allowed(client: Client) -> None:
    def create(uneven_ranks: bool) -> Batches:
        return Batches(client, seed=1, rank=0, world_size=2, remainder="keep", uneven_ranks=uneven_ranks)

    with pytest.raises(ValueError, match=r'a batch less.*"drop" or "pad".*uneven_ranks=True'):
        iter(create(False))
    assert len(create(True)) == 188


def test_drop_never_leaves_an_epoch_without_batches(client: Client) -> None:
    with pytest.raises(ValueError, match=r"10000 samples.*no batch of 4096 for 3 ranks"):
        len(Batches(client, split="test", batch_size=4096, seed=1, rank=0, world_size=3))


def test_labels_do_not_keep_images(client: Client) -> None:
    for wire in WIRES:
        for batch in Batches(client, split="test", wire=wire, remainder="pad", batch_size=768):
            images = batch.images.base.nbytes if batch.images.base is not None else batch.images.nbytes
            for array in (batch.labels, batch.ids, batch.mask):
                assert array is not None
                kept = array if array.base is None else array.base
                assert kept.nbytes <= 8 * 1024 < images


def test_statistics_are_bounded(client: Client) -> None:
    batches = Batches(client, split="test", seed=1, batch_size=1000)
    batches.stats.waits.extend([0.0] * 10_000)
    list(batches)
    assert len(batches.stats.waits) == 4096
    assert batches.stats.wait_seconds == pytest.approx(sum(list(batches.stats.waits)[-10:]))
