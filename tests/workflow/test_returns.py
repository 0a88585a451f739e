"""How the calls and the return of a function are going to be probed, before any engine is there."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

import tracekit as tk
from tracekit.backends.base import Place
from tracekit.errors import UnsupportedError, UsageError
from tracekit.workflow.locate import locate

Build = Callable[[str], str]
START = ".globl {0}\n.type {0}, @function\n{0}:\n"
FUNCTIONS = {
    "few": "inc %eax\n" + "jz 1f\nret\n1:\n" * 7 + "ret\n",
    "many": "inc %eax\n" + "jz 1f\nret\n1:\n" * 8 + "ret\n",
    "jumps": "jz few\nret\n",
    "returns": "ret\n",
    "loops": "nop\n1: jmp 1b\n",
    "rounds": "1: dec %edi\njnz 1b\nret\n",
    "far_rounds": "1: dec %edi\n.skip 200, 0x90\njnz 1b\nret\n",
    "protected": "endbr64\n1: dec %edi\njnz 1b\nret\n",
    "strange": ".byte 0x06\nret\n",
    "main": "xor %eax, %eax\nret\n",
}


@pytest.fixture(scope="module")
def build(tmp_path_factory: pytest.TempPathFactory) -> Build:
    """``build(more)`` assembles the functions with some more lines, and gives the binary's path."""
    folder = tmp_path_factory.mktemp("returns")
    text = "".join(f"{START.format(name)}{body}.size {name}, . - {name}\n" for name, body in FUNCTIONS.items())

    def run(more: str = "") -> str:
        binary = folder / f"binary{len(more)}"
        source = folder / "source.s"
        source.write_text(f".text\n{text}{more}")
        subprocess.run(["gcc", "-no-pie", "-o", binary, source], check=True)
        return str(binary)

    return run


@pytest.fixture(scope="module")
def plain(build: Build) -> str:
    """A program as C's compilers make it."""
    return build("")


@pytest.fixture(scope="module")
def throwing(build: Build) -> str:
    """The same program with tables of exceptions, and C++'s routine that reads them."""
    table = '.section .gcc_except_table,"a",@progbits\n.long 1\n'
    return build(f".globl __gxx_personality_v0\n__gxx_personality_v0: ret\n{table}")


def places(binary: str, function: str, max_probes: int = 128, kind: str = "uretprobe") -> tuple[Place, ...]:
    program = tk.parse(f"{kind}:{binary}:{function} {{ @ = count() }}")
    located = locate(program, max_probes=max_probes)
    located.close()
    (found,) = located.places.values()
    return tuple(found)


@pytest.mark.parametrize(
    ("function", "returns"),
    [("few", 8), ("many", 0), ("jumps", 0), ("returns", 0), ("loops", 0), ("strange", 0)],
)
def test_c_functions_with_few_returns_have_those_probed(plain: str, function: str, returns: int) -> None:
    """Where return instructions are many, aren't all, or can't be told, the kernel's return probe is taken."""
    (place,) = places(plain, function)
    assert len(place.returns) == returns


@pytest.mark.parametrize(
    ("function", "reason"),
    [
        ("jumps", r"other ways out than return instructions: jumps at \+0x0"),
        ("returns", "does nothing but return"),
        ("loops", "has no return instruction"),
        ("strange", "not known as instructions"),
    ],
)
def test_with_exceptions_only_return_instructions_will_do(throwing: str, function: str, reason: str) -> None:
    """There a return probe would end the target: what has no other way is refused, whatever their number."""
    assert [len(places(throwing, name)[0].returns) for name in ("few", "many")] == [8, 9]
    with pytest.raises(UnsupportedError, match=reason):
        places(throwing, function)


@pytest.mark.parametrize("kind", ["uprobe", "uretprobe"])
def test_calls_are_not_mistaken_for_the_rounds_of_a_loop(plain: str, kind: str) -> None:
    """A jump back to the first instruction would count each round; one instruction before it helps."""
    for name in ("rounds", "far_rounds"):
        with pytest.raises(UnsupportedError, match="each round would count as a call"):
            places(plain, name, kind=kind)
    (place,) = places(plain, "protected", kind=kind)
    assert place.function.name == "protected"
    assert [p.function.name for p in places(plain, "*rot*", kind=kind)] == ["protected"]
    with pytest.raises(UnsupportedError, match="each round"):
        places(plain, "*rounds", kind=kind)


def test_a_return_is_probed_at_functions_only(plain: str) -> None:
    """At another place a return probe would take some word of the stack for the return address."""
    (few,) = places(plain, "few")
    inside = hex(few.function.address + 2)
    with pytest.raises(UnsupportedError, match="where no call begins"):
        places(plain, inside)
    (again,) = places(plain, hex(few.function.address))
    assert again.returns == few.returns


def test_each_return_instruction_counts_as_a_probe(throwing: str) -> None:
    """The limit of probes is about what has to be taken away again."""
    assert len(places(throwing, "many", max_probes=9)) == 1
    with pytest.raises(UsageError, match="needs 9 probes"):
        places(throwing, "many", max_probes=8)


def test_what_would_be_probed_is_shown_where_it_is_too_much(plain: str) -> None:
    """A pattern that matches more than was meant is refused, with some of the functions."""
    with pytest.raises(UsageError, match=r"needs \d+ probes at functions; the most is 5") as caught:
        places(plain, "*", max_probes=5, kind="uprobe")
    assert re.match(r"They are for (?:\w+, ){5}and \d+ more\. Use a narrower pattern", caught.value.hint)


def test_patterns_leave_out_what_cannot_be_probed(throwing: str) -> None:
    """Of a pattern the rest is probed, unless nothing is left."""
    assert {p.function.name for p in places(throwing, "*m*")} == {"main", "many"}
    with pytest.raises(UnsupportedError, match="other ways out"):
        places(throwing, "jum*")


def test_stripped_functions_are_probed_where_one_is_known_to_begin(tmp_path: Path, plain: str) -> None:
    """These functions have no entry in the unwinder's table, so nothing tells that calls begin there."""
    bare = tmp_path / "bare"
    subprocess.run(["strip", "-o", bare, plain], check=True)
    (few,) = places(plain, "few")
    with pytest.raises(UnsupportedError, match="doesn't say how large"):
        places(str(bare), hex(few.function.address))
    entry = subprocess.run(["readelf", "-h", bare], check=True, capture_output=True, text=True).stdout
    start = next(line.split()[-1] for line in entry.splitlines() if "Entry point" in line)
    (place,) = places(str(bare), start)
    assert place.returns == ()
