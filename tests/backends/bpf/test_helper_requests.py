"""What the helper that runs as root is asked for, and what it refuses: validated word by word."""

import inspect
import os
import struct

import pytest

from tracekit.backends.bpf import kernel, requests
from tracekit.backends.bpf.helpers import Helper
from tracekit.backends.bpf.layout import MapKind
from tracekit.backends.bpf.programs import ProgramKind
from tracekit.backends.bpf.rights import Kernel

MAP = {"kind": 1, "key": 8, "value": 8, "entries": 10, "name": "m"}
RETURN = "b700000000000000" + "9500000000000000"
PROGRAM = {"kind": 2, "code": RETURN, "maps": [], "sleeps": False, "attach": 0, "name": "p"}
UPROBE = {"path": 0, "offset": 64, "returns": False, "semaphore": 0, "pid": -1}
MANY = {
    "program": 0, "path": 1, "offsets": [64], "semaphores": [0], "numbers": [], "returns": False, "pid": 0,
}  # fmt: skip


def instruction(operation: int, source: int, number: int) -> str:
    """An instruction, with a return after it."""
    return struct.pack("<BBhi", operation, source << 4, 0, number).hex() + RETURN


def loaded(*words: int) -> list[object]:
    """The request to load it."""
    return ["load_program", PROGRAM | {"code": instruction(*words)}]


MALFORMED = {
    "nothing": None,
    "no pair": ["create_map"],
    "no words": ["create_map", []],
    "no name": [["create_map"], MAP],
    "another function of the module": ["update", {"map_": 3, "key": "", "value": ""}],
    "a word is missing": ["tracepoint", {}],
    "a word too many": ["tracepoint", {"number": 1, "more": 1}],
    "a flag for a number": ["tracepoint", {"number": True}],
    "a fraction": ["tracepoint", {"number": 1.0}],
    "a text for a number": ["tracepoint", {"number": "1"}],
    "a negative number": ["timer", {"nanoseconds": -1, "hertz": 0, "processor": 0}],
    "too large a number": ["create_map", MAP | {"entries": 1 << 32}],
    "another kind of map": ["create_map", MAP | {"kind": 3}],
    "a name with a slash": ["describe", {"category": "..", "name": "x"}],
    "a name that is none": ["describe", {"category": "sched", "name": "a/../../b"}],
    "an empty name": ["describe", {"category": "sched", "name": ""}],
    "letters of other alphabets": ["create_map", MAP | {"name": "µ"}],
    "another kind of program": ["load_program", PROGRAM | {"kind": 1}],
    "another way to attach": ["load_program", PROGRAM | {"attach": 1}],
    "half an instruction": ["load_program", PROGRAM | {"code": RETURN[:-2]}],
    "no instruction": ["load_program", PROGRAM | {"code": ""}],
    "code that is no text": ["load_program", PROGRAM | {"code": [0]}],
    "a descriptor that isn't there": ["load_program", PROGRAM | {"maps": [0]}],
    "a descriptor from the end": ["attach", {"event": -1, "program": -1, "number": None}],
    "writing to the target (bpf_probe_write_user)": [
        "load_program",
        PROGRAM | {"code": instruction(0x85, 0, 36)},
    ],
    "reading the kernel (bpf_probe_read_kernel)": [
        "load_program",
        PROGRAM | {"code": instruction(0x85, 0, 113)},
    ],
    "signals (bpf_send_signal)": loaded(0x85, 0, 109),
    "a function of the kernel by its type": loaded(0x85, 2, 1),
    "a function by a register": loaded(0x8D, 0, 1),
    "a map by its descriptor there": loaded(0x18, 1, 3),
    "a map from the end": loaded(0x18, 1, -1),
    "a variable of the kernel": loaded(0x18, 3, 1),
    "a path": ["uprobe", UPROBE | {"path": "/bin/sh"}],
    "another process": ["uprobe", UPROBE | {"pid": 1}],
}


@pytest.mark.parametrize("message", MALFORMED.values(), ids=MALFORMED)
def test_what_is_malformed_is_refused(message):
    """Whatever isn't a request of tracekit's, to the word, is refused before any system call."""
    with pytest.raises(ValueError):
        requests.carry_out(message, ())


@pytest.mark.parametrize("wrong", [{"offsets": []}, {"semaphores": []}, {"numbers": [1, 2]}])
def test_lists_of_different_lengths(wrong, tmp_path):
    """Lists that the kernel would read beyond their ends are refused."""
    with open(__file__, "rb") as file, pytest.raises(ValueError):
        requests.carry_out(["attach_many", MANY | wrong], (file.fileno(), file.fileno()))


@pytest.mark.parametrize("flags", [os.O_WRONLY, os.O_PATH])
def test_only_files_that_the_other_side_can_read(flags, tmp_path):
    """A probe goes only into a file that has come as a descriptor to be read."""
    (tmp_path / "file").touch()
    descriptor = os.open(tmp_path / "file", flags)
    try:
        with pytest.raises(ValueError):
            requests.carry_out(["uprobe", UPROBE], (descriptor,))
    finally:
        os.close(descriptor)


def test_each_system_call_has_its_request():
    """What tracekit does by itself as root, it can ask for in the same words, and nothing else."""
    methods = {name for name in vars(Kernel) if not name.startswith("_")}
    assert set(requests._KNOWN) == methods
    for name in methods:
        words = tuple(inspect.signature(getattr(kernel, name)).parameters)
        assert words == tuple(inspect.signature(getattr(Kernel, name)).parameters)[1:]
        assert set(requests._KNOWN[name][1]) == set(words)


@pytest.mark.parametrize("kind", [*MapKind, *ProgramKind], ids=str)
def test_all_that_tracekit_makes_may_be_asked_for(kind):
    """The kinds of maps and programs that a run has are those that the helper makes."""
    request = "create_map" if isinstance(kind, MapKind) else "load_program"
    assert requests._KNOWN[request][1]["kind"](kind.value, ()) == kind.value


@pytest.mark.parametrize("helper", Helper, ids=str)
def test_functions_of_ours_may_be_called(helper):
    """Each function that our programs call passes, and so does a map's address."""
    code = instruction(0x85, 0, helper.value) + instruction(0x18, 1, 0)
    assert requests._code(code, (7,)) == bytes.fromhex(code)
