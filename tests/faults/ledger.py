"""What a target notes of itself, as tests read it while the target runs: ``targets/ledger.h``."""

from __future__ import annotations

import mmap
import struct
from pathlib import Path

_FIELDS = ("pid", "calls", "returns", "sum", "children", "go", "stop", "idle")


class Ledger:
    """A target's notes: ``ledger["calls"]``, and so on by the names of ``struct ledger``.

    Args:
        path: the file, which is made anew, so that every user can write to it.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        path.write_bytes(bytes(mmap.PAGESIZE))
        path.chmod(0o666)
        with path.open("r+b") as file:
            self._page = mmap.mmap(file.fileno(), mmap.PAGESIZE)

    def __getitem__(self, name: str) -> int:
        return int(struct.unpack_from("q", self._page, 8 * _FIELDS.index(name))[0])

    def tell(self, name: str) -> None:
        """Let the target go, or stop."""
        struct.pack_into("q", self._page, 8 * _FIELDS.index(name), 1)
