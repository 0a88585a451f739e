"""Backends that other packages bring: their metadata, what they do when imported, and what they give.

An input is a package of one module, which is installed, so to speak, and asked for as ``--backend fuzzed``.
"""

from __future__ import annotations

import contextlib
import importlib
import io
import json
import os
import sys
import sysconfig
import tempfile
from collections.abc import Callable, Iterator
from random import Random
from typing import Any

from tests.fuzz.mutate import mutated
from tests.fuzz.target import Target

import tracekit as tk
from tracekit.backends.base import Options, Processes
from tracekit.backends.registry import backend
from tracekit.codec.model import from_json, to_json
from tracekit.core.arch import X86_64
from tracekit.core.program import Program
from tracekit.errors import TracekitError
from tracekit.render.text import render_text

_PROGRAM = tk.parse("uprobe:a:f { @[pid] = hist(arg0) }")
_ENTRY = "[tracekit.backends]\nfuzzed = fuzzed_module:Backend\n"
_IMPORTED = (
    *(
        "",
        "",
        "",
        "",
        "",
        "print('noise')",
        "import sys; sys.exit(3)",
        "raise SystemExit('\\x1b[31m')",
        "1 / 0",
    ),
    *("import no_such_module", "raise BaseException('x\\ny')", "def (", "def f(): f()\nf()", "\0", "raise E()"),
    *("import os; os.write(1, b'')", "'é' + 5", "raise ExceptionGroup('g', [ValueError(1)])", "del Script"),
)
_HEAD = """
from tracekit.backends.base import Reading, Script
from tracekit.core.buckets import Log2
from tracekit.core.histogram import Histogram
from tracekit.core.result import Engine, Loss, LossKind, MapResult
class E(Exception):
    def __str__(self): raise ValueError("no words")
class Odd:
    def __getattr__(self, name): raise E()
    def __eq__(self, other): raise E()
    __hash__ = None
"""
_NONSENSE = (
    *(
        "None",
        "5",
        "-1",
        "'x'",
        "b'x'",
        "[]",
        "()",
        "{}",
        "object()",
        "Odd()",
        "[1]",
        "('a', 2)",
        "Odd",
        "True",
        "1e400",
    ),
    *(
        "raised(E())",
        "raised(SystemExit(0))",
        "raised(MemoryError())",
        "print('noise')",
        "[Odd()]",
        "iter(())",
        "''",
    ),
    *(
        "Reading(1, 2, 3)",
        "[Reading(True, 'x', ())]",
        "[Reading(True, 5, (MapResult('a', 'hist', ('k',), {1: 2}),))]",
    ),
    *("Script('x', 5, None, ())", "Engine(1)", "[Loss('kind', None)]", "[Reading(True, 5, (Odd(),))]"),
    "[Reading(True, 5, (MapResult('\\x1b', 'sum', (), {(): Histogram.of([1])}),), (), ('\\x1b[2J',))]",
    "[Reading(True, 5, (MapResult('a', 'hist', ('k',), {(E,): Histogram.of([1], Log2())}),))]",
)
_SOUND = {
    "compile": "Script('fuzzed', 'text', ('run',), frozenset())",
    "tracer": "Tracer()",
    "attach": "None",
    "fileno": "0",
    "poll": "()",
    "finish": "(Reading(True, 5, (MapResult('a', 'hist', ('pid',), {(1,): Histogram.of([1, 2], Log2())}),)),)",
    "describe": "Engine('fuzzed', '1', '/bin/x')",
    "close": "None",
    "script": "'text'",
    "losses": "(Loss(LossKind.EVENTS, 'lost', 3),)",
    "notes": "('a note',)",
    "ended": "False",
}
_PROPERTIES = ("script", "losses", "notes", "ended")


