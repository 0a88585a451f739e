from __future__ import annotations

import re
import subprocess
from collections.abc import Iterable
from pathlib import Path

import pytest
from tests.installed import needed
from tests.symbols.abi.programs import CXX, CXX_VALUES, GO, GO_VALUES, RUST, RUST_VALUES, Values
from tests.symbols.abi.stops import Stop, numbers, run

from tracekit.core.signature import Signature
from tracekit.core.source import TypeId, Types
from tracekit.symbols.abi import Placed, place
from tracekit.symbols.dwarf import open_debug_info
from tracekit.symbols.image import open_image

Called = dict[str, tuple[Signature, Stop, Stop | None]]


def _built(folder: Path, name: str, text: str, command: Iterable[str]) -> Path:
    """A program, without a position of its own to choose."""
    (folder / name).write_text(text)
    program, *flags = command
    needed(program, "gdb")
    done = subprocess.run(
        [program, *flags], check=False, cwd=folder, capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, done.stderr
    return folder / "program"


def _called(program: Path, pattern: str) -> Called:
    """The functions of a program that were called, by their names in the source."""
    listed = subprocess.run(["nm", program], check=True, capture_output=True, text=True, timeout=60).stdout
    symbols: dict[int, str] = {}
    for line in listed.splitlines():
        words = line.split(None, 2)
        if len(words) == 3 and words[1] in "tTwW" and re.search(pattern, words[2]):
            symbols.setdefault(int(words[0], 16), words[2])
    stops = run(program, list(symbols), program.parent)
    info = open_debug_info(open_image(str(program)))
    found = {}
    for address, (entry, back) in stops.items():
        signature = info.signature(address, symbols[address], local=False)
        found[re.sub(r"^program::", "", signature.name)] = signature, entry, back
    return found


def _shown(types: Types, kind: TypeId, placed: Placed, stop: Stop) -> list[int | None] | str:
    return placed.reason if placed.pieces is None else numbers(types, kind, placed.pieces, stop)


def _check(
    name: str, found: tuple[Signature, Stop, Stop | None], values: Values, result: list[int] | None
) -> None:
    signature, entry, back = found
    convention = place(signature, "x86_64")
    shown = [
        _shown(signature.types, p.type, placed, entry)
        for p, placed in zip(signature.parameters, convention.arguments, strict=True)
    ]
    # What follows the given numbers is what a variant doesn't use, or of a library's type.
    assert [got[: len(v)] for got, v in zip(shown, values, strict=True)] == values, name
    if result is not None and signature.result is not None:
        assert back is not None
        got = _shown(signature.types, signature.result, convention.results[0], back)
        assert got[: len(result)] == result, f"{name} returned"


@pytest.mark.parametrize("compiler", ["g++", "clang++"])
def test_cxx(compiler: str, tmp_path: Path) -> None:
    """Trivial classes and others, the library's, members, and results are where the rules have them."""
    command = (compiler, "-std=c++17", "-g", "-O0", "-w", "-no-pie", "-o", "program", "a.cc")
    names = "trivial|nontrivial|library|members|string|small|large|numbers"
    called = _called(_built(tmp_path, "a.cc", CXX, command), rf"^_Z\d+({names})[^_]|^_Z\d+numbers|^_ZN6Method")
    assert set(called) == set(CXX_VALUES)
    for name, (values, result) in CXX_VALUES.items():
        _check(name, called[name], values, result)


@pytest.mark.parametrize("flags", ["", "-N -l"])
def test_go(flags: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Methods, generics, strings, slices, structs and arrays are where the rules have them, or refused."""
    monkeypatch.setenv("GOFLAGS", "-mod=mod")
    monkeypatch.setenv("GOCACHE", str(tmp_path / "cache"))
    (tmp_path / "go.mod").write_text("module m\ngo 1.18\n")
    command = ("go", "build", "-buildmode=exe", f"-gcflags={flags}", "-o", "program", "main.go")
    called = _called(_built(tmp_path, "main.go", GO, command), r"^main\.")
    for name, (values, result) in GO_VALUES.items():
        found = next(called[n] for n in called if n.startswith(name))
        signature, _, back = found
        dictionary = [[]] if any(p.name == ".dict" for p in signature.parameters) else []
        at = 1 if name.startswith("main.(") else 0
        _check(name, found, [*values[:at], *dictionary, *values[at:]], None)
        if result is None or back is None:
            continue
        results = place(signature, "x86_64").results
        shown = [
            _shown(signature.types, r.type, placed, back)
            for r, placed in zip(signature.results, results, strict=True)
        ]
        # A result on the stack is refused where parameters may have been left out before it.
        assert all(
            got in (want, results[n].reason) for n, (got, want) in enumerate(zip(shown, result, strict=True))
        )
    signature, entry, _ = called["main.unnamed"]
    shown = [
        _shown(signature.types, p.type, a, entry)
        for p, a in zip(signature.parameters, place(signature, "x86_64").arguments, strict=True)
    ]
    assert shown[-1] == [20] or "without a name" in str(shown[-1])


def test_rust(tmp_path: Path) -> None:
    """Pairs, blocks, enums, niches, strings and results are where the rules have them; closures are refused."""
    command = ("rustc", "-g", "-C", "opt-level=0", "-C", "relocation-model=static", "-A", "warnings")
    program = _built(tmp_path, "program.rs", RUST, (*command, "program.rs"))
    called = _called(program, r"^_ZN7program|^_R.*7program")
    for name, (values, result) in RUST_VALUES.items():
        _check(name, called[name], values, result)
    applied = [entry for name, entry in called.items() if name.startswith("apply<fn(")]
    ((signature, entry, _),) = applied
    placed = place(signature, "x86_64").arguments
    assert _shown(signature.types, signature.parameters[0].type, placed[0], entry) == [33]
    assert placed[2].pieces is None
    enclosed = next(
        signature for name, (signature, _, _) in called.items() if "{closure#0}" in name and "apply" not in name
    )
    assert "environment" in place(enclosed, "x86_64").arguments[0].reason
