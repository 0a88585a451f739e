"""``tracekit trace --live`` in a real terminal, as a person sees it."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.live.emulator import SECONDS, Emulator, Screen, tracekit

from tracekit.render.run_file import load

pytestmark = pytest.mark.live

SEVERAL = "{ @size[str(arg0)] = lhist(arg1, 0, 1000, 10); @calls[comm] = count(); @most = max(arg1) }"
LEAVES = b"\x1b[?1049l"


@pytest.fixture(autouse=True)
def _an_engine() -> None:
    if os.geteuid() != 0:
        pytest.skip("tracing needs root")


@pytest.fixture
def talks(binaries: Callable[[str], Path]) -> str:
    """A program that prints, and calls for ever."""
    return str(binaries("talks"))


def live(
    binary: str,
    lines: int = 0,
    program: str = "{ @size = hist(arg1) }",
    *options: str,
    backend: str = "bpf",
) -> list[str]:
    """The command, live, on a program that prints so many lines."""
    words = ("trace", "--live", "--interval", "100ms", "--backend", backend, *options)
    return tracekit(*words, "-e", f'uprobe:"{binary}":called {program}', "--", binary, str(lines))


def children(pid: int) -> list[int]:
    """A process's children."""
    tasks = Path(f"/proc/{pid}/task").glob("*/children")
    return [int(child) for task in tasks for child in task.read_text().split()]


def cmdline(pid: int) -> bytes:
    """A process's words."""
    return Path(f"/proc/{pid}/cmdline").read_bytes()


def widest(screen: Screen) -> int:
    """How far the text on a screen goes to the right."""
    return max(map(len, screen.text.split("\n")))


def test_several_maps_and_keys_fit_every_size(talks: str) -> None:
    """At 80 columns, and after each resize, what is largest is there, and what isn't is said."""
    with Emulator(live(talks, 0, SEVERAL)) as terminal:
        terminal.shows('@size["plain"]', "@calls[", "@most: 999", '@size["\\x1b[?1049l', "Ctrl-C ends")
        assert widest(terminal.screen) <= 80
        terminal.until(lambda screen: re.match(r"\d+ s   [\d,]+ values, [\d,]+/s   /", screen.text))
        terminal.resize(50, 120)
        terminal.shows('@size["plain"]', '@size["\\x1b[?1049l', "@calls[", "@most: 999")
        terminal.until(lambda screen: "not shown" not in screen.text and 110 < widest(screen) <= 120)
        terminal.resize(14, 40)
        terminal.until(lambda screen: "not shown: 1 of 4" in screen.text and widest(screen) <= 40)
        terminal.resize(3, 21)
        terminal.until(lambda screen: widest(screen) <= 21 and "Ctrl-C" in screen.text)
        terminal.resize(60, 80)
        terminal.press(b"\x03")
        assert terminal.end() == 0
        terminal.check_restored()
        assert "@most: 999\n" in terminal.screen.text
        assert "the command was ended by SIGINT" in terminal.screen.text


def test_what_is_printed_meanwhile_stays_and_names_are_escaped(talks: str) -> None:
    """What the command prints is on the first screen, in order, raw and whole; its names are raw on neither."""
    with Emulator(live(talks, 3000, SEVERAL, "-q"), rows=60) as terminal:
        terminal.shows('@size["\\x1b[?1049l\\x1b[31mkey\\r\\n\\x9b"]', '@calls["\\x1b[2J\\x1b]0;owned\\x07"]')
        terminal.shows("printed: late ")
        terminal.signal(signal.SIGTERM)
        assert terminal.end() == 0
        terminal.check_restored()
        assert terminal.screen.title == ""
        for raw in (b"\x1b]0;", b"\x1b[31mkey", b"\a", b"\x9b"):
            assert raw not in terminal.output
        printed = re.sub(rb"\x1b\[\?1049h.*?\x1b\[\?1049l", b"", terminal.output, flags=re.DOTALL)
        assert b"out 1 err 1\r\n" in printed
        assert [int(n) for n in re.findall(rb"line (\d+)\.\r\n", printed)] == list(range(3000))
        assert b"\x1b[31mred\x1b[0m\r\nno end" in printed
        late = [int(n) for n in re.findall(rb"late (\d+)\.\r\n", printed)]
        assert late == list(range(0, late[-1] + 1, 100))
        assert printed.index(b"no end") < printed.index(b"@size[")


def test_a_signal_that_ends_tracekit_leaves_the_terminal_as_it_was(talks: str) -> None:
    """Where SIGQUIT's core would be, there is no result; the terminal is as after any other end."""
    with Emulator(live(talks)) as terminal:
        terminal.shows("@size:", "sum ")
        terminal.signal(signal.SIGQUIT)
        assert terminal.end() == -signal.SIGQUIT
        terminal.check_restored()


