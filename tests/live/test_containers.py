"""Processes in containers, traced from outside: their own files, their own libraries, the right process."""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.live.boxes import CALLS, SUM, box, build, populate
from tools.engines import Engine

import tracekit as tk
from tracekit.errors import BinaryError, TargetError, UnsupportedError, UsageError

pytestmark = [
    pytest.mark.live,
    pytest.mark.skipif(os.geteuid() != 0, reason="making containers, and tracing them, needs root"),
]


@pytest.fixture(scope="session")
def other_libc(found_engines: dict[str, Engine]) -> Path | None:
    """A root folder with another C library than ours, if there is one: that of the kit's bpftrace."""
    found = found_engines.get("bpftrace-sid")
    return None if found is None else found.path.parent.parent / "sid"


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory, other_libc: Path | None) -> tuple[Path, Path]:
    """A root folder, and the path of the program in it; out here another program is at that path."""
    folder = tmp_path_factory.mktemp("box")
    program = build(folder / "srv")
    root = folder / "root"
    populate(root, program, other_libc)
    (root / "current").symlink_to(program.parent)
    build(folder / "srv", decoy=True)
    return root, program


@pytest.fixture
def inside(made: tuple[Path, Path], tmp_path: Path) -> tuple[Path, str]:
    """The same, in a root folder of this test's own."""
    root, program = made
    shutil.copytree(root, tmp_path / "root", symlinks=True)
    return tmp_path / "root", str(program)


