"""Real binaries for the tests of symbols, each built once in a session by the compilers at hand."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.symbols.programs import GO_FRAMES, GO_SAMPLE, SAMPLE, tool

Build = Callable[..., str]


@pytest.fixture(scope="session")
def build(tmp_path_factory: pytest.TempPathFactory) -> Build:
    """``build(text, *flags, compiler="gcc", suffix=".c", more=())`` gives the path of a binary."""
    made: dict[object, str] = {}

    def run(
        text: str, *flags: str, compiler: str = "gcc", suffix: str = ".c", more: tuple[str, ...] = ()
    ) -> str:
        key = (text, flags, compiler, suffix, more)
        if key not in made:
            folder = tmp_path_factory.mktemp("build")
            sources = []
            for index, source in enumerate((text, *more)):
                sources.append(folder / f"part{index}{suffix}")
                sources[-1].write_bytes(source.encode("latin-1"))
            out = str(folder / "program")
            command = [tool(compiler), "-o", out, *map(str, sources), *flags]
            done = subprocess.run(command, check=False, capture_output=True, cwd=folder)
            assert done.returncode == 0, done.stderr.decode("utf-8", "replace")
            made[key] = out
        return made[key]

    return run


@pytest.fixture(scope="session")
def sample(build: Build) -> str:
    """A position-independent C program with all kinds of symbols."""
    return build(SAMPLE, "-O1", "-g", "-pie", "-fPIE", "-Wl,--build-id=0xc0ffee0123456789")


@pytest.fixture(scope="session")
def stripped(sample: str, tmp_path_factory: pytest.TempPathFactory) -> str:
    """The same program without its symbol table."""
    out = str(tmp_path_factory.mktemp("stripped") / "program")
    subprocess.run([tool("objcopy"), "--strip-all", sample, out], check=True)
    return out


@pytest.fixture(scope="session")
def build_go(tmp_path_factory: pytest.TempPathFactory) -> Build:
    """``build_go(go, architecture, *flags)`` gives the path of the Go sample built by that Go."""
    made: dict[object, str] = {}
    frames = "\n".join(
        f"//go:noinline\nfunc frame{n}(x int) (sum int) {{\n\tvar a [{n} + 1]byte\n\ta[x] = 1\n\tb := a\n"
        "\tfor i := range b {\n\t\tsum += int(b[i])\n\t}\n\treturn sum + recursive(x)\n}"
        for n in GO_FRAMES
    )

    def run(go: str, architecture: str, *flags: str) -> str:
        key = (go, architecture, flags)
        if key not in made:
            folder: Path = tmp_path_factory.mktemp("go")
            (folder / "main.go").write_text(GO_SAMPLE % (frames, " + ".join(f"frame{n}(0)" for n in GO_FRAMES)))
            (folder / "go.mod").write_text("module sample\ngo 1.18\n")
            environment = os.environ | {"GOARCH": architecture, "CGO_ENABLED": "0", "GOTOOLCHAIN": "local"}
            out = str(folder / "program")
            command = [tool(go), "build", *flags, "-o", out, "."]
            done = subprocess.run(command, check=False, capture_output=True, cwd=folder, env=environment)
            assert done.returncode == 0, done.stderr.decode("utf-8", "replace")
            made[key] = out
        return made[key]

    return run
