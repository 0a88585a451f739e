"""An ordinary user of this machine, for as long as a test needs one."""

from __future__ import annotations

import os
import pwd
import secrets
import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import attrs
import pytest

import tracekit

SECONDS = 120
"""How long a command may take."""


@attrs.frozen
class OtherUser:
    """A user that was made here.

    Attributes:
        name: login name.
        uid: user id.
        home: home directory.
        python: a Python that the user may execute, with what tracekit needs on its path.
        path: the user's PATH.
    """

    name: str
    uid: int
    home: Path
    python: str
    path: str = os.defpath + ":/usr/sbin:/sbin"

    @property
    def environment(self) -> dict[str, str]:
        """What a login would give, and where tracekit and the engines are."""
        source = Path(tracekit.__file__).parent.parent
        kept = {
            n: v for n, v in os.environ.items() if n.startswith("TRACEKIT_") and n != "TRACEKIT_CALIBRATIONS"
        }
        return {
            **kept,
            "PATH": self.path,
            "HOME": str(self.home),
            "USER": self.name,
            "LOGNAME": self.name,
            "SHELL": "/bin/sh",
            "PYTHONPATH": f"{source}:{sysconfig.get_path('purelib')}",
            "PYTHONDONTWRITEBYTECODE": "1",
        }

    def start(self, argv: Sequence[str | Path]) -> subprocess.Popen[str]:
        """Start a command as a login of the user would, in the user's home."""
        found = pwd.getpwuid(self.uid)
        return subprocess.Popen(
            argv,
            user=self.uid,
            group=found.pw_gid,
            extra_groups=os.getgrouplist(self.name, found.pw_gid),
            umask=0o022,
            cwd=self.home,
            env=self.environment,
            text=True,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )

    def run(self, argv: Sequence[str | Path]) -> subprocess.CompletedProcess[str]:
        """Run it to its end."""
        with self.start(argv) as process:
            out, err = process.communicate(timeout=SECONDS)
        return subprocess.CompletedProcess(argv, process.returncode, out, err)

    def tracekit(self, *words: str | Path) -> list[str | Path]:
        """The command of tracekit with some arguments."""
        return [self.python, "-m", "tracekit", *words]

    @contextmanager
    def sudoers(self, rule: str) -> Iterator[None]:
        """For the block, what sudo lets the user do."""
        path = Path("/etc/sudoers.d") / self.name
        path.touch(mode=0o440)
        try:
            path.write_text(f"{self.name} ALL=(root) {rule}\n")
            yield
        finally:
            path.unlink()

    @contextmanager
    def doas(self) -> Iterator[None]:
        """For the block, doas lets the user do everything, and nobody else anything."""
        path = Path("/etc/doas.conf")
        former = path.read_bytes() if path.exists() else None
        path.touch(mode=0o600)
        try:
            path.write_text(f"permit nopass {self.name} as root\n")
            yield
        finally:
            path.unlink() if former is None else path.write_bytes(former)

    def only(self, *programs: str) -> OtherUser:
        """The same user with a PATH that has these programs only."""
        folder = self.home / "-".join(programs)
        folder.mkdir()
        for program in programs:
            (folder / program).symlink_to(shutil.which(program) or program)
        return attrs.evolve(self, path=str(folder))


def python_for(uid: int) -> str:
    """A Python of our version that a user may execute, or the reason to skip the test."""
    for found in (sys.executable, f"/usr/bin/python3.{sys.version_info.minor}"):
        argv = [found, "-c", "import tracekit, click, attrs"]
        source = Path(tracekit.__file__).parent.parent
        path = f"{source}:{sysconfig.get_path('purelib')}"
        try:
            done = subprocess.run(
                argv,
                user=uid,
                group=uid,
                extra_groups=[],
                env={"PYTHONPATH": path},
                cwd="/",
                capture_output=True,
            )
        except OSError:
            continue
        if done.returncode == 0:
            return found
    pytest.skip("an ordinary user can't read this Python and tracekit, and there is no other of this version")


@contextmanager
def other_user() -> Iterator[OtherUser]:
    """A new user, in a group of its own and in one more, who is gone after the block."""
    for program in ("useradd", "userdel"):
        if not shutil.which(program, path=os.defpath + ":/usr/sbin"):
            pytest.skip(f"there is no {program} to make a user with")
    name = f"tk{secrets.token_hex(4)}"
    subprocess.run(["useradd", "--create-home", "--groups", "games", name], check=True)
    try:
        found = pwd.getpwnam(name)
        yield OtherUser(name, found.pw_uid, Path(found.pw_dir), python_for(found.pw_uid))
    finally:
        subprocess.run(["userdel", "--remove", name], check=True, capture_output=True)
