"""Backends of other packages, held to the protocol: what is wrong with one is said, and stops nothing else.

Such a backend is code that its user has installed, and it runs with the user's rights: this is no protection
from it, only from its faults.
"""

from __future__ import annotations

import contextlib
import os
import sys
import traceback
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final, TypeVar

from tracekit.backends.base import Backend, Options, Place, Processes, Reading, Script, Tracer
from tracekit.codec.model import from_json, to_json
from tracekit.core.arch import Architecture
from tracekit.core.probe import FunctionProbe
from tracekit.core.program import Program
from tracekit.core.result import Engine, Loss
from tracekit.core.target import Target
from tracekit.errors import EngineError, TracekitError, UsageError
from tracekit.values import define, frozen

T = TypeVar("T")

GROUP: Final = "tracekit.backends"
"""The group of entry points that bring backends."""


def foreign(name: str) -> Backend | None:
    """The backend that another package brings under a name; None if none does.

    Raises:
        UsageError: if several do.
        EngineError: if it can't be loaded, or is no backend.
    """
    from importlib.metadata import entry_points

    with _blamed(f"what is installed beside tracekit for the backend {name!r}", name):
        found = {(e.dist.name if e.dist else "?", e.value): e for e in entry_points(group=GROUP, name=name)}
    if len(found) > 1:
        packages = ", ".join(sorted({package for package, _ in found}))
        raise UsageError(f"there are several backends {name!r}: of {packages}", "Uninstall all but one.")
    for (package, _), entry in found.items():
        blame = _Blame(f"the backend {name!r} of the package {package}", name)
        with blame.taken():
            made = entry.load()()
            lacking = [word for word in ("compile", "tracer") if not callable(getattr(made, word, None))]
            traits = [getattr(made, word, None) for word in _TRAITS]
            lacking += [w for w, trait in zip(_TRAITS, traits, strict=True) if not isinstance(trait, bool)]
        if lacking:
            raise blame.error(f"is none: it has no {' and '.join(lacking)} as a backend has")
        return _ForeignBackend(bool(traits[0]), bool(traits[1]), made, blame)
    return None


@frozen
class _Blame:
    """Who is to be named in errors."""

    who: str
    name: str

    def error(self, what: str) -> EngineError:
        return EngineError(
            message=f"{self.who} {what}",
            hint="Update or uninstall that package; tracekit's own backends work without it.",
            engine=self.name,
        )

    def taken(self) -> contextlib.AbstractContextManager[None]:
        return _blamed(self.who, self.name)

    def expect(self, value: Any, cls: type[T], what: str) -> T:
        """A value that has to be of a class of the model, in all its parts."""
        with self.taken():
            if type(value) is cls and (cls in _PLAIN or from_json(to_json(value), cls, what) == value):
                return value
        raise self.error(f"gives {what} that isn't one, but {type(value).__name__}")

    def several(self, values: Any, cls: type[T], what: str) -> tuple[T, ...]:
        """A sequence of such values."""
        if not isinstance(values, tuple | list):
            raise self.error(f"gives {what}s that are no sequence, but {type(values).__name__}")
        return tuple([self.expect(value, cls, what) for value in values])


_TRAITS: Final = ("takes_hold", "in_files")
_PLAIN: Final = (str, bool, int)


@contextlib.contextmanager
def _blamed(who: str, name: str) -> Iterator[None]:
    """Turn whatever fails inside into an error of tracekit's that says whose fault it is.

    What is printed inside goes to standard error, since standard output is for results.
    """
    try:
        with contextlib.redirect_stdout(sys.stderr):
            yield
    except (TracekitError, KeyboardInterrupt, GeneratorExit):
        raise
    except BaseException as error:
        # SystemExit too: no package ends tracekit. Its words may fail themselves, which this sees to.
        words = traceback.format_exception_only(error)[-1].strip()
        raise _Blame(who, name).error(f"fails with {words}") from error


@define
class _ForeignBackend:
    takes_hold: bool
    in_files: bool
    _made: Any
    _blame: _Blame

    def compile(
        self,
        program: Program,
        arch: Architecture,
        options: Options,
        target: Target | None,
        remarks: Sequence[str],
    ) -> Script:
        with self._blame.taken():
            script = self._made.compile(program, arch, options, target, remarks)
        if not isinstance(script, Script):
            raise self._blame.error(f"gives a script that isn't one, but {type(script).__name__}")
        self._blame.expect(script.text, str, "text")
        self._blame.several(script.arguments, str, "argument")
        return script

    def tracer(
        self,
        program: Program,
        places: Mapping[FunctionProbe, Sequence[Place]],
        files: Mapping[str, str],
        processes: Processes,
        options: Options,
    ) -> Tracer:
        with self._blame.taken():
            made = self._made.tracer(program, places, files, processes, options)
        return _ForeignTracer(made, self._blame)


@frozen
class _ForeignTracer:
    _made: Any
    _blame: _Blame

    @property
    def script(self) -> str:
        return self._blame.expect(self._get("script"), str, "script")

    @property
    def losses(self) -> tuple[Loss, ...]:
        return self._blame.several(self._get("losses"), Loss, "loss")

    @property
    def notes(self) -> tuple[str, ...]:
        return self._blame.several(self._get("notes"), str, "note")

    @property
    def ended(self) -> bool:
        return self._blame.expect(self._get("ended"), bool, "truth value")

    def attach(self) -> None:
        self._call("attach")

    def fileno(self) -> int:
        number = self._blame.expect(self._call("fileno"), int, "descriptor")
        with self._blame.taken():
            os.fstat(number)
        return number

    def poll(self) -> Sequence[Reading]:
        return self._blame.several(self._call("poll"), Reading, "reading")

    def finish(self) -> Sequence[Reading]:
        return self._blame.several(self._call("finish"), Reading, "reading")

    def describe(self) -> Engine:
        return self._blame.expect(self._call("describe"), Engine, "engine")

    def close(self) -> None:
        self._call("close")

    def _get(self, name: str) -> Any:
        with self._blame.taken():
            return getattr(self._made, name)

    def _call(self, name: str) -> Any:
        with self._blame.taken():
            return getattr(self._made, name)()
