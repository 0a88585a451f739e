"""Completion in real shells, of commands, files and the names of functions."""

from __future__ import annotations

import os
import pty
import select
import subprocess
import sys
import termios
from collections.abc import Mapping
from pathlib import Path

import pytest
from click.shell_completion import get_completion_class
from click.testing import CliRunner
from tests.installed import needed

from tracekit.cli.completion import SHELLS, VARIABLE, Line, install, taken_apart
from tracekit.cli.main import cli
from tracekit.cli.names import complete_program
from tracekit.workflow.functions import names_from

SECONDS = 60.0
"""How long a shell may take for anything."""

SOURCE = """
namespace store {
struct Cache {
  int level;
  __attribute__((noinline)) bool insert(int kind) { level += kind; return level > 3; }
  __attribute__((noinline)) bool erase(int kind) { level -= kind; return level > 3; }
};
}
extern "C" __attribute__((noinline)) int plain_one(int x) { return x + 1; }
int main(int argc, char **) { store::Cache c{argc}; return c.insert(2) + c.erase(1) + plain_one(argc); }
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A program, and a folder ``bin`` with the command ``tracekit``."""
    needed("g++")
    folder = tmp_path_factory.mktemp("completion")
    (folder / "a.cc").write_text(SOURCE)
    subprocess.run(["g++", "-O1", "-g", "-o", "server", "a.cc"], check=True, cwd=folder)
    (folder / "bin").mkdir()
    (folder / "bin/tracekit").write_text(f'#!/bin/sh\nexec "{sys.executable}" -m tracekit "$@"\n')
    (folder / "bin/tracekit").chmod(0o755)
    return folder


@pytest.fixture
def environment(folder: Path, tmp_path: Path) -> dict[str, str]:
    """What a shell is started with: nothing of whoever runs the tests."""
    kept = {name: os.environ[name] for name in ("PYTHONPATH", "TRACEKIT_INDEXES") if name in os.environ}
    path = f"{folder / 'bin'}:{os.environ['PATH']}"
    return {**kept, "PATH": path, "HOME": str(tmp_path), "TERM": "dumb", "LC_ALL": "C.UTF-8"}


FUNCTIONS = "tracekit functions ./server"
PROBE = "tracekit trace -e uprobe:./server"
LINES = {
    "tracekit funct": ["functions"],
    f"{FUNCTIONS} store::Cache::ins": ["store::Cache::insert"],
    f"{PROBE}:store::Cache::er": ["uprobe:./server:store::Cache::erase"],
    "tracekit trace -e uprobe:./ser": ["uprobe:./server:"],
    "tracekit functions ./none x": [],
}
"""What completes some lines, as a shell without an idea of colons has it."""

TYPED = "tracekit trace -e 'uprobe:./server:plain"
SHOWN = "tracekit trace -e 'uprobe:./server:plain_one' "


def at_terminal(argv: list[str], folder: Path, environment: Mapping[str, str]) -> str:
    """What a shell makes of a line that ends in a tabulator; its settings have it show its line at Ctrl-G."""
    terminal, its = pty.openpty()
    # What is typed before the shell takes the terminal is kept for it, and not edited by the kernel.
    settings = termios.tcgetattr(its)
    settings[3] &= ~(termios.ICANON | termios.ECHO | termios.ISIG | termios.IEXTEN)
    termios.tcsetattr(its, termios.TCSANOW, settings)
    command = ["setsid", "--ctty", *argv]
    process = subprocess.Popen(command, cwd=folder, env=environment, stdin=its, stdout=its, stderr=its)
    os.close(its)
    try:
        _shown(terminal, b"<up>")
        os.write(terminal, TYPED.encode() + b"\t\x07")
        return _shown(terminal, b">").rpartition(b"<")[2].removesuffix(b">").decode()
    finally:
        os.close(terminal)  # which hangs up, and the shell ends
        process.wait(SECONDS)


def _shown(terminal: int, end: bytes) -> bytes:
    """What a shell shows up to some bytes."""
    said = b""
    while not said.rstrip().endswith(end) and end not in said:
        assert select.select([terminal], [], [], SECONDS)[0], said
        said += os.read(terminal, 1 << 16)
    return said.partition(end)[0] + end


def test_bash_at_a_terminal(folder: Path, environment: dict[str, str], tmp_path: Path) -> None:
    """bash completes a function in a probe in quotes, and closes them."""
    settings = (
        "PS1=; bind 'set enable-bracketed-paste off'",
        'eval "$(tracekit completion bash)"',
        """bind -x '"\\C-g": printf "\\n<%s>\\n" "$READLINE_LINE"'""",
        "printf '<up>'",
    )
    (tmp_path / "rc").write_text("\n".join(settings))
    argv = ["bash", "--noprofile", "--rcfile", str(tmp_path / "rc"), "-i"]
    assert at_terminal(argv, folder, environment) == SHOWN


def test_zsh_at_a_terminal(folder: Path, environment: dict[str, str], tmp_path: Path) -> None:
    """So does zsh."""
    needed("zsh")
    settings = (
        "PS1=; autoload -Uz compinit; compinit -u -D",
        'eval "$(tracekit completion zsh)"',
        "show() { zle -I; print -r -- $'\\n<'\"$BUFFER\"'>' }; zle -N show; bindkey '^G' show",
        "printf '<up>'",
    )
    (tmp_path / ".zshrc").write_text("\n".join(settings))
    assert at_terminal(["zsh", "-d", "-i"], folder, environment | {"ZDOTDIR": str(tmp_path)}) == SHOWN


