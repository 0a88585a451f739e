"""Turns saved output of an engine into a result."""

from __future__ import annotations

import hashlib
import re
from datetime import UTC, datetime
from typing import Final

from tracekit import __version__
from tracekit.core.program import Program, check
from tracekit.core.result import Engine, Import, LossKind, Machine, Provenance, Result, TargetRecord
from tracekit.errors import UsageError
from tracekit.render.run_file import FORMAT, load
from tracekit.syntax import print_program

ENGINES: Final = ("bpftrace", "dtrace")
"""The engines whose saved output can be read."""

LARGEST: Final = 32 << 20
"""How many bytes of saved output are read at most; no engine's maps make more."""

_RUN_FILE: Final = re.compile(rb'\s*\{\s*"format"\s*:\s*"' + FORMAT.encode() + rb'"')

_SIGNS: Final = {
    "bpftrace": re.compile(
        rb'^(?:@\w*(?:\[[^\n]*)?:|\{"type": "|Attaching \d+ probes?\.\.\.|Attached \d+ probes?$)',
        re.MULTILINE,
    ),
    "dtrace": re.compile(
        rb"^(?: {11}value  -{13} Distribution|CPU +ID +FUNCTION:NAME|dtrace: |#\w+$| [^\n|]* -?\d+$)",
        re.MULTILINE,
    ),
}
"""What only one of the engines begins a line with."""


def import_output(
    output: bytes,
    *,
    file: str = "",
    engine: str | None = None,
    engine_version: str = "",
    errors: bytes = b"",
    program: Program | None = None,
    printed: bool = False,
) -> Result:
    """Read what an engine printed for a script that tracekit didn't run; or a run file, as it is.

    Args:
        output: what it wrote to standard output, or to the file of its ``-o``: bpftrace's text or ``-f json``,
            or dtrace's default layout.
        file: the name of the file that this comes from, for the result's provenance.
        engine: ``bpftrace`` or ``dtrace``; None to tell it from the output.
        engine_version: the engine's, such as ``0.23.2``, if it is known; some of bpftrace's output means one
            thing in one version and another in the next, and is refused without.
        errors: what it wrote to standard error, if that was saved apart.
        program: what was traced, if it is known and tracekit's language can say it: output alone doesn't tell
            counts from sums, and seldom all bounds of a histogram.
        printed: whether lines of dtrace's output that aren't its own are what the script or the target printed;
            they are left out then, and the result says how many. bpftrace's can be told without.

    Raises:
        UsageError: if it can't be told whose output it is, it is too large, or the request makes no sense.
        EngineError: if it isn't understood, can be read in two ways, or has no result but an error.
    """
    if engine is None and is_run_file(output):
        return load(output)
    if len(output) > LARGEST or len(errors) > LARGEST:
        raise UsageError(
            f"{file or 'the output'} has more than {LARGEST >> 20} MiB",
            "Keep only what the engine printed at its end.",
        )
    if program is not None:
        check(program)
    engine = _engine(output, errors, file) if engine is None else engine
    if engine == "bpftrace":
        from tracekit.backends.bpftrace.saved import parse_saved as parse_bpftrace

        saved = parse_bpftrace(output, errors=errors, program=program, version=engine_version)
    elif engine == "dtrace":
        from tracekit.backends.dtrace.saved import parse_saved as parse_dtrace

        saved = parse_dtrace(output, errors=errors, program=program, printed=printed)
    else:
        raise UsageError(f"saved output of {engine!r} can't be read", f"There is {' and '.join(ENGINES)}.")
    unknown = (
        f"read from saved output of {engine}, which says of missing events only what {engine} knew and printed"
    )
    return Result(
        maps=saved.maps,
        complete=not any(loss.kind is LossKind.INCOMPLETE for loss in saved.losses),
        losses=saved.losses,
        notes=(unknown, *saved.notes),
        provenance=Provenance(
            program=program,
            text="" if program is None else print_program(program),
            engine=Engine(engine, engine_version),
            target=TargetRecord(),
            machine=Machine(),
            started=None,
            ended=None,
            tracekit=__version__,
            imported=Import(file, hashlib.sha256(output).hexdigest(), datetime.now(UTC)),
        ),
    )


def is_run_file(output: bytes) -> bool:
    """Whether a file that begins so is a run file: tracekit's own, and not an engine's output."""
    return _RUN_FILE.match(output) is not None


def _engine(output: bytes, errors: bytes, file: str) -> str:
    """Whose output it is, if only one engine prints such lines."""
    found = [engine for engine, sign in _SIGNS.items() if sign.search(output) or sign.search(errors)]
    if len(found) == 1:
        return found[0]
    what = file or "the output"
    raise UsageError(
        f"{what} has lines as bpftrace prints them and lines as dtrace does"
        if found
        else f"{what} has nothing that shows which engine printed it",
        "Say which with --from bpftrace or --from dtrace.",
    )
