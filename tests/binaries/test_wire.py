"""Answers of the process that reads binaries: whole, and of the right types."""

import json

import pytest

from tracekit import errors
from tracekit.binaries import wire
from tracekit.errors import AmbiguousFunctionError, FunctionNotFoundError, UnsupportedError, UsageError
from tracekit.symbols.debugfile import DebugInfoError
from tracekit.symbols.function import Function, Seen, StackCheck

FUNCTION = Function("f\udcff", 0x1139, 12, local=True, offset=3)


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        (int, 1 << 63),
        (bool, True),
        (str, "\udcff\n"),
        (tuple[Function, ...], (FUNCTION, Function("g", 1, 0))),
        (Function | None, None),
        (Function | None, FUNCTION),
        (Seen, Seen(StackCheck(4, 8), (1, 2), True, ("note",))),
        (None, None),
    ],
)
def test_answers_come_back(kind, value):
    """What was answered is what is read, byte for byte."""
    assert wire.decode(kind, json.loads(json.dumps(wire.encode(value)))) == value


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        (int, "1"),
        (int, True),
        (str, 1),
        (tuple[int, ...], {"0": 1}),
        (tuple[int, ...], [1, "system()"]),
        (Function, ["f", "0x1); system(", 12, True, False, 0]),
        (Function, ["f", 1, 12, True, False]),
        (Function, ["f", 1, 12, True, False, 0, 0]),
        (Function, None),
    ],
)
def test_answers_of_other_types_are_refused(kind, value):
    """Text in a number's place would end up in a script that root runs."""
    with pytest.raises(ValueError):
        wire.decode(kind, value)


@pytest.mark.parametrize(
    "error",
    [
        FunctionNotFoundError(function="f", binary="/b", near=("g", "h"), note="It is stripped."),
        AmbiguousFunctionError(function="f", binary="/b", candidates=("0x1", "0x2"), more=3, note="!"),
        UnsupportedError(feature="f", backend="b", reason="r", remedy="m", alternatives=("gdb",)),
        DebugInfoError("there is none", "Build it with -g."),
        UsageError("no"),
    ],
)
def test_errors_come_back(error):
    """An error keeps its class, all that it says, and the exit status."""
    found = wire.decode_error(json.loads(json.dumps(wire.encode_error(error))))
    assert type(found) is type(error) and str(found) == str(error)
    assert vars(found) == vars(error) and found.exit_code == error.exit_code


def test_only_our_errors_are_made():
    """The name of another class, such as SystemExit, makes nothing but an error about a binary."""
    assert type(wire.decode_error(["SystemExit", {"message": "m", "code": 0}])) is errors.BinaryError
