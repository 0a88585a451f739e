"""Calibrations on disk."""

from __future__ import annotations

import contextlib
import json
import os
import threading
from datetime import UTC, datetime
from pathlib import Path

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tracekit import __version__
from tracekit.calibration.store import Store, dump, load
from tracekit.calibration.stored import Stored
from tracekit.codec.model import from_json, to_json
from tracekit.core.calibration import Argument, Calibration, Known
from tracekit.core.location import Behind, InRegister, InVector, InX87, OnStack, Piece
from tracekit.core.signature import Language
from tracekit.core.source import (
    Alias,
    Array,
    Base,
    Encoding,
    Enumeration,
    Field,
    Function,
    Passing,
    Pointer,
    PointerKind,
    Record,
    RecordKind,
    Types,
    Variant,
    Void,
)
from tracekit.core.verdict import Verdict
from tracekit.errors import OutputError, UsageError

CALIBRATION = Calibration(
    build_id="8f3c",
    architecture="x86_64",
    symbol="caf\udce9",
    address=0x1139,
    name="café",
    language=Language.CXX,
    types=Types(
        {
            1: Base("int", 4, Encoding.SIGNED),
            2: Pointer(1, PointerKind.REFERENCE),
            3: Record(
                "s", 16, RecordKind.UNION, (Field("a", 1, 3, 7), Field("b", 2, 64, base=True)), 8,
                Passing.VALUE,
                Field("tag", 1, 0), (Variant(Field("Some", 1, 64), (1, -2)), Variant(Field("None", 0, 0))),
            ),
            4: Array(1, None, 4, vector=True),
            5: Enumeration("e", 4, True, {-1: "BELOW", 0: "ZERO"}),
            6: Alias("const", 1, qualifier=True),
            7: Function(),
            8: Void("struct hidden"),
        }
    ),
    arguments=(
        Argument(
            "value",
            3,
            (
                Known(Piece(0, 8, InRegister("rdx", 4)), Verdict.VERIFIED, ("8 of 8 hits",)),
                Known(Piece(8, 4, InVector("xmm0")), Verdict.GOOD),
                Known(Piece(12, 4, Behind(OnStack(8), 3)), Verdict.HIGH),
            ),
        ),
        Argument("lost", 1, reason="it isn't passed", remedy="Use it.", artificial=True),
    ),
    results=(Argument("", 1, (Known(Piece(0, 10, InX87(0)), Verdict.GOOD),)),),
    file="a.cc",
    line=7,
    warnings=("inlined",),
    tools=("gdb 13.1",),
)  # fmt: skip
STORED = Stored(CALIBRATION, "gdb", datetime(2025, 1, 2, tzinfo=UTC), "/bin/x", "0.1.0")


def test_every_kind_of_type_and_place_comes_back() -> None:
    """Through JSON text and back, a calibration is what it was."""
    document = json.loads(json.dumps(to_json(CALIBRATION)))
    assert from_json(document, Calibration, "calibration") == CALIBRATION


def test_what_was_stored_is_found(tmp_path: Path) -> None:
    """A calibration is found by its build-id, architecture and symbol, and by nothing less."""
    store = Store(str(tmp_path / "a" / "b"))
    assert store.get("8f3c", "x86_64", "caf\udce9") is None
    path = store.put(STORED)
    assert store.get("8f3c", "x86_64", "caf\udce9") == STORED
    assert store.get("8f3d", "x86_64", "caf\udce9") is None
    assert store.get("8f3c", "aarch64", "caf\udce9") is None
    assert list(store.all()) == [(path, STORED)]
    again = attrs.evolve(STORED, origin="static")
    assert store.put(again) == path
    assert store.get("8f3c", "x86_64", "caf\udce9") == again
    store.forget(path)
    store.forget(path)
    assert list(store.all()) == []


def test_warnings_alone_are_those_of_the_whole(tmp_path: Path) -> None:
    """They are read without the rest; where that can't be done, or they don't count, there are none."""
    store = Store(str(tmp_path))
    plain = attrs.evolve(STORED, calibration=attrs.evolve(CALIBRATION, symbol="cafe"))
    path = Path(store.put(plain))
    assert store.warnings("8f3c", "x86_64", "cafe") == ("inlined",)
    assert store.warnings("8f3d", "x86_64", "cafe") is None
    store.put(STORED)  # its symbol is no Unicode
    assert store.warnings("8f3c", "x86_64", "caf\udce9") is None
    store.put(attrs.evolve(plain, origin="static"))  # by another version
    assert store.warnings("8f3c", "x86_64", "cafe") is None
    store.put(attrs.evolve(plain, origin="static", tracekit=__version__))
    assert store.warnings("8f3c", "x86_64", "cafe") == ("inlined",)
    path.write_text(path.read_text().replace('"inlined"', "7"))
    assert store.warnings("8f3c", "x86_64", "cafe") is None
    path.write_text("{")
    with pytest.raises(UsageError, match=path.name):
        store.warnings("8f3c", "x86_64", "cafe")


