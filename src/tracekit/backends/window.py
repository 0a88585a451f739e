"""When a run is too much for its target: the windows of time in which events are counted. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from tracekit.backends.base import Options, Overload
from tracekit.values import frozen

_SECONDS: Final = 0.1
_EVENTS: Final = 100


@frozen
class Window:
    """A time, and how many events are too many in it.

    Attributes:
        events: with one more than so many, the run stops.
        nanoseconds: a window that has lasted so long ends, and the next event begins another.
    """

    events: int
    nanoseconds: int


def window(options: Options) -> Window | None:
    """The window for a rate: a tenth of a second, or so long that 100 events fit; None without a rate.

    A rate above the limit that lasts is seen in the first whole window, the sooner the higher it is. Few events
    that come together are no rate yet, which is why a window has room for some.
    """
    if options.max_rate is None:
        return None
    seconds = max(_SECONDS, _EVENTS / options.max_rate)
    return Window(round(options.max_rate * seconds), round(seconds * 1e9))


def overload_of(words: Sequence[bytes] | Sequence[int]) -> Overload | None:
    """Why a run stopped.

    Args:
        words: by the engine's clock when it stopped, 0 if it didn't; when the probes were in place; when the
            last window began; and how many events were in it. None at all without a guard.
    """
    if not words or not int(words[0]):
        return None
    over, began, since, events = (int(word) for word in words)
    return Overload(over - began, events, over - since)
