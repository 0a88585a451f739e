"""Who asked for root: the user who called sudo, as whom a target runs and to whom our files belong."""

from __future__ import annotations

import contextlib
import os
import pwd
from collections.abc import Callable, Iterator, Mapping

from tracekit.process import capabilities
from tracekit.values import frozen

Step = tuple[str, Callable[[], object]]
"""As ``spawn`` takes it."""


@frozen
class User:
    """A user, as a login would set a process up for them.

    Attributes:
        uid: user id.
        gid: id of the primary group.
        groups: ids of all groups, the primary one among them.
        name: login name.
        home: home directory.
        shell: login shell.
    """

    uid: int
    gid: int
    groups: tuple[int, ...]
    name: str
    home: str
    shell: str = "/bin/sh"

    def environment(self, base: Mapping[str, str]) -> dict[str, str]:
        """An environment for the user's processes: sudo has put root's own home, name and shell into ours."""
        own = {"HOME": self.home, "USER": self.name, "LOGNAME": self.name, "SHELL": self.shell}
        kept = {name: value for name, value in base.items() if not name.startswith("SUDO_") and name != "MAIL"}
        return {**kept, **own}


def invoking_user() -> User | None:
    """The user who called sudo.

    ``SUDO_UID`` is believed only if the user database knows it, and ``SUDO_GID`` only if the user is in
    that group: the group is otherwise the user's primary one.

    Returns:
        The user; None if this isn't root, if root called sudo, or if nobody did.
    """
    try:
        uid = int(os.environ["SUDO_UID"])
        entry = pwd.getpwuid(uid)
    except (KeyError, ValueError, OverflowError):
        return None
    if os.geteuid() != 0 or uid == 0:
        return None
    groups = os.getgrouplist(entry.pw_name, entry.pw_gid)
    gid = entry.pw_gid
    with contextlib.suppress(KeyError, ValueError):
        if (claimed := int(os.environ["SUDO_GID"])) in groups:
            gid = claimed
    return _user(entry, gid, tuple(sorted({gid, *groups})))


def become(user: User) -> tuple[Step, ...]:
    """What a child does to be a user's process from then on: steps, as ``spawn`` takes them."""
    # Capabilities go with the change of user, unless whoever started us has set securebits (capabilities(7)).
    return (*take_ids(user), ("user", capabilities.drop_all))


def take_ids(user: User) -> tuple[Step, ...]:
    """Those of the steps that change user and groups, and leave capabilities to the kernel's rules."""
    return (
        ("user", lambda: os.setgroups(user.groups)),
        ("user", lambda: os.setgid(user.gid)),
        ("user", lambda: os.setuid(user.uid)),
    )


def nobody() -> User:
    """The user that owns nothing, to run what isn't to be trusted."""
    entry = pwd.getpwnam("nobody")
    return _user(entry, entry.pw_gid, (entry.pw_gid,))


def _user(entry: pwd.struct_passwd, gid: int, groups: tuple[int, ...]) -> User:
    """The user of an entry of the database, in these groups."""
    return User(entry.pw_uid, gid, groups, entry.pw_name, entry.pw_dir, entry.pw_shell or "/bin/sh")


@contextlib.contextmanager
def as_invoking_user() -> Iterator[None]:
    """Within the block, files are opened, made and deleted with the rights of the user who called sudo.

    Nothing that this user couldn't do is done then, whatever links there are in folders of theirs. Without
    sudo it changes nothing. The rights are those of the whole process, all its threads.
    """
    user = invoking_user()
    if user is None:
        yield
        return
    groups, gid = os.getgroups(), os.getegid()
    os.setgroups(user.groups)
    os.setegid(user.gid)
    os.seteuid(user.uid)
    try:
        yield
    finally:
        os.seteuid(0)
        os.setegid(gid)
        os.setgroups(groups)
