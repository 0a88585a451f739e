"""Builds a program, runs it under gdb, calibrates its functions, and judges all leaves."""

from __future__ import annotations

import re
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import attrs
from elftools.elf.elffile import ELFFile
from tests.truth.builds import Build
from tests.truth.dump import dump
from tests.truth.judge import Finding, Outcome, Run, judge
from tests.truth.model import Function

from tracekit.core.calibration import Calibration
from tracekit.core.verdict import Verdict
from tracekit.errors import TracekitError
from tracekit.symbols.function import Function as Symbol
from tracekit.symbols.image import Image, open_image
from tracekit.symbols.lookup import defined, named
from tracekit.symbols.spelling import decode

Resolve = Callable[[Image, Symbol], Calibration]
"""What is under test."""

_NOCALL = 3
COPY = re.compile(r"\.(?:isra|constprop|part)\b")
NUMBER = re.compile(r"tk(\d+)x")
NOT_FUNCTIONS = re.compile(
    r"call_tk|rows_tk|row_tk|self_tk|c_tk\d+xC|\.cold|^(_ZL?\d*)?lam_tk\d+x(v)?(\.\w+)*$|^main\.lam_tk\d+x$|^[^.]*:\.eq|^type:"
)


@attrs.frozen
class Report:
    """What became of the leaves of a program.

    Attributes:
        build: how it was built.
        seed: the seed of its functions and values.
        functions: what it calls.
        findings: what became of each leaf of each function that was called.
        uncalled: functions that no call was seen of.
    """

    build: Build
    seed: object
    functions: Sequence[Function]
    findings: Sequence[Finding]
    uncalled: Sequence[str] = ()

    def count(self, outcome: Outcome, verdict: Verdict | None = None) -> int:
        """How many leaves had an outcome, by a verdict if one is given."""
        return sum(f.outcome is outcome and verdict in {None, f.verdict} for f in self.findings)

    def failures(self) -> list[Finding]:
        """The leaves that are wrong."""
        return [f for f in self.findings if failed(f)]

    def reasons(self) -> Counter[str]:
        """Why leaves were refused, with what is special about each taken out."""
        found = (f.reason for f in self.findings if f.outcome is Outcome.REFUSED)
        return Counter(generalised(reason) for reason in found)


def failed(finding: Finding) -> bool:
    """Whether a leaf is wrong, or something broke."""
    return finding.outcome in {Outcome.WRONG, Outcome.MISSING, Outcome.CRASHED}


def generalised(reason: str) -> str:
    """A reason without names and numbers."""
    reason = re.sub(r"\S*tk\d+x\S*", "FUNCTION", reason)
    reason = re.sub(r"/tmp/\S+", "FILE", reason)
    reason = re.sub(r"0x[0-9a-f]+|\d+", "N", reason)
    return re.sub(r"\b(?:a|key|value|len|p|size|receiver)N\b", "ARG", reason)


def resolver() -> Resolve:
    """The static rule, as its users call it."""
    from tracekit.calibration.static import calibrate_function
    from tracekit.symbols.dwarf import DebugInfo, open_debug_info

    opened: dict[int, DebugInfo] = {}

    def resolve(image: Image, function: Symbol) -> Calibration:
        if id(image) not in opened:
            opened.clear()
            opened[id(image)] = open_debug_info(image)
        return calibrate_function(image, function, opened[id(image)])

    return resolve


def symbols(image: Image) -> Iterator[tuple[int, Symbol]]:
    """The generated functions of a binary, and copies that compilers made of them, with their numbers."""
    seen = set()
    for table, row in defined(image):
        name = decode(table.name(row))
        number = NUMBER.search(name)
        if number and not NOT_FUNCTIONS.search(name):
            for function in named(image, name):
                if function.address not in seen:
                    seen.add(function.address)
                    yield int(number[1]), function


