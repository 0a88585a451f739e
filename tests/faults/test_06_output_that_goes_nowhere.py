"""Proof 6: where a result can't be written whole there is an error, and no part of it counts as whole."""

from __future__ import annotations

import contextlib
import os
import secrets
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.faults.cli import Engine, Target, finish
from tests.faults.processes import until

from tracekit.errors import UsageError
from tracekit.render.run_file import load

pytestmark = pytest.mark.live

KEYS = "uprobe:{b}:work {{ @[arg0] = hist(arg0) }}"
"""A result of more than a pipe holds."""


def test_a_pipe_that_is_read_late(engine: Engine, steady: Target) -> None:
    """tracekit waits for its reader; the engine, which is drained at all times, doesn't, and all is there."""
    calls = 1000
    read, write = os.pipe()
    tracing = engine.start(
        KEYS.format(b=steady.path), "--", *steady.words("run", calls), stdout=write, stderr=subprocess.DEVNULL
    )
    os.close(write)
    with pytest.raises(subprocess.TimeoutExpired):
        tracing.wait({"bpf": 1, "dtrace": 10}.get(engine.backend, 6))
    with os.fdopen(read) as file:
        result = load(file.read())
    assert finish(tracing).status == 0
    assert result.whole and result.maps[0].total == calls


@pytest.mark.parametrize("unbuffered", ["", "1"])
def test_a_reader_that_leaves(any_engine: Engine, steady: Target, unbuffered: str) -> None:
    """As with '| head -c 100': the status isn't 0, and there is no traceback, however Python writes."""
    environment = {"PYTHONUNBUFFERED": unbuffered}
    tracing = any_engine.start(KEYS.format(b=steady.path), "--", *steady.words("run", 1000), env=environment)
    assert tracing.stdout is not None
    begun = os.read(tracing.stdout.fileno(), 100)
    tracing.stdout.close()
    tracing.stdout = None
    done = finish(tracing)
    assert done.status == 1 and "Traceback" not in done.said
    with pytest.raises(UsageError):
        load(begun)


@pytest.mark.parametrize("where", ["/dev/full", "closed", "-o /dev/full"])
def test_no_room(any_engine: Engine, steady: Target, where: str) -> None:
    """A full disk, or an output that is closed, is an error that says so."""
    options = ["-o", "/dev/full"] if where.startswith("-o") else []
    prefix = {"closed": 'exec "$@" >&-', "/dev/full": 'exec "$@" >/dev/full'}.get(where, 'exec "$@"')
    tracing = any_engine.start(
        f"uprobe:{steady.path}:work {{ @ = count() }}", "--", *steady.words("run", 10), options=options
    )
    command = [str(word) for word in tracing.args]  # type: ignore[union-attr]
    finish(tracing)
    environment = {**os.environ, **any_engine.environment}
    done = subprocess.run(
        ["sh", "-c", prefix, "sh", *command], check=False, capture_output=True, text=True, env=environment
    )
    assert done.returncode == 1 and not done.stdout
    assert "written" in done.stderr or "can't write" in done.stderr
    assert "Traceback" not in done.stderr


def test_closed_streams_are_not_taken_for_files(any_engine: Engine, steady: Target, tmp_path: Path) -> None:
    """With 0, 1 and 2 closed, no file of ours takes their place: what the target prints lands nowhere."""
    words = ["sh", "-c", 'echo forged; echo forged >&2; exec "$@"', "sh", *steady.words("run", 10)]
    file = tmp_path / "run.json"
    tracing = any_engine.start(
        f"uprobe:{steady.path}:work {{ @ = count() }}", "--", *words, options=["-o", str(file)]
    )
    command = [str(word) for word in tracing.args]  # type: ignore[union-attr]
    finish(tracing)
    file.unlink()
    closed = ["sh", "-c", 'exec "$@" <&- >&- 2>&-', "sh", *command]
    assert subprocess.run(closed, check=False, env={**os.environ, **any_engine.environment}).returncode == 0
    assert load(file.read_bytes()).maps[0].total == 10


@pytest.fixture
def small(request: pytest.FixtureRequest) -> Iterator[Path]:
    """A memory cgroup that is too small for an engine, whichever version of cgroups there is."""
    for parent, limit in (("/sys/fs/cgroup/memory", "memory.limit_in_bytes"), ("/sys/fs/cgroup", "memory.max")):
        folder = Path(parent) / f"tracekit-{secrets.token_hex(8)}"
        with contextlib.suppress(OSError):
            folder.mkdir()
        if not (folder / limit).exists():  # there is no such hierarchy, or only a folder of that name
            if folder.is_dir():
                folder.rmdir()
            continue
        (folder / limit).write_text(str(request.param << 20))
        yield folder
        inside = folder / "cgroup.procs"
        until(lambda: not inside.read_text(), 10)  # noqa: B023, it is called here and no later
        folder.rmdir()
        return
    pytest.skip("no memory cgroup can be made here")


@pytest.mark.parametrize("small", [16, 40], indirect=True)
def test_little_memory(engine: Engine, steady: Target, small: Path) -> None:
    """With too little memory there is an error, or a result that is whole or marked; the target lives."""
    process = steady.serve(100)
    words = engine.start(
        f"uprobe:{steady.path}:work {{ @ = count() }}", "-p", process.pid, options=["--duration", "1"]
    )
    command = [str(word) for word in words.args]  # type: ignore[union-attr]
    words.kill()
    finish(words)
    inside = ["sh", "-c", 'echo $$ > "$0" && exec "$@"', str(small / "cgroup.procs"), *command]
    done = subprocess.run(
        inside,
        check=False,
        capture_output=True,
        text=True,
        env={**os.environ, **engine.environment},
        timeout=110,
    )
    if done.returncode == 0:
        assert load(done.stdout).complete
    else:
        assert not done.stdout or not load(done.stdout).complete
        assert (
            done.returncode < 0
            or "tracekit: " in done.stderr
            or "INCOMPLETE" in done.stderr
            or "not whole" in done.stderr
        )
    assert "Traceback (most" not in done.stderr
    assert steady.stop() == 0
