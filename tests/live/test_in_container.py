"""tracekit itself in a pid namespace, as in a container: the right process is counted, or it is refused."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from tests.live.boxes import CALLS, build
from tools.engines import Engine

pytestmark = [
    pytest.mark.live,
    pytest.mark.skipif(os.geteuid() != 0, reason="making namespaces, and tracing in them, needs root"),
]

SCRIPT = """
import json
import pathlib
import subprocess
import sys

import tracekit as tk

app, go, backend, *asked = sys.argv[1:]
program = tk.parse(f"uprobe:{app}:served {{ @[pid] = count() }}")
start = [app, "500", go]
said = {}


def told(target, pid=None):
    pathlib.Path(go).unlink(missing_ok=True)
    try:
        options = tk.Options(attach_gdb=backend == "gdb" and pid is not None)
        with tk.start(program, target(pid), backend=backend, options=options, interval=None) as session:
            pathlib.Path(go).touch()
            while session.running:
                session.wait(30)
            result = session.stop()
        ids = {session.pid or pid: result[""].total}
        assert {key: h.count for (key,), h in result[""].entries.items()} == ids, result
        return result[""].total
    except tk.TracekitError as error:
        return error.message
    finally:
        pathlib.Path(go).touch()


def comm(pid):
    return pathlib.Path(f"/proc/{str(pid).strip()}/comm").read_text().strip()


for kind in asked:
    match kind:
        case "command" | "follow":
            said[kind] = told(lambda _: tk.Command(start, follow=kind == "follow"))
        case "everything":
            try:
                with tk.start(program, tk.SystemWide(), backend=backend) as session:
                    subprocess.run(start)
                    result = session.stop()
                assert any("have the id 0" in note for note in result.notes), result
                said[kind] = result[""].total
            except tk.TracekitError as error:
                said[kind] = error.message
        case "pid":
            pathlib.Path(go).unlink(missing_ok=True)
            with subprocess.Popen(start) as there:
                while comm(there.pid) != "waiting":
                    pass
                said[kind] = told(lambda pid: tk.Pids([pid]), there.pid)
        case "nested":
            pathlib.Path(go).unlink(missing_ok=True)
            with subprocess.Popen(["unshare", "--pid", "--fork", "--kill-child", *start]) as outer:
                children = pathlib.Path(f"/proc/{outer.pid}/task/{outer.pid}/children")
                while not (found := children.read_text()) or comm(found) != "waiting":
                    pass
                said[kind] = told(lambda pid: tk.Pids([pid]), int(found))
                outer.kill()
print(json.dumps(said))
"""


@pytest.fixture(scope="session")
def app(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The program."""
    return build(tmp_path_factory.mktemp("in"))


def inside(app: Path, backend: str, *asked: str, proc: bool = True) -> dict[str, object]:
    """What becomes of some runs in a pid namespace: how many events, or why there is none."""
    mount = ["--mount-proc"] if proc else []
    arguments = [app, app.with_name("go"), backend, *asked]
    done = subprocess.run(
        ["unshare", "--mount", "--pid", "--fork", *mount, sys.executable, "-c", SCRIPT, *map(str, arguments)],
        check=True, capture_output=True, text=True, timeout=100,
    )  # fmt: skip
    found: dict[str, object] = json.loads(done.stdout)
    return found


def test_bpftrace(app: Path, engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    """bpftrace that asks for ids in its own namespace is exact; an older one would count 0 and is refused."""
    monkeypatch.setenv("TRACEKIT_BPFTRACE", str(engine.path))
    found = inside(app, "bpftrace", "command", "pid", "nested", "follow", "everything")
    assert "bpftrace isn't told the ids of a pid namespace within its own" in str(found.pop("nested"))
    assert "bpftrace can't do --follow in a container" in str(found.pop("follow"))
    if engine.name == "system" and found["command"] != CALLS:
        assert all("this version knows processes by the host's ids only" in str(f) for f in found.values())
    else:
        assert found == {"command": CALLS, "pid": CALLS, "everything": CALLS}


def test_our_own_programs(app: Path) -> None:
    """eBPF programs of our own ask for ids in our namespace, too, and are exact."""
    found = inside(app, "bpf", "command", "pid", "nested", "follow", "everything")
    assert "the kernel doesn't tell the ids of a pid namespace within one's own" in str(found.pop("nested"))
    assert "bpf can't do --follow in a container" in str(found.pop("follow"))
    assert found == {"command": CALLS, "pid": CALLS, "everything": CALLS}


def test_gdb(app: Path) -> None:
    """gdb counts exactly."""
    assert inside(app, "gdb", "command", "pid") == {"command": CALLS, "pid": CALLS}


def test_dtrace(app: Path, found_engines: dict[str, Engine], monkeypatch: pytest.MonkeyPatch) -> None:
    """dtrace is refused before it is started."""
    if "dtrace-sid" not in found_engines:
        pytest.skip("there is no dtrace here: 'make engines' sets it up")
    monkeypatch.setenv("TRACEKIT_DTRACE", str(found_engines["dtrace-sid"].path))
    assert "dtrace can't do a run in a container" in str(inside(app, "dtrace", "command")["command"])


def test_dtrace_in_a_user_namespace(
    app: Path, found_engines: dict[str, Engine], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Root of a user namespace only is no root for dtrace, which would count nothing."""
    if "dtrace-sid" not in found_engines:
        pytest.skip("there is no dtrace here: 'make engines' sets it up")
    monkeypatch.setenv("TRACEKIT_DTRACE", str(found_engines["dtrace-sid"].path))
    traced = ["-m", "tracekit", "trace", "--backend", "dtrace", str(app), "served", "count()", "--", str(app)]
    done = subprocess.run(
        ["unshare", "--user", "--map-root-user", sys.executable, *traced],
        check=False, capture_output=True, text=True, timeout=100,
    )  # fmt: skip
    assert (done.returncode, done.stdout) == (1, "")
    assert "these hold in a user namespace only" in done.stderr


def test_the_proc_of_another_namespace(app: Path) -> None:
    """Where /proc numbers processes otherwise than we do, nothing is started: it would be about others."""
    told = "the /proc here is that of another pid namespace than tracekit's own"
    assert inside(app, "bpftrace", "command", proc=False) == {"command": told}
