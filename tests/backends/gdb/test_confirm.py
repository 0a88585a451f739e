"""From a real binary and a real run to verified places: what calibration does with the samples."""

import shutil
import subprocess

import attrs
import pytest
from tests.backends.gdb.helpers import address_of, after_prologue, request

from tracekit.backends.gdb.sampler import sample
from tracekit.calibration.expect import parse_expectation
from tracekit.calibration.match import confirm
from tracekit.calibration.static import calibrate_function
from tracekit.calibration.summary import Kind, summarise
from tracekit.core.arch import X86_64
from tracekit.core.location import InRegister
from tracekit.core.probe import FunctionName
from tracekit.core.verdict import Verdict
from tracekit.symbols.dwarf import open_debug_info
from tracekit.symbols.functions import find
from tracekit.symbols.image import open_image

pytestmark = pytest.mark.live


def predicted(binary, function):
    """What the binary itself says of a function."""
    image = open_image(str(binary))
    (found,) = find(image, FunctionName(function))
    return calibrate_function(image, found, open_debug_info(image))


def verdicts(argument):
    return [known.verdict for known in argument.known]


@pytest.mark.usefixtures("each_gdb")
def test_unoptimised(build):
    """Without optimisation all that varies is verified by what gdb reads after the prologue."""
    binary = build("calls.c", "-O0", "-pie", "-pthread")
    # All calls are sampled: of many, the first may all be one thread's.
    asked = request(binary, "insert", binary, "-t", "3", "-n", "2", after=after_prologue(binary, "insert"))
    found = confirm(predicted(binary, "insert"), sample(asked))
    value, key, weight, tid = found.arguments
    for argument in (key, weight, tid):
        assert verdicts(argument) == [Verdict.VERIFIED]
    data, length = value.known
    assert length.verdict is Verdict.VERIFIED
    assert data.verdict is not Verdict.VERIFIED
    assert data.evidence[-1].endswith("not enough variety")
    assert any(tool.startswith("gdb ") for tool in found.tools)


def test_optimised(build):
    """With optimisation the user's expectation verifies what it names, and a false one refuses it."""
    binary = build("calls.c", "-O2", "-pie", "-pthread")
    samples = sample(request(binary, "insert"))
    before = predicted(binary, "insert")
    found = confirm(
        before, samples, [parse_expectation("value.len=100..149"), parse_expectation("key=-24..-3")]
    )
    assert found.argument("value").known[-1].verdict is Verdict.VERIFIED
    assert verdicts(found.argument("key")) == [Verdict.VERIFIED]
    assert found.argument("tid") == before.argument("tid")
    wrong = confirm(before, samples, [parse_expectation("value.len=512")])
    assert wrong.argument("value").verdict is Verdict.REFUSED
    assert "value.len=512 is expected, but rsi (arg1) had 100" in wrong.argument("value").reason


def test_stripped(build, tmp_path):
    """In a binary without any names, an expectation finds the register, and the table shows it to a person."""
    binary = build("calls.c", "-O2", "-pie", "-pthread")
    stripped = tmp_path / "stripped"
    shutil.copy(binary, stripped)
    asked = attrs.evolve(request(stripped, "insert"), address=address_of(binary, "insert"))
    subprocess.run(["strip", stripped], check=True)
    samples = sample(asked)
    nothing = attrs.evolve(predicted(binary, "insert"), arguments=())
    found = confirm(nothing, samples, [parse_expectation("size=100..149"), parse_expectation("key=-24..-3")])
    assert found.argument("size").known[0].piece.location == InRegister("rsi")
    assert found.argument("key").known[0].piece.location == InRegister("rdx")
    assert {argument.verdict for argument in found.arguments} == {Verdict.VERIFIED}
    rows = {row.place: row for row in summarise(samples, X86_64)}
    assert (rows["rdi"].kind, rows["rdi"].text, rows["rdi"].regions) == (
        Kind.POINTER, "hello", (str(stripped),)
    )  # fmt: skip
    assert (rows["rsi"].minimum, rows["rsi"].maximum, rows["rsi"].change) == (100, 149, "rises by 7")
    assert rows["rdx"].values == tuple(-3 * n for n in range(1, 9))
