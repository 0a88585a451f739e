"""Go's stack checks, in every function of real Go programs."""

import itertools
import re
import subprocess

import pytest
from tests.symbols.programs import GO_FRAMES, go_programs, tool

from tracekit.core.probe import FunctionName
from tracekit.errors import BinaryError
from tracekit.symbols.function import Function, StackCheck
from tracekit.symbols.functions import find
from tracekit.symbols.golang import after_stack_check
from tracekit.symbols.image import open_image
from tracekit.symbols.lookup import at, defined

INSTRUCTION = re.compile(r"\s+\S+:-?\d+\s+0x([0-9a-f]+)\s+[0-9a-f]+\s+(\S.*)")
FRAME = re.compile(r"LEAQ (?P<lea>-?0x[0-9a-f]+)\(SP\), R12|SUB \$(?P<sub>\d+), RSP, R17")
GROWS = re.compile(r"CALL runtime\.morestack(_noctxt)?(\.abi0)?\(SB\)")

every_go = pytest.mark.parametrize(
    ("go", "architecture"), list(itertools.product(go_programs(), ("amd64", "arm64"))), ids=str
)


def disassembly(go, path):
    """What ``go tool objdump`` shows: for each function its instructions with their addresses."""
    text = subprocess.run(
        [tool(go), "tool", "objdump", path], check=True, capture_output=True, text=True
    ).stdout
    for block in text.split("TEXT ")[1:]:
        found = [(int(m[1], 16), m[2].strip()) for line in block.split("\n") if (m := INSTRUCTION.match(line))]
        if found:
            yield found


def check_of(instructions):
    """The check as the disassembler shows it; None for a function that never asks for more stack."""
    if not any(GROWS.match(text) for _, text in instructions):
        return None
    before = list(itertools.takewhile(lambda i: not i[1].startswith(("JBE ", "BLS ")), instructions))
    texts = [text for _, text in before]
    frame = next((m for text in texts if (m := FRAME.match(text))), None)
    size = 0
    if frame and frame["lea"]:
        size = -int(frame["lea"], 16) & 0xFFFFFFFF
    elif frame:
        size = int(frame["sub"])
    return StackCheck(
        offset=instructions[len(before) + 1][0] - instructions[0][0],
        frame=size,
        huge=any(text.startswith(("JB ", "BCC ")) for text in texts),
        loads_g=any("FS:" in text for text in texts),
    )


@every_go
def test_every_function_agrees_with_the_disassembler(build_go, go, architecture):
    """In a whole program each function has the check that Go's disassembler shows, or none if it shows none."""
    path = build_go(go, architecture)
    image = open_image(path)
    wrong, seen, without = [], [], 0
    for instructions in disassembly(go, path):
        function = at(image, instructions[0][0])
        assert function is not None
        found, truth = after_stack_check(image, function), check_of(instructions)
        if found != truth:
            wrong.append((function.name, found, truth))
        seen += [found] if found else []
        without += found is None
    assert wrong == []
    assert len(seen) > 800
    assert without > 250
    assert {bool(c.frame) for c in seen} == {c.huge for c in seen} == {False, True}
    assert any(c.loads_g for c in seen) == (architecture == "amd64")


@every_go
def test_frames_of_all_sizes(build_go, go, architecture):
    """Small, large and huge frames give the three forms of the check, each larger than the one before."""
    image = open_image(build_go(go, architecture))
    checks = [after_stack_check(image, find(image, FunctionName(f"main.frame{n}"))[0]) for n in GO_FRAMES]
    assert all(checks)
    forms = [(c.huge, bool(c.frame), c.frame) for c in checks]
    assert forms[0] == (False, False, 0)
    assert forms[-1][0]
    assert forms == sorted(forms)
    assert len(set(forms)) > 5


@pytest.mark.parametrize("mode", ["-buildmode=pie", "-gcflags=all=-N -l"])
def test_other_ways_to_build(build_go, mode):
    """Position-independent and unoptimised programs have the same forms; every function is decided."""
    image = open_image(build_go("go", "amd64", mode))
    checks = []
    for table, row in defined(image):
        if row[5] and image.is_code(row[4]):
            name = table.name(row).decode()
            checks.append(after_stack_check(image, Function(name, row[4], row[5])))
    assert sum(c is not None for c in checks) > 800
    assert any(c and c.loads_g for c in checks)


def test_functions_without_a_check(build_go):
    """A function marked nosplit has none, and a place inside a function has none before it."""
    image = open_image(build_go("go", "amd64"))
    (function,) = find(image, FunctionName("main.unchecked"))
    assert after_stack_check(image, function) is None
    (method,) = find(image, FunctionName("main.(*T).M"))
    check = after_stack_check(image, method)
    assert check
    (inside,) = find(image, FunctionName(hex(method.address + check.offset)))
    assert inside.offset == check.offset
    assert after_stack_check(image, inside) is None


def test_stripped_programs(build_go):
    """Without symbols a check is still seen, but its absence can't be proved, so it is refused."""
    image, bare = (open_image(build_go("go", "amd64", *flags)) for flags in ((), ("-ldflags=-s -w",)))
    assert bare.stripped
    assert bare.go_version == image.go_version
    checked, unchecked = (find(image, FunctionName(f"main.{n}"))[0] for n in ("recursive", "unchecked"))
    with pytest.raises(BinaryError, match="no symbols that tell"):
        after_stack_check(bare, find(bare, FunctionName(hex(unchecked.address)))[0])
    assert after_stack_check(bare, find(bare, FunctionName(hex(checked.address)))[0]) == after_stack_check(
        image, checked
    )


def test_an_unknown_form_is_refused(build_go, tmp_path):
    """A function that asks for more stack, but begins in a way that is not known, is refused."""
    path = build_go("go", "amd64")
    image = open_image(path)
    (function,) = find(image, FunctionName("main.recursive"))
    with open(path, "rb") as file:
        content = bytearray(file.read())
    offset = function.address - image.section(b".text").address + image.section(b".text").offset
    content[offset : offset + 3] = b"\x49\x39\xe6"
    changed = tmp_path / "changed"
    changed.write_bytes(content)
    with pytest.raises(BinaryError, match="in a form that is not known here"):
        after_stack_check(open_image(str(changed)), function)


@every_go
def test_what_a_go_program_is(build_go, go, architecture):
    """Version, build-id and language of a Go program are those that Go itself shows."""
    path = build_go(go, architecture)
    image = open_image(path)
    version = subprocess.run([tool(go), "version", path], check=True, capture_output=True, text=True).stdout
    assert version.strip() == f"{path}: {image.go_version}"
    assert image.is_go
    assert image.machine == {"amd64": "x86_64", "arm64": "aarch64"}[architecture]
    go_id = subprocess.run(
        [tool(go), "tool", "buildid", path], check=True, capture_output=True, text=True
    ).stdout
    notes = subprocess.run(["readelf", "-n", path], check=True, capture_output=True, text=True).stdout
    gnu_id = re.search(r"Build ID: (\w+)", notes)
    assert image.build_id == (gnu_id[1] if gnu_id else go_id.strip())


def test_c_programs_have_no_check(sample):
    """A C program isn't taken for Go."""
    assert not open_image(sample).is_go
