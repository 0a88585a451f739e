"""What is fuzzed: something that makes inputs, and something that reads them."""

from __future__ import annotations

from collections.abc import Callable
from random import Random

import attrs


def _nothing() -> None:
    pass


@attrs.frozen
class Target:
    """One kind of input that isn't trusted.

    Attributes:
        name: as ``make fuzz`` and the corpus's folders have it.
        make: an input that chance picks; the same chance gives the same one.
        read: reads one as tracekit does; what it raises besides ``TracekitError`` is a finding.
        prepare: done once, before anything else.
    """

    name: str
    make: Callable[[Random], bytes]
    read: Callable[[bytes], object]
    prepare: Callable[[], object] = _nothing
