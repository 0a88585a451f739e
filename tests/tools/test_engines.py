"""The pure parts of tools/engines.py: nothing is downloaded, mounted or traced here."""

import os
import subprocess
from pathlib import Path

import pytest

from tools import engines

TRACING = ["bpftrace-trixie", "bpftrace-sid", "dtrace-sid"]
GDBS = [f"{package}-{suite}" for suite in ("bookworm", "trixie", "sid") for package in ("gdb", "gdb-multiarch")]
FOLDERS = ["gdb-bookworm", "gdb-sid", "gdb-trixie", "sid", "trixie"]


def program(path: Path, script: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)


@pytest.fixture
def host(tmp_path, monkeypatch):
    """A folder whose programs come first in PATH, with a bpftrace in it."""
    program(tmp_path / "host/bpftrace", "echo bpftrace v0.17.0")
    monkeypatch.setenv("PATH", f"{tmp_path}/host:{os.environ['PATH']}")
    monkeypatch.setattr(engines, "BOUND", [])
    return tmp_path / "host"


@pytest.fixture
def kit(tmp_path, monkeypatch, host):
    """The path of a kit that isn't there yet, as root sees it."""
    monkeypatch.setenv("TRACEKIT_ENGINES", f"{tmp_path}/kit")
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setattr(engines, "refuse_if_mounted", lambda kit: None)
    monkeypatch.setattr(engines, "mirror", lambda: "http://mirror.invalid/debian")
    monkeypatch.setattr(engines, "find_keyring", lambda work: work / "keyring")
    return tmp_path / "kit"


def fake_build(kit, folder, source, keyring):
    """Makes a folder whose engines are scripts; its wrappers then start those directly."""
    (kit / folder).mkdir()
    for name, _, of in engines.ENGINES:
        if of == folder:
            program(kit / "bin" / name, f"echo {name.split('-')[0]} v9.{len(folder)}.1")


@pytest.fixture
def full_kit(kit, monkeypatch):
    monkeypatch.setattr(engines, "build", fake_build)
    assert engines.main(["up"]) == 0
    return kit


@pytest.mark.parametrize(
    ("text", "version"),
    [
        ("bpftrace v0.17.0\n", "0.17.0"),
        ("bpftrace v0.27.1-12-g0abc1.2\n", "0.27.1"),
        ("dtrace: D 2.0.7\n", "2.0.7"),
        ("dtrace: Sun D 1.13\n", "1.13"),
        ("18.1\n", "18.1"),
        ("Debian 13.1-3\n", "13.1"),
        ("", ""),
        ("bpftrace\n", ""),
        ("usage: bpftrace [-32|-64]\n", ""),
    ],
)
def test_version(text, version):
    assert engines.parse_version(text) == version


def test_list_is_name_path_version(full_kit, host, capsys):
    capsys.readouterr()
    assert engines.main(["list"]) == 0
    assert capsys.readouterr().out.splitlines() == [
        f"system\t{host}/bpftrace\t0.17.0",
        f"bpftrace-trixie\t{full_kit}/bin/bpftrace-trixie\t9.6.1",
        f"bpftrace-sid\t{full_kit}/bin/bpftrace-sid\t9.3.1",
        f"dtrace-sid\t{full_kit}/bin/dtrace-sid\t9.3.1",
        *(f"{name}\t{full_kit}/bin/{name}\t9.{len('gdb-' + name.split('-')[-1])}.1" for name in GDBS),
    ]
    assert [engine.name for engine in engines.engines()] == ["system", *TRACING, *GDBS]


def test_list_without_a_kit(kit, host):
    assert engines.engines() == [engines.Engine("system", host / "bpftrace", "0.17.0")]


@pytest.mark.parametrize("script", ["echo no library >&2; exit 127", "exit 1", "echo hello"])
def test_engine_that_does_not_run_is_not_listed(full_kit, capsys, script):
    program(full_kit / "bin/bpftrace-sid", script)
    assert "bpftrace-sid" not in [engine.name for engine in engines.engines()]
    capsys.readouterr()
    assert engines.main(["status"]) == 0
    line = capsys.readouterr().out.splitlines()[2]
    assert line.startswith("bpftrace-sid ")
    assert ("no library" if "library" in script else "does not say its version") in line


