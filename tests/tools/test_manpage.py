"""man/tracekit.1, the manual page that ``python -m tools.manpage`` writes."""

from __future__ import annotations

import os
import shutil
import subprocess
import tomllib

import pytest
from tools.manpage import PAGE, ROOT, date_of, page


def test_the_page_is_current() -> None:
    """The page says what the command line's help says."""
    text = PAGE.read_text()
    assert text == page(date_of(text)), "'make pages' writes it anew"


@pytest.mark.parametrize(
    "command",
    [
        ("man", "--warnings=w", "--encoding=UTF-8", "--local-file", "-"),
        ("mandoc", "-Tlint", "-Wwarning"),
    ],
    ids=lambda command: command[0],
)
def test_it_renders_without_warnings(command: tuple[str, ...]) -> None:
    """man and mandoc take the page as it is, and man shows every verb."""
    if shutil.which(command[0]) is None:
        pytest.skip(f"there is no {command[0]} here")
    environment = os.environ | {
        "LC_ALL": "C.UTF-8",
        "MANPAGER": "cat",
        "MANWIDTH": "120",
        "MAN_DISABLE_SECCOMP": "1",
    }
    done = subprocess.run(
        command,
        input=PAGE.read_text(),
        capture_output=True,
        text=True,
        env=environment,
        timeout=60,
        check=False,
    )
    if "has been minimized" in done.stdout:
        pytest.skip("this system's man shows no pages")
    assert (done.returncode, done.stderr) == (0, "")
    assert (done.stdout == "") if command[0] == "mandoc" else ("tracekit trace [OPTIONS]" in done.stdout)


def test_the_wheel_has_it() -> None:
    """The package installs the page where man looks for it."""
    with (ROOT / "pyproject.toml").open("rb") as file:
        build = tomllib.load(file)["tool"]["hatch"]["build"]["targets"]
    assert build["wheel"]["shared-data"] == {str(PAGE.relative_to(ROOT)): "share/man/man1/tracekit.1"}
    assert "man" in build["sdist"]["include"]