def test_hostile_names_stay_in_the_folder(tmp_path: Path) -> None:
    """Whatever a build-id or symbol is, the file is one of the store's own names."""
    store = Store(str(tmp_path))
    for name in ("../../etc/passwd", "/abs", "a\nb", "x" * 5000):
        stored = attrs.evolve(STORED, calibration=attrs.evolve(CALIBRATION, build_id=name, symbol=name))
        assert os.path.dirname(store.put(stored)) == str(tmp_path)
        assert store.get(name, "x86_64", name) == stored


@pytest.mark.parametrize("damage", ["", "{", "[]", "null", '{"format": "x"}', "\xff", '{"a": ' * 100000])
def test_a_damaged_file_is_told_and_replaced(tmp_path: Path, damage: str) -> None:
    """Reading names the file and what is wrong; listing goes on; writing repairs it."""
    store = Store(str(tmp_path))
    path = Path(store.put(STORED))
    path.write_bytes(damage.encode("latin-1"))
    with pytest.raises(UsageError, match=path.name):
        store.get("8f3c", "x86_64", "caf\udce9")
    ((found, error),) = store.all()
    assert found == str(path)
    assert isinstance(error, UsageError)
    store.put(STORED)
    assert store.get("8f3c", "x86_64", "caf\udce9") == STORED


def test_a_link_in_the_folder_is_not_followed(tmp_path: Path) -> None:
    """Whoever put it there gets nothing read and nothing overwritten."""
    store = Store(str(tmp_path / "store"))
    path = Path(store.put(STORED))
    path.unlink()
    victim = tmp_path / "victim"
    victim.write_text("precious")
    path.symlink_to(victim)
    with pytest.raises(UsageError, match="can't be read"):
        store.get("8f3c", "x86_64", "caf\udce9")


def test_many_writers_do_no_harm(tmp_path: Path) -> None:
    """With several writers at once, every reader finds one whole calibration."""
    store = Store(str(tmp_path))
    store.put(STORED)
    kinds = [attrs.evolve(STORED, binary=f"/bin/{n}" * (n + 1)) for n in range(4)]

    def write(stored: Stored) -> None:
        for _ in range(30):
            store.put(stored)

    writers = [threading.Thread(target=write, args=(kind,)) for kind in kinds]
    for writer in writers:
        writer.start()
    while any(writer.is_alive() for writer in writers):
        assert store.get("8f3c", "x86_64", "caf\udce9") in (STORED, *kinds)
    for writer in writers:
        writer.join()
    assert [name for name in os.listdir(tmp_path) if name.endswith(".tmp")] == []


def test_a_folder_that_cannot_be_made(tmp_path: Path) -> None:
    """The error names the folder and the variable that names another."""
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match="can't be made") as caught:
        Store(str(tmp_path / "file" / "x")).put(STORED)
    assert "TRACEKIT_CALIBRATIONS" in caught.value.hint


def test_a_folder_that_cannot_be_read(tmp_path: Path) -> None:
    """It is said to be one, and not taken for an empty one."""
    (tmp_path / "file").write_text("")
    with pytest.raises(UsageError, match="can't be read") as caught:
        Store(str(tmp_path / "file")).all()
    assert "TRACEKIT_CALIBRATIONS" in caught.value.hint


def test_export_and_import() -> None:
    """What one machine exports another imports, marked as imported; other documents are refused."""
    (found,) = load(dump([STORED]).encode())
    assert found.calibration == CALIBRATION
    assert found.origin == "imported"
    for wrong in (
        b"",
        b"{}",
        b'{"format": "tracekit-calibrations", "version": 2}',
        dump([STORED])[:-9].encode(),
    ):
        with pytest.raises(UsageError):
            load(wrong)


@given(st.data())
def test_no_document_crashes(data: st.DataObject) -> None:
    """A document changed at any place is read as another calibration, or refused with the place."""
    document = json.loads(dump([STORED]))
    inner = document["calibrations"][0]
    while isinstance(inner, dict | list) and inner:
        key = data.draw(st.sampled_from(sorted(inner) if isinstance(inner, dict) else range(len(inner))))
        if data.draw(st.booleans()) or not isinstance(inner[key], dict | list):
            inner[key] = data.draw(st.sampled_from([None, 0, -1, "x", [], {}, True, 1.5, {"type": "alias"}]))
            break
        inner = inner[key]
    with contextlib.suppress(UsageError):
        load(json.dumps(document).encode())
