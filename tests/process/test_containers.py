"""Containers by the words of engines and by cgroups."""

import json
import os
import subprocess

import pytest

from tracekit.errors import TargetError, UsageError
from tracekit.process.cgroups import container_names, is_meant
from tracekit.process.containers import find_container

ID = "0123456789abcdef" * 4


@pytest.mark.parametrize(
    ("path", "names"),
    [
        ("/", []),
        (f"/docker/{ID}", [ID]),
        (f"/system.slice/docker-{ID}.scope", [ID]),
        (f"/machine.slice/libpod-{ID}.scope/container", [ID]),
        (f"/machine.slice/libpod-conmon-{ID}.scope", []),
        (f"/kubepods/besteffort/pod8a5f3e50-1c3b-4c6d-8e7f-5d7f6e0a9b1c/{ID}", [ID]),
        (f"/kubepods.slice/kubepods-pod1.slice/cri-containerd-{ID}.scope", [ID]),
        (f"/kubepods.slice/kubepods-pod1.slice/crio-{ID}.scope/x", [ID]),
        (f"/kubepods.slice/kubepods-pod1.slice/crio-conmon-{ID}.scope", []),
        ("/machine.slice/machine-my\\x2dbox.scope", ["my-box"]),
        ("/machine.slice/systemd-nspawn@box.service/payload", ["box"]),
        ("/lxc.payload.web/init.scope", ["web", "init"]),
        ("/lxc.monitor.web", []),
        ("/lxc/web", ["web"]),
        ("/system.slice/nginx.service/worker", ["nginx"]),
    ],
)
def test_names_of_cgroups(path, names):
    """What engines and systemd call their cgroups gives the container's name or id; monitors are none."""
    assert [name for name, _ in container_names(path)] == names


def test_beginning_of_an_id():
    """An id is meant by its first 12 digits, not by fewer, and a name only by all of it."""
    assert is_meant(ID, ID[:12])
    assert not is_meant(ID, ID[:11])
    assert is_meant("nginx", "nginx.service")
    assert not is_meant("nginx", "ngin")


@pytest.fixture
def engines(tmp_path, monkeypatch):
    """A function that puts an engine on the PATH that says something of the container ``web`` only."""

    def install(name, said, words="inspect --type container web"):
        path = tmp_path / name
        path.write_text(f'#!/bin/sh\n[ "$*" = "{words}" ] && cat {path}.json\nexit 1\n')
        path.chmod(0o755)
        path.with_name(f"{name}.json").write_text(said if isinstance(said, str) else json.dumps(said))

    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    for name in ("docker", "podman"):
        install(name, "[]")
    return install


@pytest.fixture
def inner():
    """The first process of a pid namespace, by the id that it has out here, and another one in it."""
    if os.geteuid() != 0:
        pytest.skip("making a pid namespace needs root")
    command = ["unshare", "--pid", "--fork", "--kill-child", "sh", "-c", "sleep 600 & wait"]
    with subprocess.Popen(command, start_new_session=True) as outer:
        found = []
        while len(found) < 2:
            pid = outer.pid if not found else found[0]
            with open(f"/proc/{pid}/task/{pid}/children") as children:
                found += children.read().split()
        yield [int(pid) for pid in found]
        outer.kill()


@pytest.mark.parametrize(
    ("engine", "words", "said"),
    [
        ("docker", "inspect --type container web", '[{{"Id": "x", "State": {{"Pid": {}}}}}]'),
        ("podman", "inspect --type container web", '[{{"Id": "x", "State": {{"Pid": {}}}}}]'),
        ("crictl", "inspect --output json web", '{{"status": {{"id": "x"}}, "info": {{"pid": {}}}}}'),
        ("machinectl", "show --property=Leader web", "Leader={}\n"),
        ("lxc-info", "--name web --pid --no-humanize", "{}\n"),
        ("incus", "query /1.0/instances/web/state", '{{"pid": {}}}'),
    ],
)
def test_engines(engine, words, said, engines, inner):
    """Each engine's word for the first process is understood; the others are those in its pid namespace."""
    engines(engine, said.format(inner[0]), words)
    found = find_container("web")
    assert (found.engine, found.init, sorted(found.pids)) == (engine, inner[0], sorted(inner))


def test_two_engines(engines, inner):
    """A name that means different processes to two engines is refused, and both are listed."""
    engines("docker", [{"Id": ID, "State": {"Pid": inner[0]}}])
    engines("podman", [{"Id": "f" * 64, "State": {"Pid": inner[1]}}])
    with pytest.raises(UsageError, match="several containers are meant by web") as caught:
        find_container("web")
    assert f"docker: process {inner[0]} 0123456789ab" in caught.value.hint
    assert f"podman: process {inner[1]} ffffffffffff" in caught.value.hint


def test_an_engine_of_another_machine(engines):
    """A process that is in no container here is not believed to be one's, as of a docker that is elsewhere."""
    engines("docker", [{"Id": ID, "State": {"Pid": os.getpid()}}])
    with pytest.raises(
        TargetError, match=f"docker says that web is process {os.getpid()}, which is in no container"
    ):
        find_container("web")


def test_a_container_that_is_stopped(engines):
    """One that an engine knows and that doesn't run is said to be so."""
    engines("docker", [{"Id": ID, "State": {"Pid": 0}}])
    with pytest.raises(TargetError, match="the container web doesn't run"):
        find_container("web")


@pytest.mark.parametrize(
    "said", ["", "null", "[1]", "{", '[{"State": 3}]', '[{"Id": 1, "State": {"Pid": "7"}}]']
)
def test_an_engine_that_says_nonsense(said, engines):
    """What can't be understood is no answer, or one without a process."""
    engines("docker", said)
    with pytest.raises(TargetError, match=r"there is no container web here|the container web doesn't run"):
        find_container("web")
