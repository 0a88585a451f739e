"""Who called sudo, and whose our files are."""

import os
import pwd

import pytest

from tracekit.process import User, invoking_user

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="only root can have been called by sudo")

NOBODY = pwd.getpwnam("nobody")


@pytest.fixture
def sudo(monkeypatch):
    """A function that sets the variables which sudo sets."""

    def by(uid, gid=None):
        for name, value in (("SUDO_UID", uid), ("SUDO_GID", gid)):
            if value is None:
                monkeypatch.delenv(name, raising=False)
            else:
                monkeypatch.setenv(name, str(value))

    return by


def test_the_user_who_called_sudo(sudo):
    """All that a login would give comes from the user database."""
    sudo(NOBODY.pw_uid, NOBODY.pw_gid)
    groups = tuple(sorted(os.getgrouplist("nobody", NOBODY.pw_gid)))
    assert invoking_user() == User(
        NOBODY.pw_uid, NOBODY.pw_gid, groups, "nobody", NOBODY.pw_dir, NOBODY.pw_shell
    )


@pytest.mark.parametrize("gid", [None, 0, "x", "", 1 << 40])
def test_a_group_that_is_not_the_users(sudo, gid):
    """A group that the user isn't in, root's for one, isn't taken from the environment."""
    sudo(NOBODY.pw_uid, gid)
    user = invoking_user()
    assert user.gid == NOBODY.pw_gid and 0 not in user.groups


@pytest.mark.parametrize("uid", [None, 0, "", "x", "-1", "4000000001", 1 << 70])
def test_nobody_called_sudo(sudo, uid):
    """Without a variable, or with root's or a senseless one, there is nobody to be."""
    sudo(uid, 0)
    assert invoking_user() is None


def test_one_who_is_not_root(sudo):
    """A user to whom sudo has given another user's rights, not root's, can't become anybody."""
    sudo(NOBODY.pw_uid)
    os.seteuid(1)
    try:
        assert invoking_user() is None
    finally:
        os.seteuid(0)


def test_environment():
    """Root's home, names and shell give way to the user's, sudo's own variables go, and the rest stays."""
    user = User(1, 1, (1,), "ann", "/home/ann", "/bin/zsh")
    roots = {"HOME": "/root", "USER": "root", "LOGNAME": "root", "SHELL": "/bin/bash", "MAIL": "/var/mail/root"}
    env = user.environment({**roots, "SUDO_UID": "1", "SUDO_COMMAND": "tracekit", "LANG": "C"})
    own = {"HOME": "/home/ann", "USER": "ann", "LOGNAME": "ann", "SHELL": "/bin/zsh"}
    assert env == {**own, "LANG": "C"}
