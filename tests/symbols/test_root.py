"""Paths in another root folder, whose links are made for it, or against us."""

import os

import pytest

from tracekit.symbols.root import Root


@pytest.fixture
def root(tmp_path):
    """A folder with a file, and a root with links of every kind beside it."""
    (tmp_path / "secret").write_text("ours")
    below = tmp_path / "root"
    (below / "etc").mkdir(parents=True)
    (below / "etc" / "file").write_text("theirs")
    for name, target in (
        ("absolute", "/etc/file"),
        ("chain", "/absolute"),
        ("up", "../../../../etc/file"),
        ("folder", "/etc"),
        ("escape", "../secret"),
        ("passwd", "/etc/passwd"),
        ("magic", f"/proc/{os.getpid()}/root/etc/passwd"),
        ("loop", "loop"),
    ):
        (below / name).symlink_to(target)
    os.mkfifo(below / "fifo")
    return Root(str(below), "process 1")


@pytest.mark.parametrize(
    "path", ["/etc/file", "etc/file", "absolute", "/chain", "up", "/folder/file", "../etc/file"]
)
def test_links_mean_files_below(root, path):
    """Absolute links, and those that climb too high, mean what they mean to a process with this root."""
    descriptor = root.open(path)
    assert os.read(descriptor, 99) == b"theirs"
    assert root.name_of(descriptor) == "/etc/file"
    os.close(descriptor)


@pytest.mark.parametrize(
    "path", ["escape", "passwd", "magic", "loop", "fifo", "etc", "/secret", "../secret", "etc/file\0x"]
)
def test_nothing_else_is_opened(root, path):
    """A link that leads out, one of /proc's, a pipe and a folder are refused; nothing waits for a writer."""
    with pytest.raises(OSError):
        root.open(path)
