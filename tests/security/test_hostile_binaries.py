"""What a binary's author can have tracekit open, and what its code is told when it runs."""

import contextlib
import os
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from tracekit import process
from tracekit.core.probe import FunctionName
from tracekit.errors import BinaryError
from tracekit.symbols.debugfile import find_debug_file
from tracekit.symbols.image import open_image
from tracekit.workflow.binaries import functions_of
from tracekit.workflow.knowledge import Knowledge


@contextlib.contextmanager
def unopened(fifo: Path) -> Iterator[None]:
    """Checks that nothing in the block opens a FIFO: its writer waits on."""
    os.mkfifo(fifo)
    opened = threading.Event()

    def write() -> None:
        os.close(os.open(fifo, os.O_WRONLY))
        opened.set()

    writer = threading.Thread(target=write)
    writer.start()
    try:
        yield
        assert not opened.wait(0.2)
    finally:
        os.close(os.open(fifo, os.O_RDONLY | os.O_NONBLOCK))
        writer.join()


def test_no_special_file_is_opened_in_a_binarys_place(tmp_path: Path) -> None:
    """A link to what isn't a regular file is refused unopened: opening a watchdog's device starts it."""
    link = tmp_path / "program"
    link.symlink_to("fifo")
    with unopened(tmp_path / "fifo"):
        with pytest.raises(BinaryError, match="not a regular file"):
            open_image(str(link))
        with pytest.raises(BinaryError, match="not a regular file"):
            functions_of(str(link), FunctionName("main"), Knowledge())


def test_no_special_file_is_opened_for_its_debug_information(tmp_path: Path) -> None:
    """Where a binary says that a file has parts of its debug information, anything may be."""
    program, fifo = tmp_path / "program", tmp_path / "fifo"
    (tmp_path / "where").write_bytes(os.fsencode(fifo) + b"\0" + b"1" * 20)
    subprocess.run(
        ["gcc", "-g", "-x", "c", "-", "-o", program], input=b"int main(void) { return 0; }", check=True
    )
    section = f".gnu_debugaltlink={tmp_path / 'where'}"
    subprocess.run(["objcopy", "--add-section", section, program], check=True)
    with unopened(fifo), pytest.raises(BinaryError, match="which is missing"):
        find_debug_file(open_image(str(program)))


def test_our_secrets_are_not_given_to_a_binarys_code(monkeypatch: pytest.MonkeyPatch) -> None:
    """What asks a library runs the library's own code: it gets no variable of ours but what it needs."""
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    monkeypatch.setenv("GLIBC_TUNABLES", "glibc.malloc.check=0")
    said = process.output(["/usr/bin/env"]).decode().splitlines()
    assert {line.partition("=")[0] for line in said} <= {"PATH", "LD_LIBRARY_PATH", "GLIBC_TUNABLES", "LC_ALL"}
    assert "GLIBC_TUNABLES=glibc.malloc.check=0" in said
