"""Who called sudo, and whose our files are."""

import os
import pwd

import pytest

from tracekit.process import User, chown_to_invoking, invoking_user

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


def owner(path):
    found = os.lstat(path)
    return found.st_uid, found.st_gid


def test_the_user_who_called_sudo(sudo):
    """All that a login would give comes from the user database."""
    sudo(NOBODY.pw_uid, NOBODY.pw_gid)
    groups = tuple(sorted(os.getgrouplist("nobody", NOBODY.pw_gid)))
    assert invoking_user() == User(NOBODY.pw_uid, NOBODY.pw_gid, groups, "nobody", NOBODY.pw_dir)


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
    """Root's home and names give way to the user's; the rest stays."""
    user = User(1, 1, (1,), "ann", "/home/ann")
    env = user.environment({"HOME": "/root", "USER": "root", "LOGNAME": "root", "LANG": "C"})
    assert env == {"HOME": "/home/ann", "USER": "ann", "LOGNAME": "ann", "LANG": "C"}


@pytest.mark.parametrize("way", ["path", "descriptor"])
def test_a_file_is_given_to_the_user(sudo, tmp_path, way):
    """By path or by descriptor, which stays open."""
    sudo(NOBODY.pw_uid)
    path = tmp_path / "result"
    with path.open("w") as file:
        chown_to_invoking(path if way == "path" else file.fileno())
        file.write("still open")
    assert owner(path) == (NOBODY.pw_uid, NOBODY.pw_gid)


def test_a_directory_is_given_to_the_user(sudo, tmp_path):
    """The directory alone, not what is in it."""
    sudo(NOBODY.pw_uid)
    (tmp_path / "dir").mkdir()
    (tmp_path / "dir" / "file").touch()
    chown_to_invoking(tmp_path / "dir")
    assert owner(tmp_path / "dir") == (NOBODY.pw_uid, NOBODY.pw_gid)
    assert owner(tmp_path / "dir" / "file") == (0, 0)


def test_without_sudo_files_stay(sudo, tmp_path):
    """A file of root's stays root's."""
    sudo(None)
    (tmp_path / "file").touch()
    chown_to_invoking(tmp_path / "file")
    assert owner(tmp_path / "file") == (0, 0)


def test_a_symbolic_link_gives_nothing_away(sudo, tmp_path):
    """One put in our file's place fails, and neither it nor the file behind it changes hands."""
    sudo(NOBODY.pw_uid)
    (tmp_path / "secret").touch()
    (tmp_path / "link").symlink_to("secret")
    with pytest.raises(OSError, match="symbolic links"):
        chown_to_invoking(tmp_path / "link")
    assert owner(tmp_path / "secret") == owner(tmp_path / "link") == (0, 0)


def test_other_files_are_not_given_away(sudo, tmp_path):
    """Neither a second name of a file, nor another user's file, nor a pipe changes hands."""
    sudo(NOBODY.pw_uid)
    (tmp_path / "secret").touch()
    os.link(tmp_path / "secret", tmp_path / "name")
    (tmp_path / "other").touch()
    os.chown(tmp_path / "other", 1, 1)
    os.mkfifo(tmp_path / "fifo")
    for name in ("name", "other", "fifo"):
        chown_to_invoking(tmp_path / name)
    assert [owner(tmp_path / name) for name in ("secret", "other", "fifo")] == [(0, 0), (1, 1), (0, 0)]
