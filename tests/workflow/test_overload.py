"""Limits, windows and samples, without an engine."""

from __future__ import annotations

import os
import time
from collections.abc import Sequence

import pytest

import tracekit as tk
from tracekit.backends.base import Options, Overload, Reading
from tracekit.backends.gdb.counting import Guard
from tracekit.backends.window import Window, overload_of, window
from tracekit.core.histogram import Histogram
from tracekit.core.result import Engine, Load, Loss, LossKind, MapResult
from tracekit.errors import TracekitError, UsageError
from tracekit.workflow import sampling
from tracekit.workflow.overload import check_limits, remarks


def test_a_window_has_room_for_a_hundred_events() -> None:
    """It is a tenth of a second, or as long as a low rate needs for 100 events."""
    assert window(Options()) is None
    assert window(Options(max_rate=100_000)) == Window(10_000, 100_000_000)
    assert window(Options(max_rate=10)) == Window(100, 10_000_000_000)


def test_gdbs_guard_stops_at_the_event_that_is_one_too_many() -> None:
    """Windows that aren't full begin anew; in a full one, the next event ends the run."""
    guard = Guard((3, 1000))
    guard.begin(0)
    assert not any(guard.is_enough(now) for now in (100, 200, 900, 1500, 1600, 2000))
    assert guard.is_enough(2400)
    assert overload_of(guard.told) == Overload(at=2400, events=4, nanoseconds=900)
    assert overload_of(Guard(None).told) is None


@pytest.mark.parametrize(
    ("options", "target"),
    [
        (Options(max_rate=0), tk.SystemWide()),
        (Options(max_overhead=-1), tk.SystemWide()),
        (Options(on_overload="pause"), tk.SystemWide()),
        (Options(on_overload="sample"), tk.SystemWide()),
        (Options(on_overload="sample", max_rate=5, max_events=5), tk.SystemWide()),
        (Options(on_overload="sample", max_rate=5), tk.Pids([1], follow=True)),
    ],
)
def test_limits_that_make_no_sense_are_refused(options: Options, target: tk.Pids | tk.SystemWide) -> None:
    """Before anything runs, with a sentence and a way out."""
    with pytest.raises(UsageError):
        check_limits(options, target)


def test_what_a_run_has_cost_is_told_where_it_was_much() -> None:
    """A share is told from a second of processor time and a tenth of a processor on; bystanders always are."""
    assert remarks(Load(1000, 0, 10_000_000, 10_000)) == ()
    (note,) = remarks(Load(500_000, 0, 10_000_000_000, 10_000))
    assert note.startswith("tracing took up to 50% of a processor")
    (note,) = remarks(Load(10, 30, 10_000_000, None))
    assert note.startswith("30 of 40 events were made by other processes")


class Fake:
    """A tracer whose window ends at once, with one event of value ``n``."""

    def __init__(self, n: int, over: bool = True) -> None:
        self.n, self.over, self.ended, self.closed = n, over, False, False
        self.script = f"script {n}"
        self.losses = (Loss(LossKind.KEYS, f"{n} of 9 events found no room", n, "m"),)
        self.notes = (f"note {n}",)
        self._read, self._write = os.pipe()
        os.write(self._write, b"!")

    def attach(self) -> None:
        if self.n == 9:
            raise TracekitError("no room for probes")

    def fileno(self) -> int:
        return self._read

    def poll(self) -> Sequence[Reading]:
        if self.ended or not self.over:
            return ()
        self.ended = True
        return [self.reading(Overload(1000, 101, 1000))]

    def finish(self) -> Sequence[Reading]:
        return () if self.ended else [self.reading(None)]

    def reading(self, overload: Overload | None) -> Reading:
        entries = {(1,): Histogram.of([self.n]), (self.n,): Histogram.of([5])} if self.n != 1 else {}
        maps = (MapResult("m", "sum", ("k",), entries),)
        return Reading(True, 7, maps, hits=2, others=1, overload=overload)

    def describe(self) -> Engine:
        return Engine("fake")

    def close(self) -> None:
        self.closed = True


def sample(following: list[Fake], alive: bool = True) -> tuple[sampling.SamplingTracer, list[Reading]]:
    """What a sampler that begins with ``Fake(2)`` tells until no tracer follows, or it ends."""
    rest = iter(following)
    tracer = sampling.SamplingTracer(Fake(2), lambda: next(rest), lambda: alive, 100.0)
    told: list[Reading] = []
    while not tracer.ended and tracer.windows <= len(following):
        told += tracer.poll()
        time.sleep(0.01)
    told += tracer.finish()
    tracer.close()
    return tracer, told


@pytest.fixture
def _short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    alarm = sampling._Alarm
    monkeypatch.setattr(sampling, "_Alarm", lambda _: alarm(0.01))


@pytest.mark.usefixtures("_short_pauses")
def test_windows_add_up() -> None:
    """Entries are merged by their keys, what is alike is told once with its count, and nothing is scaled."""
    following = [Fake(3), Fake(4, over=False)]
    tracer, (reading,) = sample(following)
    assert reading.final
    assert reading.overload is None
    (found,) = reading.maps
    assert found.entries == {
        (1,): Histogram.of([2, 3, 4]),
        (2,): Histogram.of([5]),
        (3,): Histogram.of([5]),
        (4,): Histogram.of([5]),
    }
    assert (reading.hits, reading.others) == (6, 3)
    (loss,) = reading.losses
    assert loss.kind is LossKind.OVERLOAD
    assert loss.message.startswith("sampled: 3 windows of together ")
    (loss,) = tracer.losses
    assert loss.count == 9
    assert loss.message == "2 of 9 events found no room; and the like in 2 other windows"
    assert all(fake.closed for fake in following)


@pytest.mark.usefixtures("_short_pauses")
def test_a_sample_that_can_not_go_on_is_incomplete() -> None:
    """If no further window can begin while the target lives, what there is is marked; else that is all."""
    tracer, (reading,) = sample([Fake(9)])
    assert reading.maps[0].total == 2
    assert any(loss.kind is LossKind.INCOMPLETE for loss in tracer.losses)
    tracer, (reading,) = sample([Fake(9)], alive=False)
    assert reading.maps[0].total == 2
    assert not any(loss.kind is LossKind.INCOMPLETE for loss in tracer.losses)


def test_a_run_that_never_was_too_much_is_no_sample() -> None:
    """Without a pause the reading is the tracer's own."""
    tracer = sampling.SamplingTracer(Fake(2, over=False), lambda: Fake(9), lambda: True, 100.0)
    (reading,) = tracer.finish()
    assert reading.losses == ()
    assert reading.traced is None
    tracer.close()