@pytest.fixture(autouse=True)
def _no_calibrations(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("TRACEKIT_CALIBRATIONS", str(tmp_path / "calibrations"))


def traced(
    root: Path, target: tk.Pids | tk.Container, program: str, backend: str = "bpf", **settings: object
) -> tk.Result:
    """What is counted from the moment that the process is let go."""
    options = tk.Options(**settings)  # type: ignore[arg-type]
    backend = "gdb" if options.attach_gdb else backend
    with tk.start(tk.parse(program), target, backend=backend, options=options, interval=None) as session:
        (root / "tmp/go").touch()
        while session.running:
            session.wait(30)
        return session.stop()


def everything(app: str) -> str:
    """A program for a function of the program by its argument's name, of its library, and of its C library."""
    return (
        f"uprobe:{app}:served {{ @served[pid] = sum(v.len) }} "
        f"uprobe:libshop:shop {{ @shop = sum(arg0) }} "
        f"uprobe:libc:setenv {{ @libc = count() }}"
    )


def check(result: tk.Result, pid: int) -> None:
    """All calls were counted, and nothing else."""
    assert result.whole, result.losses
    assert list(result["served"].entries) == [(pid,)]
    assert (result.histogram("served", pid).count, result.histogram("served", pid).sum) == (CALLS, SUM)
    assert (result.histogram("shop").count, result.histogram("shop").sum) == (CALLS, SUM)
    assert result.histogram("libc").count == CALLS


def test_a_container(inside: tuple[Path, str], engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    """On every bpftrace all calls count, by the container's files, though others have their paths out here."""
    monkeypatch.setenv("TRACEKIT_BPFTRACE", str(engine.path))
    root, app = inside
    with box(root, app, str(CALLS), "/tmp/go") as pid:
        check(traced(root, tk.Pids([pid]), everything(app), "bpftrace"), pid)


@pytest.mark.parametrize(
    "flags", [("--cgroup",), (), ("--user", "--map-root-user")], ids=["mounts", "chroot", "user namespace"]
)
def test_other_kinds(inside: tuple[Path, str], flags: tuple[str, ...]) -> None:
    """So do they in a chroot, and in a user namespace, by an absolute link of the container's."""
    root, app = inside
    with box(root, app, str(CALLS), "/tmp/go", mode="pivot" if flags else "chroot", flags=flags) as pid:
        check(traced(root, tk.Pids([pid]), everything("/current/app")), pid)


def test_static(tmp_path: Path) -> None:
    """So do those of a static program in an otherwise empty root folder, by a path of the host's, too."""
    app = build(tmp_path / "srv", "-static")
    root = tmp_path / "root"
    populate(root, app, None)
    build(tmp_path / "srv", decoy=True)
    out_here = f"{root}{app}"
    program = f"uprobe:{app}:served {{ @in = sum(v.len) }} uprobe:{out_here}:served {{ @out = sum(v.len) }}"
    with box(root, str(app), str(CALLS), "/tmp/go") as pid:
        result = traced(root, tk.Pids([pid]), program)
    assert (result.histogram("in").sum, result.histogram("out").sum) == (SUM, SUM)


def test_replaced_and_deleted(inside: tuple[Path, str]) -> None:
    """A program that was replaced in its container, and a deleted library, are those that still run."""
    root, app = inside
    there = root / app.lstrip("/")
    with box(root, app, str(CALLS), "/tmp/go") as pid:
        there.unlink()
        shutil.copy(app, there)
        there.with_name("libshop.so").unlink()
        check(traced(root, tk.Pids([pid]), everything(app)), pid)


def test_gdb(inside: tuple[Path, str]) -> None:
    """gdb counts the same in a process whose C library is another than gdb's, and harms nothing."""
    root, app = inside
    program = (
        f"uprobe:{app}:served {{ @served[pid] = sum(v.len) }} uprobe:libshop:shop {{ @shop = sum(arg0) }} "
    )
    with box(root, app, str(CALLS), "/tmp/go", mode="chroot") as pid:
        result = traced(root, tk.Pids([pid]), program, attach_gdb=True)
    assert result.histogram("served", pid).sum == result.histogram("shop").sum == SUM


def test_gdb_does_not_wait_for_libraries(inside: tuple[Path, str]) -> None:
    """gdb refuses a library that the process hasn't loaded: it would look for it among the host's."""
    root, app = inside
    later = root / app.lstrip("/")
    shutil.copy(later.with_name("libshop.so"), later.with_name("liblater.so"))
    probe = f"uprobe:{Path(app).with_name('liblater.so')}:shop {{ @ = count() }}"
    with box(root, app, "1", "/tmp/go") as pid, pytest.raises(TargetError, match=r"has not mapped .*liblater"):
        traced(root, tk.Pids([pid]), probe, attach_gdb=True)


def test_calibrate(inside: tuple[Path, str]) -> None:
    """A run under gdb confirms arguments in a container, with the container's own binary."""
    root, app = inside
    with box(root, app, "100000000", "/tmp/go") as pid:
        (root / "tmp/go").touch()
        found = tk.calibrate(app, "served", tk.Pids([pid]), hits=4)
        assert Path(f"/proc/{pid}/comm").read_text() == "waiting\n"
    assert found.samples is not None
    assert (len(found.samples.hits), found.contradicted) == (4, False)
    assert found.calibration.argument("v").verdict.at_least(tk.Verdict.HIGH)


def test_dtrace_refuses(
    inside: tuple[Path, str], found_engines: dict[str, Engine], monkeypatch: pytest.MonkeyPatch
) -> None:
    """dtrace, which opens files by their paths, is refused before it is started."""
    if "dtrace-sid" not in found_engines:
        pytest.skip("there is no dtrace here: 'make engines' sets it up")
    root, app = inside
    monkeypatch.setenv("TRACEKIT_DTRACE", str(found_engines["dtrace-sid"].path))
    program = tk.parse(f"uprobe:{app}:served {{ @ = count() }}")
    with box(root, app, "1", "/tmp/go") as pid, pytest.raises(UnsupportedError, match="another root folder"):
        tk.start(program, tk.Pids([pid]), backend="dtrace")


def test_other_files(inside: tuple[Path, str], tmp_path: Path) -> None:
    """A file that the process doesn't run is refused: one in the container, one out here, and none at all."""
    root, app = inside
    shutil.copy(root / app.lstrip("/"), root / "other")
    with box(root, app, "1", "/tmp/go") as pid:
        for path, kind, told in (
            ("/other", TargetError, f"none of the processes {pid} runs /other"),
            (os.path.relpath(app), BinaryError, "has another root folder, and no"),
            ("/bin/true", BinaryError, "has another root folder, and no /bin/true in it"),
            ("libmissing", BinaryError, "has another root folder, and no libmissing"),
        ):
            with pytest.raises(kind, match=told) as caught:
                tk.start(tk.parse(f"uprobe:{path}:served {{ @ = count() }}"), tk.Pids([pid]))
            assert app in caught.value.hint


def test_two_libraries_of_a_name(inside: tuple[Path, str]) -> None:
    """A name without a folder that two loaded files have is refused, with their paths."""
    root, app = inside
    first, second = (root / app.lstrip("/")).with_name("libshop.so"), root / "other/libshop.so"
    second.parent.mkdir()
    shutil.copy(first, second)
    program = tk.parse("uprobe:libshop:shop { @ = count() }")
    with (
        box(root, app, "1", "/tmp/go", preload="/other/libshop.so") as pid,
        pytest.raises(TargetError, match=f"process {pid} has several files that libshop may mean") as caught,
    ):
        tk.start(program, tk.Pids([pid]))
    assert "/other/libshop.so" in caught.value.hint


def test_indirect_functions_are_not_run(inside: tuple[Path, str]) -> None:
    """Which strchr a container's C library chooses is not asked: that would run its code out here."""
    root, app = inside
    with (
        box(root, app, "1", "/tmp/go") as pid,
        pytest.raises(BinaryError, match="from outside of the container"),
    ):
        tk.start(tk.parse("uprobe:libc:strchr { @ = count() }"), tk.Pids([pid]))


def test_two_containers(inside: tuple[Path, str]) -> None:
    """Processes with different files of one name are refused together."""
    root, app = inside
    second = root.with_name("second")
    shutil.copytree(root, second, symlinks=True)
    program = tk.parse(f"uprobe:{app}:served {{ @ = count() }}")
    with (
        box(root, app, "1", "/tmp/go") as one,
        box(second, app, "1", "/tmp/go") as two,
        pytest.raises(TargetError, match=f"processes {one} and {two} have different files as {app}"),
    ):
        tk.start(program, tk.Pids([one, two]))


@pytest.fixture
def cgroup() -> Iterator[Path]:
    """A new cgroup of Docker's naming, in the first hierarchy in which there can be one."""
    digits = f"{os.getpid():x}".rjust(12, "a") + "0123456789abcdef0123456789abcdef0123456789abcdef0123"
    for hierarchy in ("", "unified", "pids"):
        folder = Path("/sys/fs/cgroup") / hierarchy / f"docker-{digits}.scope"
        try:
            folder.mkdir()
        except OSError:
            continue
        if not (folder / "cgroup.procs").exists():
            folder.rmdir()  # where version 1 has its hierarchies
            continue
        yield folder
        while (folder / "cgroup.procs").read_text():
            time.sleep(0.01)  # killed processes are in it a moment longer
        folder.rmdir()
        return
    pytest.skip("no cgroup can be made here")


@pytest.fixture
def bystander() -> Iterator[int]:
    """A process that does nothing."""
    process = subprocess.Popen(["sleep", "600"])
    yield process.pid
    process.kill()
    process.wait()


def test_functions(inside: tuple[Path, str], cgroup: Path) -> None:
    """Functions are found in the files of a container, by its paths and library names."""
    root, app = inside
    name = cgroup.name.removeprefix("docker-")[:12]
    with box(root, app, "1", "/tmp/go") as pid:
        (cgroup / "cgroup.procs").write_text(str(pid))
        for target in (tk.Pids([pid]), tk.Container(name)):
            (served,) = tk.functions(app, "served", target=target).functions
            assert served.traceable and "served(" in served.signature
            assert tk.functions("libshop", "shop", target=target).functions[0].name == "shop"


def test_by_id(inside: tuple[Path, str], cgroup: Path, bystander: int) -> None:
    """By the beginning of its id a container is found without an engine; what runs the program counts."""
    root, app = inside
    name = cgroup.name.removeprefix("docker-")[:12]
    with box(root, app, str(CALLS), "/tmp/go") as one, box(root, app, str(CALLS), "/tmp/go") as two:
        for pid in (one, two, bystander):
            (cgroup / "cgroup.procs").write_text(str(pid))
        result = traced(root, tk.Container(name), f"uprobe:{app}:served {{ @[pid] = sum(v.len) }}")
        assert set(result[""].entries) == {(one,), (two,)}
        assert all(h.sum == SUM for h in result[""].entries.values())
        assert any(note.startswith(f"of the container {name} (cgroups) these count: ") for note in result.notes)


def test_a_cgroup_of_another_container(inside: tuple[Path, str], cgroup: Path, bystander: int) -> None:
    """A container that names a cgroup of its own as another container is no part of that: both are listed."""
    root, app = inside
    name = cgroup.name.removeprefix("docker-")[:12]
    forged = cgroup.with_name(f"docker-{'f' * 64}.scope") / cgroup.name
    with box(root, app, "1", "/tmp/go") as pid:
        forged.mkdir(parents=True)
        try:
            (forged / "cgroup.procs").write_text(str(bystander))
            (cgroup / "cgroup.procs").write_text(str(pid))
            with pytest.raises(UsageError, match=f"several containers are meant by {name}") as caught:
                traced(root, tk.Container(name), f"uprobe:{app}:served {{ @ = count() }}")
        finally:
            (forged.parent.parent / "cgroup.procs").write_text(str(bystander))
            forged.rmdir()
            forged.parent.rmdir()
    assert f"process {pid}" in caught.value.hint
    assert f"process {bystander}" in caught.value.hint


def test_unknown_container(cgroup: Path, bystander: int) -> None:
    """A name that no container has is refused with those that there are; what can't be a name, at once."""
    (cgroup / "cgroup.procs").write_text(str(bystander))
    program = tk.parse("uprobe:/bin/true:main { @ = count() }")
    with pytest.raises(TargetError, match="there is no container nosuch here") as caught:
        tk.start(program, tk.Container("nosuch"))
    assert cgroup.name.removeprefix("docker-")[:12] in caught.value.hint
    for name in ("", "-x", "a b", "../x", "a;id", "a\n"):
        with pytest.raises(UsageError, match="can't be a container's name"):
            tk.start(program, tk.Container(name))
