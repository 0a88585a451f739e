"""What our own programs count in the kernel: all of it, as far as it was asked for, and what went wrong."""

from __future__ import annotations

import errno
import os
import shutil
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn

import pytest
from tests.leftovers import descriptors

import tracekit as tk
from tracekit.backends.bpf import kernel
from tracekit.backends.bpf.attaching import Attached
from tracekit.backends.bpf.programs import Fields, Whose
from tracekit.backends.bpf.run import BpfTracer
from tracekit.core.result import LossKind

pytestmark = [
    pytest.mark.live,
    pytest.mark.skipif(os.geteuid() != 0, reason="tracing needs root: run the tests as root"),
]


@pytest.fixture
def calls(binaries: Callable[[str], Path], tmp_path: Path) -> str:
    """A copy of the program that no other test's probes are in."""
    return str(shutil.copy(binaries("calls"), tmp_path / "calls"))


def run(program: str, *command: str, **options: int) -> tk.Result:
    return tk.run(tk.parse(program), tk.Command(command), backend="bpf", options=tk.Options(**options))


def test_memory_that_cannot_be_read_is_counted(calls: str) -> None:
    """Each read through a pointer that leads nowhere is 0, or empty, and one of the number that is told."""
    addresses = ("0", "1", "8", "100", "4000")
    program = f"uprobe:{calls}:value {{ @sum = sum(*(int64 *)arg0); @text[str(arg0)] = count() }}"
    result = run(program, calls, "values", *addresses)
    assert result.histogram("sum").sum == 0
    assert {key: h.count for key, h in result["text"].entries.items()} == {("",): len(addresses)}
    (loss,) = result.losses
    assert (loss.kind, loss.count) == (LossKind.APPROXIMATE, 2 * len(addresses))


@pytest.mark.parametrize("limit", [1, 12_345])
def test_so_many_events_and_no_more(calls: str, limit: int) -> None:
    """Of four threads at once exactly the first so many events count, in every map and every part of it."""
    program = f"uprobe:{calls}:value {{ @ = hist(arg0); @keys[arg0 & 3] = count() }}"
    result = run(program, calls, "threads", "4", "5000", max_events=limit)
    found = result.histogram("")
    assert found.count == sum(b.count for b in found.buckets) == result["keys"].total == limit
    assert result.complete


def test_events_that_came_amid_another_program_are_told(calls: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """What the kernel says it didn't run a program for, as it does amid another one, is missing.

    It says so itself; this stands for a kernel that is preempted, which can't be had at will.
    """
    monkeypatch.setattr(Attached, "missed", lambda _: 3)
    result = run(f"uprobe:{calls}:value {{ @ = count() }}", calls, "values", "7")
    assert not result.whole
    assert [(loss.kind, loss.count) for loss in result.losses] == [(LossKind.EVENTS, 3)]


def test_a_kernel_that_does_not_tell_of_them(calls: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Before 5.12 kernels know nothing of them, and refuse to be asked: the result says that nobody knows."""
    program = f"uprobe:{calls}:value {{ @ = count() }}"
    assert not run(program, calls, "values", "7").notes
    asked = kernel._bpf

    def older(command: int, attribute: bytes) -> int:
        if command == kernel._INFO:
            raise OSError(errno.E2BIG, os.strerror(errno.E2BIG))
        return asked(command, attribute)

    monkeypatch.setattr(kernel, "_bpf", older)
    result = run(program, calls, "values", "7")
    assert result.whole and result.histogram("").count == 1
    (note,) = result.notes
    assert "doesn't tell of events that come while a program is at work" in note


def test_maps_that_cannot_be_read_are_no_result(calls: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the kernel doesn't hand over what it counted, the result is incomplete and says why."""

    def refuse(*_: object) -> NoReturn:
        raise OSError(errno.ENOMEM, os.strerror(errno.ENOMEM))

    monkeypatch.setattr(kernel, "entries", refuse)
    result = run(f"uprobe:{calls}:value {{ @[arg0] = count() }}", calls, "values", "7")
    assert not result.complete and not result.maps
    assert [loss.message for loss in result.losses] == [
        "the kernel's maps could not be read: Cannot allocate memory"
    ]


def test_the_result_of_an_ended_target_does_not_wait(calls: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is whole while the kernel still takes the probes away; when the block ends they are gone."""
    go_on, detach = threading.Event(), Attached.detach
    monkeypatch.setattr(Attached, "detach", lambda self: go_on.wait(20) and detach(self))
    program = tk.parse(f"uprobe:{calls}:value {{ @ = count() }}")
    with tk.start(program, tk.Command([calls, "values", *"12345"]), backend="bpf") as session:
        while session.running:
            session.wait()
        result = session.finish()
        assert result.complete and result[""].total == 5 and links()
        go_on.set()
    assert not links() and session.result is result


def test_without_a_thread_it_waits(calls: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where no thread is to be had, the probes are taken away first."""

    def start(_: threading.Thread) -> NoReturn:
        raise RuntimeError("can't start new thread")

    program = tk.parse(f"uprobe:{calls}:value {{ @ = count() }}")
    with tk.start(program, tk.Command([calls, "values", *"12345"]), backend="bpf") as session:
        while session.running:
            session.wait()
        monkeypatch.setattr(threading.Thread, "start", start)
        result = session.finish()
        assert result.complete and result[""].total == 5 and not links()


def test_of_a_target_that_runs_the_probes_go_first(calls: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """What it has counted is read when nothing is added any more."""
    order: list[str] = []

    def noted(cls: type, name: str) -> None:
        method = getattr(cls, name)

        def call(*args: object, **kwargs: object) -> Any:
            order.append(name)
            return method(*args, **kwargs)

        monkeypatch.setattr(cls, name, call)

    noted(Attached, "detach")
    noted(BpfTracer, "_read")
    program = tk.parse(f"uprobe:{calls}:value {{ @ = count() }}")
    with tk.start(program, tk.Command(["sleep", "60"]), backend="bpf", interval=None) as session:
        session.finish()
    assert order[:2] == ["detach", "_read"]


def test_who_counts_is_kept_before_anything_does(calls: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """While the kernel places the probes, a process that counts may fork or end."""
    order: list[str] = []

    def noted(name: str) -> None:
        way = getattr(kernel, name)

        def call(*args: object, **kwargs: object) -> Any:
            descriptor = way(*args, **kwargs)  # what is only tried fails
            order.append(name)
            return descriptor

        monkeypatch.setattr(kernel, name, call)

    noted("raw_tracepoint")
    noted("attach_many")
    assert run(f"uprobe:{calls}:value {{ @ = count() }}", calls, "values", "1", "2", "3")[""].total == 3
    assert order == ["raw_tracepoint", "attach_many"]


def test_processes_that_were_followed_may_still_run() -> None:
    """That the first one has ended says nothing of those that it forked."""
    ended = os.posix_spawnp("true", ["true"], {})
    os.waitpid(ended, 0)
    tracer = BpfTracer.__new__(BpfTracer)
    found = []
    for follow in (None, Fields(child=0, flags=8, freed=0)):
        tracer._whose = Whose((ended,), follow, None)
        found.append(tracer._is_over())
    assert found == [True, False]


def links() -> list[str]:
    """What this process has in place in the kernel."""
    found = (
        os.readlink(f"/proc/self/fd/{fd}") for fd in descriptors() if os.path.exists(f"/proc/self/fd/{fd}")
    )
    return [name for name in found if name == "anon_inode:bpf_link"]