def test_up_fails_when_a_finished_engine_does_not_run(full_kit, capsys, monkeypatch):
    monkeypatch.setattr(engines, "write_programs", lambda kit: None)
    program(full_kit / "bin/dtrace-sid", "exit 1")
    assert engines.main(["up"]) == 1
    assert (
        capsys.readouterr().err == "engines: Set up, but not running: dtrace-sid; `down` and `up` may help.\n"
    )


def test_partial_suite_is_not_taken_for_complete(full_kit):
    (full_kit / "sid").rename(full_kit / "sid.x1y2.partial")
    assert [engine.name for engine in engines.engines()] == ["system", "bpftrace-trixie", *GDBS]


def test_up_builds_only_what_is_missing_and_clears_leftovers(full_kit, monkeypatch):
    built = []
    monkeypatch.setattr(engines, "write_programs", lambda kit: None)
    monkeypatch.setattr(
        engines, "build", lambda kit, suite, *_: (built.append(suite), fake_build(kit, suite, *_))
    )
    assert engines.main(["up"]) == 0
    assert built == []
    (full_kit / "sid").rename(full_kit / "sid.x1y2.partial")
    assert engines.main(["up"]) == 0
    assert built == ["sid"]
    assert sorted(os.listdir(full_kit)) == [engines.MARKER, "bin", *FOLDERS]


def test_failed_up_leaves_nothing(kit, monkeypatch, capsys):
    def build(kit, suite, *_):
        (kit / f"{suite}.x.partial").mkdir()
        raise engines.EnginesError(f"no {suite} today")

    monkeypatch.setattr(engines, "build", build)
    assert engines.main(["up"]) == 1
    assert capsys.readouterr().err == "engines: no trixie today\n"
    assert not kit.exists()


def test_one_suite_fails_the_other_stays(kit, monkeypatch, capsys):
    def build(kit, suite, *_):
        if suite == "trixie":
            raise engines.EnginesError("no trixie today")
        fake_build(kit, suite, *_)

    monkeypatch.setattr(engines, "build", build)
    assert engines.main(["up"]) == 1
    assert [engine.name for engine in engines.engines()] == ["system", *TRACING[1:], *GDBS]


@pytest.mark.parametrize("command", ["up", "down"])
def test_refuses_when_not_root(kit, monkeypatch, capsys, command):
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    assert engines.main([command]) == 1
    assert capsys.readouterr().err == "engines: Setting up or removing the engines needs root.\n"
    assert not kit.exists()


@pytest.mark.parametrize("command", ["up", "down"])
def test_leaves_a_folder_of_others_alone(kit, capsys, command):
    (kit / "bin").mkdir(parents=True)
    (kit / "sid").mkdir()
    assert engines.main([command]) == 1
    assert "left alone" in capsys.readouterr().err
    assert sorted(os.listdir(kit)) == ["bin", "sid"]


def test_down_removes_everything(full_kit):
    (full_kit / "sid.x1y2.partial").mkdir()
    assert engines.main(["down"]) == 0
    assert not full_kit.exists()
    assert engines.main(["down"]) == 0


def test_down_keeps_what_others_put_there(full_kit):
    (full_kit / "notes").write_text("mine")
    assert engines.main(["down"]) == 0
    assert os.listdir(full_kit) == ["notes"]


def test_down_refuses_when_something_is_mounted(full_kit, monkeypatch, capsys):
    monkeypatch.undo()
    monkeypatch.setenv("TRACEKIT_ENGINES", str(full_kit))
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setattr(engines, "mounts_below", lambda folder, mountinfo: [f"{folder}/sid/usr/local"])
    assert engines.main(["down"]) == 1
    assert f"has {full_kit}/sid/usr/local mounted" in capsys.readouterr().err
    assert sorted(os.listdir(full_kit)) == [engines.MARKER, "bin", *FOLDERS]


@pytest.mark.parametrize(
    ("line", "found"),
    [
        ("36 35 8:1 / /var/kit/sid/proc rw - proc proc rw", ["/var/kit/sid/proc"]),
        ("36 35 8:1 /var/kit/sid/usr /usr rw,relatime - ext4 /dev/vda rw", ["/usr"]),
        ("36 35 8:1 / /var/kit rw - ext4 /dev/vdb rw", []),
        ("36 35 8:1 / /var/kit2/sid rw - ext4 /dev/vdb rw", []),
        ("36 35 8:1 / / rw - ext4 /dev/vda rw", []),
        ("", []),
    ],
)
def test_mounts_below(line, found):
    assert engines.mounts_below(Path("/var/kit"), line) == found