def test_an_engine_that_is_killed_is_told(talks: str) -> None:
    """The screen says that nothing more is counted, the command goes on, and the result is marked."""
    if shutil.which("bpftrace") is None:
        pytest.skip("no bpftrace here: apt-get install bpftrace")
    with Emulator(live(talks, backend="bpftrace")) as terminal:
        terminal.shows("@size:", "sum ")
        (engine,) = [p for p in children(terminal.shell.pid) if b"--unsafe" in cmdline(p)]
        os.kill(engine, signal.SIGKILL)
        terminal.shows("the engine has died: nothing more is counted; the command goes on", "@size:")
        terminal.signal(signal.SIGHUP)
        assert terminal.end() == 1
        terminal.check_restored()
        assert "INCOMPLETE" in terminal.screen.text


def test_a_run_goes_on_without_its_terminal(talks: str) -> None:
    """Where SIGHUP is ignored, as by nohup, the result is kept in a file in the end."""
    words = live(talks, 0, "{ @size = hist(arg1) }", "--max-events", "6001")
    ignoring = ["sh", "-c", 'trap "" HUP; exec "$@"', "sh", *words]
    with Emulator(ignoring, env={"TMPDIR": os.path.dirname(talks)}) as terminal:
        terminal.shows("@size:", "sum ")
        terminal.hang_up()
        assert terminal.shell.wait(SECONDS) == 1
    (kept,) = Path(talks).parent.glob("tracekit-*.json")
    assert load(kept.read_text()).complete
    kept.unlink()


def test_control_z_shows_the_first_screen_until_it_is_continued(talks: str) -> None:
    """Stopped from the keyboard, tracekit leaves the terminal to the shell until it goes on."""
    if shutil.which("bash") is None:
        pytest.skip("no bash here: apt-get install bash")
    script = '"$@"; echo "stopped, $?"; read go; fg; exit $?'
    words = ["bash", "--norc", "-mc", script, "bash", *live(talks)]
    with Emulator(words) as terminal:
        terminal.shows("@size:", "sum ")
        terminal.press(b"\x1a")
        terminal.until(lambda screen: not screen.alternate and "stopped, 148" in screen.text)
        assert not terminal.screen.cursor.hidden
        terminal.press(b"go\n")
        terminal.shows("@size:", "sum ")
        terminal.press(b"\x03")
        terminal.end()
        terminal.check_restored()


def test_without_a_terminal_snapshots_come_one_after_another(talks: str) -> None:
    """Into a pipe it is as with --interval."""
    with subprocess.Popen(live(talks), stdout=subprocess.PIPE, text=True) as tracing:
        assert tracing.stdout is not None
        while not (line := tracing.stdout.readline()).startswith("after "):
            assert line
        tracing.send_signal(signal.SIGINT)
        rest = tracing.stdout.read()
    assert tracing.returncode == 0
    assert rest.startswith("@size:")
    assert "\x1b" not in rest.replace("\x1b[31mred\x1b[0m", "")


@pytest.mark.parametrize("backend", ["bpf", "bpftrace"])
def test_the_result_is_that_of_a_run_without_it(talks: str, backend: str) -> None:
    """What is counted and printed in the end is the same to the last character."""
    if backend == "bpftrace" and shutil.which("bpftrace") is None:
        pytest.skip("no bpftrace here: apt-get install bpftrace")
    words = live(talks, 0, "{ @size = hist(arg1) }", "-q", "--max-events", "301", backend=backend)
    plain = [word for word in words if word not in ("--live", "--interval", "100ms")]
    piped = subprocess.run(plain, check=True, capture_output=True, text=True).stdout
    result = piped[piped.index("@size:") :].split("\n")
    with Emulator(words, rows=60) as terminal:
        assert terminal.end() == 0
        terminal.check_restored()
        assert "\n".join(line.rstrip() for line in result).strip() in terminal.screen.text


BROKEN = """
import sys
from tracekit.render import live
def fail(*_):
    raise RuntimeError("broken")
live.rates = fail
from tracekit.cli.main import main
sys.argv[0] = "tracekit"
main()
"""


def test_an_error_of_our_own_leaves_the_terminal_as_it_was(talks: str) -> None:
    """Whatever is raised while a screen is shown is to be read on the first one."""
    with Emulator([sys.executable, "-c", BROKEN, *live(talks)[4:]]) as terminal:
        assert terminal.end() == 1
        terminal.check_restored()
        assert LEAVES in terminal.output
        assert "RuntimeError: broken" in terminal.screen.text


def test_without_rich_one_sentence_says_what_to_install(talks: str) -> None:
    """Nothing is started then."""
    without = "import sys; sys.modules['rich'] = None; from tracekit.cli.main import main; main()"
    with Emulator([sys.executable, "-c", without, *live(talks)[4:]]) as terminal:
        assert terminal.end() == 1
        assert terminal.screen.text.split("\n") == [
            "tracekit: --live needs the package rich",
            "Run: pip install 'tracekit[ui]', or give --interval 1s instead.",
        ]
