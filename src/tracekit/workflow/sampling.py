"""Traces in short windows where a whole run would cost the target too much.

The guard in the kernel ends a window. Then the engine ends, and no probe is left: a probe that only counted
nothing would cost as much. After a pause another engine begins. The pause is so long that over the two, there
are no more events a second than the limit allows.
"""

from __future__ import annotations

import os
import select
import threading
from collections.abc import Callable, Sequence
from time import monotonic
from typing import Final

import attrs

from tracekit.backends.base import Reading, Tracer
from tracekit.backends.merge import alike, alike_notes, merged
from tracekit.core.result import Engine, Loss, LossKind
from tracekit.errors import TracekitError

_SHORTEST_PAUSE: Final = 0.1


class _Alarm:
    """A descriptor that becomes readable after a time."""

    def __init__(self, seconds: float) -> None:
        self._read, self._write = os.pipe()
        self._timer = threading.Timer(seconds, os.write, (self._write, b"!"))
        self._timer.daemon = True
        self._timer.start()

    def fileno(self) -> int:
        return self._read

    @property
    def due(self) -> bool:
        return not self._timer.is_alive()

    def close(self) -> None:
        self._timer.cancel()
        self._timer.join()
        os.close(self._read)
        os.close(self._write)


class SamplingTracer:
    """A ``Tracer`` that has another one at work in windows of time, as often as the limit lets it.

    Args:
        first: has its probes in place.
        again: prepares another one for the same target.
        alive: whether the target is still there.
        max_rate: how many events a second there may be, pauses included.

    Attributes:
        windows: how many there have been.
        ended: as of a ``Tracer``.
    """

    def __init__(
        self, first: Tracer, again: Callable[[], Tracer], alive: Callable[[], bool], max_rate: float
    ) -> None:
        self._again, self._alive, self._max_rate = again, alive, max_rate
        self._tracer: Tracer | None = first
        self._alarm: _Alarm | None = None
        self._epoll = select.epoll()
        self._epoll.register(first.fileno(), select.EPOLLIN)
        self._script = first.script
        self._engine: Engine | None = None
        self._before: Reading | None = None
        self._held: list[Reading] = []
        self._losses: list[Loss] = []
        self._notes: list[str] = []
        self.windows = 1
        self._traced = 0.0
        self._began = self._window_began = monotonic()
        self.ended = False

    @property
    def script(self) -> str:
        return self._script

    @property
    def losses(self) -> tuple[Loss, ...]:
        return alike([*self._losses, *(self._tracer.losses if self._tracer else ())])

    @property
    def notes(self) -> tuple[str, ...]:
        return alike_notes([*self._notes, *(self._tracer.notes if self._tracer else ())])

    @property
    def pausing(self) -> bool:
        """Whether there is no probe now, and there will be again."""
        return self._alarm is not None

    def attach(self) -> None:
        """The first one has its probes in place already."""

    def fileno(self) -> int:
        return self._epoll.fileno()

    def poll(self) -> Sequence[Reading]:
        if self._alarm is not None and self._alarm.due:
            self._resume()
        if self._tracer is None:
            return ()
        # The last reading of a window is told once its engine has ended: then it is known what comes next.
        self._held += self._tracer.poll()
        if self._tracer.ended:
            held, self._held = [*self._held, *self._tracer.finish()], []
            return self._window_over(held)
        told = [reading for reading in self._held if not reading.final]
        self._held = [reading for reading in self._held if reading.final]
        return [self._told(reading) for reading in told]

    def finish(self) -> Sequence[Reading]:
        if self._tracer is None:
            return () if self._before is None else [self._last(self._before)]
        self._traced += monotonic() - self._window_began
        readings = [*self._held, *self._tracer.finish()]
        return [self._last(r) if r.final else r for r in map(self._told, readings)]

    def describe(self) -> Engine:
        if self._tracer is not None:
            return self._tracer.describe()
        assert self._engine is not None
        return self._engine

    def close(self) -> None:
        if self._alarm is not None:
            self._alarm.close()
            self._alarm = None
        if self._tracer is not None:
            self._tracer.close()
        self._epoll.close()

    def _told(self, reading: Reading) -> Reading:
        return merged(self._before, reading)

    def _window_over(self, readings: Sequence[Reading]) -> Sequence[Reading]:
        """The engine has ended: pause if the guard ended it; else it is the end."""
        final = next((r for r in readings if r.final), None)
        if final is None or final.overload is None:
            self._traced += monotonic() - self._window_began
            self.ended = True
            return [self._last(r) if r.final else r for r in map(self._told, readings)]
        assert self._tracer is not None
        lasted, rate = monotonic() - self._window_began, final.overload.rate
        self._traced += final.overload.at / 1e9
        self._before = attrs.evolve(self._told(final), final=False, overload=None)
        self._engine = self._tracer.describe()
        self._losses += self._tracer.losses
        self._notes += self._tracer.notes
        self._epoll.unregister(self._tracer.fileno())
        self._tracer.close()
        self._tracer = None
        self._alarm = _Alarm(max(_SHORTEST_PAUSE, lasted * (rate / self._max_rate - 1)))
        self._epoll.register(self._alarm.fileno(), select.EPOLLIN)
        return ()

    def _resume(self) -> None:
        assert self._alarm is not None
        self._epoll.unregister(self._alarm.fileno())
        self._alarm.close()
        self._alarm = None
        if not self._alive():
            self.ended = True
            return
        tracer = self._again()
        try:
            tracer.attach()
        except TracekitError as error:
            tracer.close()
            self.ended = True
            if self._alive():
                told = f"after {self.windows} windows tracing could not go on: {error.message}"
                self._losses.append(Loss(LossKind.INCOMPLETE, told, hint=error.hint))
            return
        self._tracer, self._window_began = tracer, monotonic()
        self.windows += 1
        self._epoll.register(tracer.fileno(), select.EPOLLIN)

    def _last(self, reading: Reading) -> Reading:
        """The final reading, which says what part of the time it is of."""
        whole = monotonic() - self._began
        losses, notes = alike(reading.losses), alike_notes(reading.notes)
        if self._before is not None:
            told = (
                f"sampled: {self.windows} windows of together {self._traced:.2f} s in {whole:.2f} s "
                f"({self._traced / max(whole, 1e-9):.1%}) were traced, since there were too many events"
            )
            hint = "All counts are of these windows only: nothing is scaled up."
            losses = (*losses, Loss(LossKind.OVERLOAD, told, hint=hint))
        traced = round(self._traced * 1e9) if self._before is not None else None
        return attrs.evolve(reading, final=True, losses=losses, notes=notes, traced=traced, overload=None)