def variable(image: Image, name: str) -> int:
    """Where a variable of the program is."""
    for table in image.symbols:
        for spelled in (name, f"main.{name}"):
            for symbol in table.named(spelled.encode()):
                return symbol.value
    raise AssertionError(f"no {name} in {image.path}")


def evaluate(
    build: Build,
    functions: Sequence[Function],
    seed: object,
    resolve: Resolve,
    folder: Path | None = None,
) -> Report:
    """What became of the leaves of a program.

    Args:
        build: how to build it.
        functions: what it calls.
        seed: the seed of its values.
        resolve: what is under test.
        folder: where to build it; if not given, nothing stays.

    Raises:
        BuildError: if it doesn't compile.
        DumpError: if it doesn't run.
    """
    if folder is None:
        with tempfile.TemporaryDirectory(prefix="truth-") as made:
            return evaluate(build, functions, seed, resolve, Path(made))
    emitted = build.emit(functions, seed)
    program = build.build(emitted, folder)
    image = open_image(str(program))
    found = list(symbols(image))
    taken = dump(
        program,
        build.machine,
        [function.address for _, function in found],
        entry=entry_of(program),
        now=variable(image, "tk_now"),
        dyn=variable(image, "tk_dyn"),
    )
    assert taken.status == 0, f"{build.name}: the program says that it passed other values: {taken.status}"
    run = Run(taken.base + variable(image, "tk_data"))
    findings: list[Finding] = []
    called = {h.address for h in taken.hits}
    altered = marked(program) if build.changes_local_functions else frozenset()
    by_number = {function.number: function for function in functions}
    for number, function in found:
        if function.address in called:
            hits = [h for h in taken.hits if h.address == function.address]
            try:
                calibration: Calibration | str = resolve(image, function)
            except Exception as error:
                calibration = str(error)
                # What a compiler has just made isn't corrupt, whatever is said of it.
                if not isinstance(error, TracekitError) or "corrupt" in calibration:
                    crash = f"{type(error).__name__}: {error}"
                    findings.append(Finding(number, function.name, (), Outcome.CRASHED, reason=crash))
                    continue
            judged = judge(number, function.name, calibration, hits, emitted.truth, run)
            changed = function.name in altered
            changed = changed or may_be_changed(build, by_number[number], function.name, judged)
            findings += [attrs.evolve(finding, changed=changed) for finding in judged]
    seen = {number for number, function in found if function.address in called}
    uncalled = [f.name for f in functions if f.number not in seen]
    return Report(build, seed, functions, findings, uncalled)


def may_be_changed(build: Build, function: Function, symbol: str, findings: Sequence[Finding]) -> bool:
    """Whether an optimiser may have changed how a function is called; known without what is under test.

    gcc makes copies, which have a suffix. LLVM changes the function itself, if all its callers are seen and it
    doesn't read all its arguments, or nobody reads its result; that leaves no trace in its name.
    """
    if COPY.search(symbol):
        return True
    idle = not all(f.read for f in findings) or (function.result is not None and "kept" not in function.traits)
    return build.changes_local_functions and build.is_local(function) and idle


def marked(program: Path) -> frozenset[str]:
    """The symbols of functions that the compiler marks as not called by the rules (``DW_CC_nocall``)."""
    found = set()
    with program.open("rb") as file:
        for unit in ELFFile(file).get_dwarf_info().iter_CUs():
            for entry in unit.iter_DIEs():
                own = entry.attributes
                called = own.get("DW_AT_calling_convention")
                if entry.tag == "DW_TAG_subprogram" and called is not None and called.value == _NOCALL:
                    name = own.get("DW_AT_linkage_name") or own.get("DW_AT_name")
                    found |= {name.value.decode()} if name is not None else set()
    return frozenset(found)


def entry_of(program: Path) -> int:
    """The address at which a program starts, as its ELF header has it."""
    with program.open("rb") as file:
        file.seek(24)
        return int.from_bytes(file.read(8), "little")
