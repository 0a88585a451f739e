"""Binaries with debug information, and what is asked of them."""

import os
import subprocess

import pytest
from tests.symbols.dwarf.programs import C_SAMPLE, CXX_SAMPLE, GO_SAMPLE, RUST_SAMPLE
from tests.symbols.programs import tool

from tracekit.core.probe import FunctionName
from tracekit.symbols.dwarf import open_debug_info
from tracekit.symbols.functions import find
from tracekit.symbols.image import open_image


@pytest.fixture(scope="session")
def c_sample(build):
    """``c_sample(compiler, *flags)`` gives the path of the C program."""
    return lambda compiler, *flags: build(C_SAMPLE, "-w", *flags, compiler=compiler)


@pytest.fixture(scope="session")
def cxx_sample(build):
    """``cxx_sample(compiler, *flags)`` gives the path of the C++ program."""
    return lambda compiler, *flags: build(CXX_SAMPLE, "-w", *flags, compiler=compiler, suffix=".cpp")


@pytest.fixture(scope="session")
def rust_sample(build):
    """``rust_sample(*flags)`` gives the path of the Rust program."""
    return lambda *flags: build(RUST_SAMPLE, "-Awarnings", *flags, compiler="rustc", suffix=".rs")


@pytest.fixture(scope="session")
def go_sample(tmp_path_factory):
    """``go_sample(*flags, system=, architecture=)`` gives the path of the Go program."""
    made = {}

    def run(*flags, system="linux", architecture="amd64"):
        key = (flags, system, architecture)
        if key not in made:
            folder = tmp_path_factory.mktemp("go")
            (folder / "main.go").write_text(GO_SAMPLE)
            (folder / "go.mod").write_text("module sample\ngo 1.18\n")
            environment = os.environ | {
                "GOOS": system, "GOARCH": architecture, "CGO_ENABLED": "0", "GOTOOLCHAIN": "local",
                "GOFLAGS": "-buildvcs=false",
            }  # fmt: skip
            made[key] = str(folder / "program")
            command = [tool("go"), "build", *flags, "-o", made[key], "."]
            done = subprocess.run(command, check=False, capture_output=True, cwd=folder, env=environment)
            assert done.returncode == 0, done.stderr.decode("utf-8", "replace")
        return made[key]

    return run


@pytest.fixture(scope="session")
def opened():
    """``opened(path, pattern)`` gives the debug information and the one function that a pattern matches."""
    known = {}

    def ask(path, pattern):
        if path not in known:
            image = open_image(path)
            known[path] = image, open_debug_info(image)
        image, debug = known[path]
        (function,) = find(image, FunctionName(pattern))
        return debug, function

    return ask


@pytest.fixture(scope="session")
def signature(opened):
    """``signature(path, pattern)`` gives the signature of the one function that a pattern matches."""

    def ask(path, pattern):
        debug, function = opened(path, pattern)
        return debug.signature(function.address, function.name, local=function.local)

    return ask


@pytest.fixture(scope="session")
def debug_of(opened):
    """``debug_of(path, pattern)`` gives the debug information and the address of one function."""

    def ask(path, pattern):
        debug, function = opened(path, pattern)
        return debug, function.address

    return ask
