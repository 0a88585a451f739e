"""``tracekit serve``: what is refused before anything runs."""

from __future__ import annotations

import socket

import pytest
from tests.cli.test_cli import run

from tracekit.cli.main import cli
from tracekit.errors import TracekitError


@pytest.mark.parametrize(
    ("words", "status", "message"),
    [
        ((), 2, "there is no target"),
        (("--listen", "9464", "--", "true"), 2, "'9464' is no address to listen on"),
        (("--listen", "192.0.2.1:1", "--", "true"), 1, "192.0.2.1:1 is no address of this machine"),
        (("--otlp", "127.0.0.1:4318", "--", "true"), 2, "what --otlp names is no URL of a collector"),
        (("--max-series", "5", "--", "true"), 2, "maps need at least 8 series, and there may be 5"),
        (("-o", "/no/such/folder/run", "--", "true"), 1, "can't write /no/such/folder/run"),
        (("--attach-gdb", "--", "true"), 2, "--attach-gdb is about a process that runs already"),
    ],
)
def test_what_is_refused(words: tuple[str, ...], status: int, message: str) -> None:
    """Each is one sentence, before anything runs."""
    with pytest.raises(TracekitError) as caught:
        cli.main(["serve", "/bin/true", "main", "count()", *words], standalone_mode=False)
    assert message in caught.value.message and caught.value.exit_code == status


def test_names_that_are_alike() -> None:
    """Maps that would be one metric are refused before the run, not found by the first scrape."""
    text = "uprobe:/bin/true:main { @a = hist(arg0); @a_sum = count() }"
    with pytest.raises(TracekitError, match="the metric tracekit_a_sum would be there twice"):
        cli.main(["serve", "-e", text, "--listen", "127.0.0.1:0", "--", "true"], standalone_mode=False)


def test_a_taken_port() -> None:
    """That another program listens on the port is said, with the way out."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        at = f"127.0.0.1:{taken.getsockname()[1]}"
        done = run("serve", "/bin/true", "main", "count()", "--listen", at, "--", "true")
    assert done.returncode == 1
    assert done.stderr == (
        f"tracekit: another program listens on {at} already\nEnd it, or give another port with --listen.\n"
    )


def test_an_open_port_is_told(capfd: pytest.CaptureFixture[str]) -> None:
    """An address that others can reach has to be given, and is told before the run."""
    words = ["serve", "/bin/true", "no_such_function", "count()", "--listen", "0.0.0.0:0", "--", "true"]
    with pytest.raises(TracekitError, match="no_such_function"):
        cli.main(words, standalone_mode=False)
    note = capfd.readouterr().err
    assert note.startswith("note: whoever reaches http://0.0.0.0:")
    assert note.endswith("/metrics can read the metrics, without password or encryption\n")
