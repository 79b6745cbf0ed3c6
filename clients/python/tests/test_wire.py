from __future__ import annotations

import pytest

from mnist_batches.wire import WireChoice


@pytest.mark.parametrize(("raw", "finished", "best"), [(1.0, 2.0, "raw"), (1.0, 0.9, "raw"), (1.0, 0.5, "float32")])
def test_raw_pixels_unless_finished_values_are_clearly_faster(raw: float, finished: float, best: str) -> None:
    choice = WireChoice(("raw", "float32"))
    for number in range(6):
        wire = choice.next()
        seconds = raw if wire == "raw" else finished
        # The first request of each wire is slow.
        choice.record(wire, seconds + (10 if number < 2 else 0), 100, 0.1)
    assert choice.next() == choice.best == best


def test_a_single_wire_needs_no_choice() -> None:
    assert WireChoice(("float32",)).next() == "float32"
    assert WireChoice(("raw",)).next() == "raw"


def test_compresses_if_several_transfers_in_turn_are_slow() -> None:
    choice = WireChoice(("raw",))
    for _ in range(5):
        assert not choice.compress
        choice.record("raw", 1.0, 1_000_000, 1.0)
    assert choice.compress
    choice.record("raw", 1.0, 1_000_000, 0.01)
    assert not choice.compress
