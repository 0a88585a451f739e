"""What is known of functions: from the store, or else from their binaries, which is stored then."""

from __future__ import annotations

import functools
import os
from collections.abc import Callable
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final, TypeVar

from tracekit import __version__, process
from tracekit.binaries import Binary
from tracekit.errors import OutputError, UsageError
from tracekit.symbols.function import Function
from tracekit.workflow.caches import cache_folder
from tracekit.workflow.debug_info import is_unoptimised

if TYPE_CHECKING:
    from tracekit.calibration.store import Store
    from tracekit.calibration.stored import Origin, Stored
    from tracekit.core.calibration import Calibration

T = TypeVar("T")

VARIABLE: Final = "TRACEKIT_CALIBRATIONS"
"""The environment variable that names the folder of calibrations."""


def folder() -> str:
    """Where calibrations are stored: in the cache of the user who works here, also if that one called sudo."""
    return cache_folder(VARIABLE, "calibrations")


class Knowledge:
    """Calibrations of functions, each found once.

    Attributes:
        notes: what was in the way, such as a damaged file; nothing of it is an error.
    """

    def __init__(self, store: Store | None = None) -> None:
        """Use a store; without one that of ``folder``."""
        # Now, while we are root: with the rights of the user who called sudo, it isn't seen who that is.
        self._folder = folder() if store is None else store.folder
        self.notes: list[str] = []
        self._found: dict[tuple[str, str, str], Stored] = {}

    @functools.cached_property
    def store(self) -> Store:
        """Where they are kept."""
        from tracekit.calibration.store import Store  # many runs need it only while their target runs already

        return Store(self._folder)

    def of(self, image: Binary, function: Function) -> Calibration:
        """What is known of a function, at its entry and return.

        Args:
            image: the binary.
            function: one of its functions, as ``symbols.find`` gives it.

        Raises:
            DebugInfoError: if there is neither a calibration nor debug information.
        """
        key = image.file_identity, image.machine, function.name
        if key not in self._found:
            self._found[key] = (
                self._stored(image, function.name)
                or self._unnamed(image, function)
                or self._static(image, function)
            )
        return self._found[key].calibration

    def warnings(self, image: Binary, function: Function) -> tuple[str, ...]:
        """What a reader should know of a function: what ``of`` says, without its arguments where it is stored.

        Raises:
            DebugInfoError: as ``of``.
        """
        if (image.file_identity, image.machine, function.name) not in self._found:
            for file in ("", image.file_identity):
                wanted = image.identity, image.machine, function.name, file
                if (found := self._as_user(functools.partial(self.store.warnings, *wanted))) is not None:
                    return found
        return self.of(image, function).warnings

    def addresses(self, image: Binary, name: str) -> tuple[tuple[str, int], ...]:
        """The symbols and addresses of a function that stored calibrations of a binary know by a name."""
        found = (s.calibration for s in self._of(image))
        return tuple((c.symbol, c.address) for c in found if name in (c.name, c.symbol))

    def static(self, image: Binary, function: Function) -> Calibration:
        """What the binary alone says of a function; neither read from the store nor stored.

        Raises:
            DebugInfoError: if it has no debug information of the function.
        """
        from tracekit.workflow.static import calibration_of

        return image.ask(calibration_of, function)

    def is_unoptimised(self, image: Binary, function: Function) -> bool:
        """Whether a function is known to be compiled without optimisation.

        Raises:
            DebugInfoError: if there is no debug information of it.
        """
        return image.ask(is_unoptimised, function)

    def keep(
        self, calibration: Calibration, image: Binary, path: str, origin: Origin, *, for_copies: bool = True
    ) -> None:
        """Store a calibration. If it can't be, that is a note: what was found out is right all the same.

        Args:
            calibration: what was found out.
            image: of which binary.
            path: the binary's path.
            origin: how it was found out.
            for_copies: whether it counts for every binary of this build-id, as a user's own calibrations do.
        """
        from tracekit.calibration.stored import Stored

        stored = Stored(calibration, origin, datetime.now(UTC), os.path.abspath(path), __version__)
        file = image.file_identity
        self._found[file, calibration.architecture, calibration.symbol] = stored
        self._try(lambda: self.store.put(stored, "" if for_copies else file))

    def _stored(self, image: Binary, symbol: str) -> Stored | None:
        from tracekit.calibration.store import is_current

        for file in ("", image.file_identity):
            found = self._try(functools.partial(self.store.get, image.identity, image.machine, symbol, file))
            if found is not None and is_current(found.origin, found.tracekit):
                return found
        return None

    def _unnamed(self, image: Binary, function: Function) -> Stored | None:
        """What is known of a place that the binary has no symbol for, under any name."""
        if not function.name.startswith("0x"):
            return None
        same = (s for s in self._of(image) if s.calibration.address == function.address)
        return next((s for s in same if s.calibration.arguments), None)

    def _of(self, image: Binary) -> list[Stored]:
        """All stored calibrations that count for every copy of a binary."""

        def read() -> list[Stored]:
            listed = self.store.all()
            found = [s for p, s in listed if not isinstance(s, UsageError) and self.store.counts_for_all(p, s)]
            wanted = image.identity, image.machine
            return [s for s in found if (s.calibration.build_id, s.calibration.architecture) == wanted]

        return self._try(read) or []

    def _static(self, image: Binary, function: Function) -> Stored:
        calibration = self.static(image, function)
        self.keep(calibration, image, image.path, "static", for_copies=False)
        return self._found[image.file_identity, calibration.architecture, calibration.symbol]

    def _try(self, action: Callable[[], T]) -> T | None:
        if process.invoking_user():
            from tracekit.calibration.store import prepare

            prepare()  # the user needn't be able to read our Python
        return self._as_user(action)

    def _as_user(self, action: Callable[[], T]) -> T | None:
        try:
            with process.as_invoking_user():
                return action()
        except (UsageError, OutputError) as error:
            self.notes.append(error.message)
            return None
