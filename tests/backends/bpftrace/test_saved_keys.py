"""Keys of saved output: their bytes, their types, and whether they can be taken apart."""

from __future__ import annotations

import pytest
from tests.backends.bpftrace.saved_output import NEW, OLD, read, read_json

from tracekit.errors import EngineError


@pytest.mark.parametrize(
    ("text", "asked", "keys"),
    [
        ("@[a, b, 4]: 1\n", "@[str(arg0), arg1] = count()", ("a, b", 4)),
        ("@[4, a, b]: 1\n", "@[arg1, str(arg0)] = count()", (4, "a, b")),
        ("@[-1, , 7, 8]: 1\n", "@[arg1, str(arg0), pid, tid] = count()", (-1, "", 7, 8)),
        ("@[a, b]: 1\n", "@[comm, str(arg0)] = count()", ("a", "b")),
        ("@[a, b, c]: 1\n", "@[comm, str(arg0)] = count()", ("a, b, c",)),
        ("@[x,y]: 1\n", "@[comm] = count()", ("x,y",)),
        ("@[]: 1\n", "@[comm] = count()", ("",)),
        ("@[]: 5]: 1\n", "@[comm] = count()", ("]: 5",)),
        ("@[[br]ack]: 5]: 1\n", "@[comm] = count()", ("[br]ack]: 5",)),
        ("@[\n    f+0\n    main+1\n, 3]: 1\n", "@[ustack, arg0] = count()", ("\n    f+0\n    main+1\n", 3)),
        ("@[a\n\nb]: 1\n", "@[comm] = count()", ("a\n\nb",)),
        ("@[bad\udcff\udcfe]: 1\n", "@[comm] = count()", ("bad\udcff\udcfe",)),
        ("@[true]: 1\n", "@[pid == 1] = count()", (1,)),
        ("@[18446744073709551615]: 1\n", "@[arg0] = count()", (-1,)),
        ("@[-1]: 1\n", "@[(uint64)arg0] = count()", (2**64 - 1,)),
        ("@[1, 2]: 1\n", "", (1, 2)),
        ("@[1, x]: 1\n", "", ("1, x",)),
        ("@[007]: 1\n", "", ("007",)),
        ("@[-5]: 1\n", "", (-5,)),
        ("@[-0]: 1\n", "", ("-0",)),
        ("@[\u2028]: 1\n", "", ("\u2028",)),
        ("@[\r]: 1\n", "", ("\r",)),
    ],
)
def test_keys(text: str, asked: str, keys: tuple[int | str, ...]) -> None:
    """Keys are taken apart where there is one way to do it, and else stand as they were printed."""
    (found,) = read(text, asked).maps
    assert list(found.entries) == [keys]


def test_keys_that_cannot_be_taken_apart_are_noted() -> None:
    """If one key of a map has several ways to be taken apart, the whole map's stay joined, with a note."""
    saved = read("@[a, b]: 1\n@[a, b, c]: 2\n", "@[comm, str(arg0)] = count()")
    (found,) = saved.maps
    assert found.key_names == ("comm, str(arg0)",)
    assert list(found.entries) == [("a, b",), ("a, b, c",)]
    assert any("can't be told whether and where" in note for note in saved.notes)
    assert read("@[1, a]: 1\n@[1, b]: 1\n").maps[0].key_names == ("key",)
    assert read("@[1, 2]: 1\n@[3, 4]: 1\n").maps[0].key_names == ("key1", "key2")
    assert read("@[1, 2]: 1\n", "@[pid, arg0] = count()").maps[0].key_names == ("pid", "arg0")


def test_keys_that_mean_the_same_are_refused() -> None:
    """Two keys that are one in the program's type can't both be right."""
    with pytest.raises(EngineError, match="keys that are printed alike"):
        read("@[1]: 1\n@[true]: 2\n", "@[pid == 1] = count()")


@pytest.mark.parametrize(
    ("written", "version", "key"),
    [
        (r"caf\uffffffc3\uffffffa9", "0.17.0", "café"),
        (r"caf\\uffffffc3\\uffffffa9", "0.23.2", "café"),
        (r"bad\uffffffff\ufffffffe", "0.27.1", "bad\udcff\udcfe"),
        ("café", "0.27.1", "café"),
        ("bad\udcff", "0.27.1", "bad\udcff"),
        (r"\u0001\u001f", "0.17.0", "\x01\x1f"),
        (r"\\u0001\\u001f", "0.23.2", "\x01\x1f"),
        (r"new\nline", "0.17.0", "new\nline"),
        (r"new\\nline", "0.17.0", r"new\nline"),
        (r"new\\nline", "0.22.0", "new\nline"),
        (r"new\\nline", "0.21.3", r"new\nline"),
        (r"new\\nline", "0.24.0", r"new\nline"),
        (r"quote\\\"d", "0.23.2", 'quote"d'),
        (r"1,[2,\"x\"]", "0.23.2", '1,[2,"x"]'),
        (r"back\\\\slash", "0.23.2", r"back\slash"),
    ],
)
def test_keys_are_the_bytes_that_were_traced(written: str, version: str, key: str) -> None:
    """Escapes of bytes from 0x80 on, and double escapes in 0.22 and 0.23, are undone."""
    (found,) = read_json(f'{{"type": "map", "data": {{"@": {{"{written}": 1}}}}}}', version=version).maps
    assert list(found.entries) == [(key,)]


def test_a_backslash_in_keys_of_an_unknown_version_is_noted() -> None:
    """If it isn't known whether keys were escaped twice, they stand as printed, and a note says so."""
    line = r'{"type": "map", "data": {"@": {"a\\nb": 1}}}'
    assert any("escaped them twice" in note for note in read_json(line).notes)
    assert any("escaped them twice" in note for note in read_json(OLD, line).notes)
    assert not any("escaped them twice" in note for note in read_json(NEW, line).notes)
    assert list(read_json(line).maps[0].entries) == [(r"a\nb",)]


def test_keys_that_become_the_same_are_refused() -> None:
    """From 0.24 on spaces in keys are left out, so that two can be the same: which is which can't be told."""
    with pytest.raises(EngineError, match="two keys of a map that are printed alike, 'a,b'") as caught:
        read_json('{"type": "map", "data": {"@": {"x": 1, "a,b": 3, "a,b": 4}}}')
    assert caught.value.hint == "Save the output as text, without -f json."
    alike = r'{"type": "map", "data": {"@": {"\uffffff41x": 3, "\\uffffff41x": 4, "b\\tc": 1, "b\tc": 2}}}'
    with pytest.raises(EngineError, match="printed alike"):
        read_json(alike, version="0.23.2")


@pytest.mark.parametrize(
    ("keys", "asked", "expected"),
    [
        ("a, b,4", "@[str(arg0), arg1] = count()", ("a, b", 4)),
        ("vals,18446744073709551615,true", "@[comm, arg0, pid != 0] = count()", ("vals", -1, 1)),
        ("a,b,c", "@[comm, str(arg0)] = count()", ("a,b,c",)),
        ("1,2", "", (1, 2)),
        ("1, 2", "", ("1, 2",)),
    ],
)
def test_joined_keys(keys: str, asked: str, expected: tuple[int | str, ...]) -> None:
    """JSON joins keys by a comma alone."""
    (found,) = read_json(f'{{"type": "map", "data": {{"@": {{"{keys}": 1}}}}}}', asked=asked).maps
    assert list(found.entries) == [expected]