def test_mounts_below_a_folder_with_a_space():
    line = r"36 35 8:1 / /var/my\040kit/sid/dev rw - tmpfs tmpfs rw"
    assert engines.mounts_below(Path("/var/my kit"), line) == ["/var/my kit/sid/dev"]


def test_programs_are_written_once_and_quote_the_folder(tmp_path):
    kit = tmp_path / "it's a kit"
    kit.mkdir()
    engines.write_programs(kit)
    before = {path.name: path.stat().st_mtime_ns for path in (kit / "bin").iterdir()}
    engines.write_programs(kit)
    assert before == {path.name: path.stat().st_mtime_ns for path in (kit / "bin").iterdir()}
    assert set(before) == {"enter", *TRACING, *GDBS}
    for path in (kit / "bin").iterdir():
        subprocess.run(["/bin/sh", "-n", path], check=True)
        assert path.stat().st_mode & 0o777 == 0o755


def test_wrapper_hands_arguments_on_byte_for_byte(tmp_path, monkeypatch):
    monkeypatch.setattr(engines, "UNSHARE", ["/usr/bin/env"])
    kit = tmp_path / "it's a kit"
    kit.mkdir()
    engines.write_programs(kit)
    program(kit / "bin/enter", 'printf "%s\\0" "$@"')
    arguments = [b"-e", b"a  b", b"", b"'\"$HOME`", b"new\nline", b"\xff\\n", b"*"]
    out = subprocess.run([kit / "bin/bpftrace-sid", *arguments], capture_output=True, check=True).stdout
    assert out.split(b"\0") == [os.fsencode(kit / "sid"), b"/usr/bin/bpftrace", *arguments, b""]


@pytest.mark.parametrize(
    ("targets", "mirror"),
    [
        (
            "stable https://download.docker.com/linux/debian\nmain http://near/debian/\n",
            "http://near/debian",
        ),
        ("main http://near/debian-security\nmain https://near/debian\n", "https://near/debian"),
        ("main http://archive.ubuntu.com/ubuntu\n", "http://deb.debian.org/debian"),
        ("main cdrom:/debian\n", "http://deb.debian.org/debian"),
        ("", "http://deb.debian.org/debian"),
    ],
)
def test_mirror(host, tmp_path, targets, mirror):
    (tmp_path / "targets").write_text(targets)
    program(host / "apt-get", f"cat {tmp_path}/targets")
    assert engines.mirror() == mirror


def test_suites_before_the_merger_of_usr(tmp_path):
    """What a suite has in /lib is found in its /usr, links and all, and what was there stays."""
    for name in ("lib/arch/libc.so.6", "lib64/ld.so", "usr/lib/arch/libz.so.1"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(name)
    (tmp_path / "lib/arch/libc.so").symlink_to("libc.so.6")
    engines.merge_usr(tmp_path)
    assert os.listdir(tmp_path) == ["usr"]
    assert sorted(os.listdir(tmp_path / "usr/lib/arch")) == ["libc.so", "libc.so.6", "libz.so.1"]
    assert (tmp_path / "usr/lib/arch/libc.so").is_symlink()
    assert (tmp_path / "usr/lib64/ld.so").read_text() == "lib64/ld.so"


def test_gdb_is_asked_by_its_python():
    """A gdb tells its version by its own Python, which it must have."""
    assert engines.version_command("gdb-multiarch-sid", "/g")[1:] == engines.VERSION_OF_GDB
    assert engines.version_command("dtrace-sid", "/d") == ["/d", "-V"]
    assert engines.version_command("system", "/b") == ["/b", "--version"]


def test_apt_failure_is_one_sentence(host, tmp_path):
    program(host / "apt-get", "echo 'W: noise' >&2; echo 'E: no such place' >&2; echo 'E: more' >&2; exit 100")
    with pytest.raises(engines.EnginesError, match=r"^apt-get update failed: no such place$"):
        engines.apt_get(tmp_path, engines.OWN_LISTS + engines.OWN_SOURCE, "update")
    assert f'sourcelist "{tmp_path}/sources.list";' in (tmp_path / "apt.conf").read_text()