def run(argv: list[str], folder: Path, environment: Mapping[str, str]) -> list[list[str]]:
    """What a shell's commands say, a list for each line that they complete."""
    done = subprocess.run(
        argv, cwd=folder, env=environment, capture_output=True, text=True, timeout=SECONDS, check=True
    )
    assert done.stderr == ""
    return [answer.split("\n")[:-1] for answer in done.stdout.split("::\n")[:-1]]


def test_bash(folder: Path, environment: dict[str, str]) -> None:
    """bash gets what stands behind the last colon, quoted for it; and nothing where nothing fits."""
    commands = ["compopt() { :; }; complete() { :; }", 'eval "$(tracekit completion bash)"']
    for line in LINES:
        commands.append(
            f"COMP_LINE={_quoted(line)}; COMP_POINT=${{#COMP_LINE}}; _tracekit tracekit; "
            "(( ${#COMPREPLY[@]} )) && printf '%s\\n' \"${COMPREPLY[@]}\"; echo ::"
        )
    answers = run(["bash", "--norc", "-c", "\n".join(commands)], folder, environment)
    expected = [[a.removesuffix(":").rpartition(":")[2] for a in some] for some in LINES.values()]
    expected[3] = ["./server:"]
    assert answers == expected


def test_zsh(folder: Path, environment: dict[str, str]) -> None:
    """zsh gets whole words, which it quotes itself."""
    needed("zsh")
    commands = ["compdef() { }", "compadd() { print -rl -- ${(P)@[-1]} }", 'eval "$(tracekit completion zsh)"']
    commands += [f"words=({line}); CURRENT=$#words; _tracekit; echo ::" for line in LINES]
    assert run(["zsh", "-f", "-c", "\n".join(commands)], folder, environment) == list(LINES.values())


def test_fish(folder: Path, environment: dict[str, str]) -> None:
    """fish gets the same, and chooses from it itself."""
    needed("fish")
    asked = "; ".join(f"complete -C {_quoted(line)}; echo ::" for line in LINES)
    argv = ["fish", "--no-config", "-c", f"tracekit completion fish | source; {asked}"]
    answers = run(argv, folder, environment)
    assert [[a.split("\t")[0] for a in some] for some in answers] == list(LINES.values())


def _quoted(text: str) -> str:
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"


@pytest.mark.parametrize("shell", SHELLS)
def test_the_scripts(shell: str) -> None:
    """Each shell's script is printed and says where it belongs; click's own variable asks for the same."""
    printed = CliRunner().invoke(cli, ["completion", shell]).output
    assert f"tracekit completion {shell}" in printed
    install()
    found = get_completion_class(shell)
    assert found is not None and found(cli, {}, "any name", VARIABLE).source() == printed


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("tracekit ", Line(("tracekit",), "", 0, "")),
        ("tracekit fu", Line(("tracekit",), "fu", 0, "")),
        ("t 'a b' \"c d", Line(("t", "a b"), "c d", 0, '"')),
        ("t a::b", Line(("t",), "a::b", 3, "")),
        ("t 'u:a", Line(("t",), "u:a", 0, "'")),
        ("t x:'u:a", Line(("t",), "x:u:a", 2, "'")),
        (r"t main.\(\*C", Line(("t",), "main.(*C", 0, "")),
        (r"t 'a\b' c\ d", Line(("t", r"a\b"), "c d", 0, "")),
        ("t '' x", Line(("t", ""), "x", 0, "")),
        ("t a\\", Line(("t",), "a\\", 0, "")),
    ],
)
def test_a_line_is_read_as_by_a_shell(line: str, expected: Line) -> None:
    """Words, quotes and the beginning of what the shell takes for its word are found."""
    assert taken_apart(line, ":=") == expected


def test_names(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Names are completed with their scopes, and without; what can't be traced isn't offered."""
    monkeypatch.chdir(folder)
    assert names_from(["./server"], None, "store::") == ["store::Cache::erase", "store::Cache::insert"]
    assert names_from(["./server"], None, "ins") == ["insert"]
    assert names_from(["./server"], None, "__cxa_fin") == []


def test_a_large_binary_is_not_read_for_a_completion(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Names of a large binary are completed only once it has an index."""
    from tracekit.workflow.functions import functions

    monkeypatch.chdir(folder)
    monkeypatch.setenv("TRACEKIT_INDEXES", str(tmp_path))
    monkeypatch.setattr("tracekit.workflow.indexes._QUICK", 1)
    assert names_from(["./server"], None, "plain") == []
    functions("./server", "plain")
    assert names_from(["./server"], None, "plain") == ["plain_one"]


def test_many_names_are_completed_scope_by_scope(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of more names than anybody reads, the scopes are offered."""
    monkeypatch.chdir(folder)
    monkeypatch.setattr("tracekit.workflow.functions._COMPLETED", 1)
    assert names_from(["./server"], None, "store::") == ["store::Cache::"]


def test_what_is_no_probe_is_left_alone() -> None:
    """In other text, and where there is no such binary, nothing is offered and nothing is said."""
    assert complete_program("@ = hist(x") == []
    assert complete_program("uprobe:./does-not-exist:x") == []
    assert complete_program("syscall:re") == []
