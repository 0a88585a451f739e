"""Reading binaries in a process without privileges, where we are root.

There is one for each thread that reads. It lives as long as a binary that was opened there.
"""

from __future__ import annotations

import json
import pickle
import threading
import weakref
from collections.abc import Callable, Sequence
from typing import Any, Final, TypeVar

from tracekit.binaries import wire
from tracekit.binaries.binary import Facts, facts_of
from tracekit.core.escape import printable
from tracekit.errors import BinaryError, TracekitError
from tracekit.process.confined import Confined, Ended

T = TypeVar("T")

_ours = threading.local()
_opened: Final[list[Any]] = []
"""In the process that reads: the binaries, by their numbers."""


class Apart:
    """A ``Reader`` that has its answers from a process without privileges."""

    def __init__(self) -> None:
        self._process = Confined.start(answer, _load)
        self._paths: list[str] = []

    @property
    def closed(self) -> bool:
        """Whether it answers no more."""
        return self._process.closed

    def open(
        self, path: str, descriptors: Sequence[int], opener: Callable[..., object], *arguments: Any
    ) -> tuple[Facts, int]:
        """Have a binary opened.

        Args:
            path: what messages call it.
            descriptors: open files, the opener's first arguments.
            opener: gives an ``Image`` or a ``MachO``.
            arguments: its further arguments.

        Returns:
            What is known of it at once, and its number.
        """
        facts = self._asked(path, ("open", opener, arguments), Facts, descriptors)
        self._paths.append(path)
        return facts, len(self._paths) - 1

    def ask(self, subject: int, question: Callable[..., T], arguments: tuple[Any, ...]) -> T:
        found: T = self._asked(self._paths[subject], (subject, question, arguments), wire.kind_of(question), ())
        return found

    def _asked(self, path: str, request: tuple[Any, ...], kind: Any, descriptors: Sequence[int]) -> Any:
        self._process.check()  # outside: its error is about our rights, not about this binary
        try:
            said = json.loads(self._process.ask(pickle.dumps(request), descriptors, wire.preparation(kind)))
            if "failed" in said:
                error: TracekitError | None = BinaryError(
                    f"{path} can't be read: {printable(str(said['failed']))}",
                    "It may be corrupt; if it isn't, report this.",
                )
            else:
                error = wire.decode_error(said["error"]) if "error" in said else None
            found = None if error else wire.decode(kind, said["answer"])
        except Ended as ended:
            raise BinaryError(
                f"{path} can't be read: the process that reads binaries {ended}",
                "The binary may be corrupt, very large, or made to do harm; give another build of it.",
            ) from ended
        except (ValueError, TypeError, KeyError, RecursionError, TracekitError) as wrong:
            raise BinaryError(
                f"{path} can't be read: the process that reads binaries answered nonsense ({wrong})",
                "The binary may be made to do harm.",
            ) from wrong
        if error:
            raise error
        return found


def reader() -> Apart:
    """This thread's reader; started if there is none."""
    found: Apart | None = getattr(_ours, "reader", lambda: None)()
    if found is None or found.closed:
        found = Apart()
        _ours.reader = weakref.ref(found)
    return found


def _load() -> None:
    """In the process that reads: what most questions need, as long as it has the rights to read our Python."""
    import tracekit.symbols.ends
    import tracekit.symbols.functions  # noqa: F401, to have it loaded is all


def answer(request: bytes, descriptors: tuple[int, ...]) -> bytes:
    """In the process that reads: the answer to a question."""
    try:
        subject, question, arguments = pickle.loads(request)  # noqa: S301, it comes from who started us
        if subject == "open":
            image = question(*descriptors, *arguments)
            _opened.append(image)
            found = facts_of(image)
        else:
            found = question(_opened[subject], *arguments)
        return json.dumps({"answer": wire.encode(found)}).encode()
    except TracekitError as error:
        return json.dumps({"error": wire.encode_error(error)}).encode()
    except MemoryError:
        said = "it needs more memory than tracekit gives it"
    except Exception as error:  # a fault that a corrupt binary brings out ends this answer, not the process
        said = f"{type(error).__name__}: {error}"
    return json.dumps({"failed": said}).encode()