def make(chance: Random) -> bytes:
    """A package: mostly sound, with some things wrong."""
    entry = _ENTRY
    if chance.random() < 0.2:
        entry = mutated(
            chance, entry.encode(), (b"[", b"]", b"=", b":", b"fuzzed", b"\n", b"os:getcwd")
        ).decode("latin-1")
    wrong = chance.choice((0.02, 0.1, 0.3))
    lines = ["def raised(error): raise error", "class Tracer:"]
    lines += [_member(chance, name, wrong) for name in list(_SOUND)[2:]]
    lines += ["    pass", chance.choice(("class Backend:", "class Backend:", "class Backend(Odd):"))]
    lines += [f"    takes_hold = {chance.choice(('False', 'True', 'False', chance.choice(_NONSENSE[:14])))}"]
    lines += [f"    in_files = {chance.choice(('False', 'True', 'True', chance.choice(_NONSENSE[:14])))}"]
    lines += [_member(chance, name, wrong, "*rest") for name in list(_SOUND)[:2]]
    if chance.random() < wrong:
        lines.append(f"    def __init__(self): {chance.choice(_NONSENSE)}")
    if chance.random() < wrong:
        lines.append(f"Backend = {chance.choice(_NONSENSE)}")
    where = chance.choice((0, 1))
    parts = [_HEAD, "\n".join(lines)]
    parts.insert(where + 1, chance.choice(_IMPORTED))
    return json.dumps({"entry_points": entry, "module": "\n".join(parts)}).encode()


def _member(chance: Random, name: str, wrong: float, parameters: str = "") -> str:
    if chance.random() < wrong / 4:
        return ""
    value = chance.choice(_NONSENSE) if chance.random() < wrong else _SOUND[name]
    decorator = "    @property\n" if name in _PROPERTIES else ""
    return f"{decorator}    def {name}(self, {parameters}): return {value}"


@contextlib.contextmanager
def _installed(package: dict[str, str]) -> Iterator[None]:
    """Have a package on the search path, in place of all others, which take time to look through."""
    standard = sysconfig.get_path("stdlib"), os.path.join(sysconfig.get_path("platstdlib"), "lib-dynload")
    former = sys.path[:], sys.dont_write_bytecode
    with tempfile.TemporaryDirectory(prefix="tracekit-fuzz-") as folder:
        os.mkdir(os.path.join(folder, "fuzzed-1.0.dist-info"))
        for name, content in (
            ("fuzzed-1.0.dist-info/METADATA", "Metadata-Version: 2.1\nName: fuzzed\nVersion: 1.0\n"),
            ("fuzzed-1.0.dist-info/entry_points.txt", package["entry_points"]),
            ("fuzzed_module.py", package["module"]),
        ):
            with open(os.path.join(folder, name), "w", encoding="utf-8", errors="surrogatepass") as file:
                file.write(content)
        sys.modules.pop("fuzzed_module", None)
        sys.path[:], sys.dont_write_bytecode = [folder, *standard], True
        importlib.invalidate_caches()
        try:
            yield
        finally:
            sys.path[:], sys.dont_write_bytecode = former


def read(data: bytes) -> None:
    """Have the backend do all that one is asked for; ours work afterwards, and standard output is as it was."""
    with _installed(json.loads(data)):
        _read()


def _read() -> None:
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        failures = _use()
    assert not printed.getvalue()
    assert backend("bpftrace").compile(_PROGRAM, X86_64, Options(), None, ()).text
    if failures:
        raise failures[0]


def _use() -> list[TracekitError]:
    failures: list[TracekitError] = []

    def ask(question: Callable[[], Any]) -> Any:
        try:
            return question()
        except TracekitError as error:
            failures.append(error)
            return ()

    found = ask(lambda: backend("fuzzed"))
    if found == ():
        return failures
    ask(lambda: found.compile(_PROGRAM, X86_64, Options(), None, ()))
    tracer = ask(lambda: found.tracer(_PROGRAM, {}, {}, Processes((1,)), Options()))
    if tracer == ():
        return failures
    ask(tracer.attach)
    ask(tracer.fileno)
    readings = (*ask(tracer.poll), *ask(tracer.finish))
    for name in _PROPERTIES:
        ask(lambda name=name: getattr(tracer, name))
    ask(tracer.describe)
    ask(tracer.close)
    for reading in readings:
        render_text(reading.maps)
    return failures


def _prepare() -> None:
    """Have everything imported that needs the installed packages."""
    to_json(from_json(to_json(_PROGRAM), Program, "program"))
    with contextlib.suppress(TracekitError):
        read(make(Random(0)))


PLUGINS = Target("plugins", make, read, _prepare)
