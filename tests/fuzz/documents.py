"""Run files, documents of programs, and stored calibrations: real ones, damaged by their structure."""

from __future__ import annotations

import contextlib
import functools
import json
import os
import tempfile
from random import Random
from typing import Any

from tests.calibration.test_store import CALIBRATION, STORED
from tests.corpus.cases import cases
from tests.fuzz.mutate import damaged
from tests.fuzz.target import Target
from tests.render.run_file_sample import RESULT

import tracekit as tk
from tracekit.calibration.paths import Resolver
from tracekit.calibration.store import FORMAT, VERSION, Store, dump, load
from tracekit.codec.model import program_from_dict, program_to_dict, to_json
from tracekit.core.arch import architecture
from tracekit.core.calibration import Calibration
from tracekit.core.verdict import Verdict
from tracekit.errors import TracekitError
from tracekit.render import run_file
from tracekit.render.calibration import dump_calibration, render_calibration
from tracekit.render.text import render_result
from tracekit.syntax import parse_expression, print_program
from tracekit.workflow.importing import import_output

_PROGRAMS = (
    'uprobe:./a:f /arg0 > 4K && str(arg1) == "x"/ { @[pid, str(arg2, 8)] = hist((uint32)arg0, 3) }',
    'uretprobe:a:"odd" { @a = lhist(retval, -10, 1000, 10); @b[elapsed] = llquantize(retval, 10, 0, 6, 20) }',
    "usdt:a:p:n { @ = stats(arg0 ? -arg1 : *(int16*)(arg2 + 8)) } interval:s:1 { @n = count() }",
    "uprobe:a:f { @[value.len] = sum(len(buf[3]->x)) }",
)


@functools.cache
def _runs() -> list[Any]:
    """Documents of results, small ones, and of programs."""
    found = [run_file.to_document(RESULT)]
    for case in cases():
        if len(case.output) < 3000:
            try:
                result = import_output(case.output, engine="bpftrace", program=case.program)
            except TracekitError:
                continue
            found.append(run_file.to_document(result))
    found += [program_to_dict(tk.parse(text)) for text in _PROGRAMS]
    return found


def _make_run(chance: Random) -> bytes:
    return damaged(chance, chance.choice(_runs()))


def _read_run(data: bytes) -> None:
    """A run file is read, shown, and written as it was; so is a program's document."""
    if b'"clauses"' in data[:80]:
        program = program_from_dict(_json(data))
        print_program(program)
        assert program_from_dict(program_to_dict(program)) == program
        return
    result = run_file.load(data)
    assert run_file.load(run_file.dump(result)) == result
    shown = render_result(result)
    assert all(line.isprintable() for line in shown.split("\n")), shown


def _json(data: bytes) -> Any:
    """A document as somebody's program gives it to ours."""
    try:
        return json.loads(data)
    except (ValueError, RecursionError):
        return None


RUN_FILES = Target("run-files", _make_run, _read_run)

_EXPRESSIONS = tuple(
    parse_expression(text)
    for text in (
        *("value", "value.a", "value->a.b", "*value", "value[1]", "value[arg0]", "len(value)", "cap(value)"),
        *("str(value)", "(int32)value", "retval", "retval[1]", "len(retval)", "b", "this->a", "lost", "lost.a"),
        *("str(value, 4)", "**value", "value[0].a.b[2]", "len(value.a)", "str(lost)", "Some", "BELOW"),
    )
)


@functools.cache
def _calibrations() -> list[Any]:
    own = {"format": FORMAT, "version": VERSION, **to_json(STORED)}
    return [own, own, own, json.loads(dump([STORED, STORED]))]


@functools.cache
def _types() -> list[Any]:
    """Types and references to types, to make them lead elsewhere, or in circles."""
    return [*range(9), *(one["definition"] for one in to_json(CALIBRATION.types))]


def _make_calibration(chance: Random) -> bytes:
    return damaged(chance, chance.choice(_calibrations()), _types())


def _read_calibration(data: bytes) -> None:
    """A file in the store is read, and what it says is shown, and used to find arguments."""
    if b'"tracekit-calibrations"' in data[:60]:
        for stored in load(data):
            _use(stored.calibration)
        return
    with tempfile.TemporaryDirectory(prefix="tracekit-fuzz-") as folder:
        with open(os.path.join(folder, "one.json"), "wb") as file:
            file.write(data)
        for _, stored in Store(folder).all():
            if isinstance(stored, TracekitError):
                raise stored
            stored.stored.astimezone()
            _use(stored.calibration)
            Store(folder).put(stored)


def _use(calibration: Calibration) -> None:
    shown = render_calibration(calibration)
    assert all(line.isprintable() for line in shown.split("\n")), shown
    dump_calibration(calibration)
    arch = architecture(calibration.architecture)
    for at_return in (False, True):
        for expression in _EXPRESSIONS:
            resolver = Resolver(calibration, arch, at_return=at_return, require=Verdict.REFUSED)
            with contextlib.suppress(TracekitError):
                resolver.labels(expression)
                resolver.located(expression)


CALIBRATIONS = Target("calibrations", _make_calibration, _read_calibration)
