"""The real DTrace for Linux: its library, and what it says."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest
from tools.engines import Engine

from tracekit.backends.dtrace.diagnose import diagnose
from tracekit.backends.dtrace.library import Installed, installed, library, missing_symbols
from tracekit.backends.dtrace.messages import read_messages
from tracekit.core.feature import Feature
from tracekit.core.result import LossKind
from tracekit.errors import EngineError, TargetError

pytestmark = pytest.mark.live

_KEPT = f"BEGIN {{ {' '.join(f'a[{i}] = 1;' for i in range(1, 10))} }} BEGIN {{ exit(0); }}"
"""More than 128 bytes of variables."""


@pytest.fixture(scope="session")
def dtrace(found_engines: dict[str, Engine]) -> Installed:
    """Debian unstable's dtrace, as it is found here."""
    if os.geteuid() != 0:
        pytest.skip("tracing needs root")
    if "dtrace-sid" not in found_engines:
        pytest.skip("there is no dtrace of Debian unstable here: 'make engines' sets it up")
    return installed(str(found_engines["dtrace-sid"].path))


def run(
    dtrace: Installed, *arguments: str, needs: Feature = Feature.COUNT
) -> subprocess.CompletedProcess[bytes]:
    with library(dtrace, {needs}) as library_arguments:
        argv = [dtrace.path, "-q", *library_arguments, *arguments]
        return subprocess.run(argv, check=False, capture_output=True, timeout=60, stdin=subprocess.DEVNULL)


def test_the_library_is_the_one_that_the_engine_sees(dtrace: Installed, found_engines: dict[str, Engine]):
    """Its program lays another /usr over ours, and the files that are found are those of that one."""
    suite = found_engines["dtrace-sid"].path.parents[1] / "sid"
    (folder,) = suite.glob("usr/lib/*/dtrace")
    assert dtrace.version == found_engines["dtrace-sid"].version
    assert dtrace.library["bpf_dlib.o"] == (folder / "bpf_dlib.o").read_bytes()
    assert any(name.endswith("/regs.d") for name in dtrace.library)


def test_scripts_run_with_the_part_of_the_library(dtrace: Installed):
    """Aggregations, registers and variables work with it, also where dtrace by itself stops at io.d."""
    script = "BEGIN { self->x = 5; @a = sum(self->x); @b[pid != 0] = sum(uregs[R_RSP] != 0); exit(0); }"
    done = run(dtrace, "-n", script)
    assert (done.returncode, read_messages(done.stderr)) == (0, read_messages(b""))
    assert done.stdout.split() == [b"5", b"1", b"1"]


@pytest.mark.parametrize(("variable", "feature"), [("cpu", Feature.CPU), ("execname", Feature.COMM)])
def test_some_variables_need_the_kernels_types(dtrace: Installed, variable: str, feature: Feature):
    """They are there when they are asked for, and not otherwise."""
    script = f"BEGIN {{ @[{variable}] = count(); exit(0); }}"
    assert run(dtrace, "-n", script, needs=feature).returncode == 0
    assert run(dtrace, "-n", script).returncode == 1


def test_its_own_library_fails_where_it_is_said_to(dtrace: Installed):
    """If and only if the kernel lacks a symbol, dtrace by itself stops, and the error names that symbol."""
    argv = [dtrace.path, "-en", "BEGIN { exit(0); }"]
    alone = subprocess.run(argv, check=False, capture_output=True, timeout=60, stdin=subprocess.DEVNULL)
    missing = missing_symbols(dtrace)
    assert bool(alone.returncode) == bool(missing)
    if missing:
        assert missing[0] in diagnose(alone.returncode, alone.stderr).message


@pytest.mark.parametrize(
    ("arguments", "kind", "option"),
    [
        (
            ("-xdynvarsize=128", "-n", _KEPT),
            LossKind.EVENTS,
            "dynvarsize",
        ),
        (
            ("-n", "BEGIN { i = speculation(); j = speculation(); exit(0); }"),
            LossKind.EVENTS,
            "nspec",
        ),
        (("-n", "BEGIN { trace(copyinstr(16)); } BEGIN { exit(0); }"), LossKind.EVENTS, "filter"),
    ],
)
def test_real_losses_are_understood(dtrace: Installed, arguments: tuple[str, ...], kind: LossKind, option: str):
    """Drops and failing clauses that are brought about come as losses with the way to avoid them."""
    done = run(dtrace, *arguments)
    messages = read_messages(done.stderr)
    assert done.returncode == 0
    assert messages.losses, done.stderr
    assert all(loss.kind is kind and loss.count for loss in messages.losses)
    assert option in messages.losses[0].hint
    assert messages.rest == ()


def test_real_failures_are_understood(dtrace: Installed, tmp_path: Path):
    """A script with an error has its line, a process that is gone is one, and an option too many is named."""
    script = tmp_path / "error.d"
    script.write_text("BEGIN\n{\n  @x = ;\n}\n")
    for arguments, kind, words in [
        (("-s", str(script)), EngineError, "line 3 of the script"),
        (("-p", str(2**22), "-n", "BEGIN { exit(0); }"), TargetError, "the process to trace"),
        (("-xaggpack", "-n", "BEGIN { exit(0); }"), EngineError, "no option aggpack"),
    ]:
        done = run(dtrace, *arguments)
        error = diagnose(done.returncode, done.stderr)
        assert isinstance(error, kind)
        assert words in error.message
