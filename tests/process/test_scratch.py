"""A folder that nothing of is left, whatever ends us."""

import os
import signal
import subprocess

import pytest

from tracekit.process import scratch, scratch_folder

USE = (
    "import os, sys, time\n"
    "from tracekit.process import scratch_folder\n"
    "with scratch_folder() as folder:\n"
    "    os.makedirs(folder + '/a')\n"
    "    print(open(folder + '/a/b', 'w').name, flush=True)\n"
    "    time.sleep(60)\n"
)


def test_another_process_reads_it():
    """A file in it can be read by its path from another process, and is gone after the block."""
    with scratch_folder() as folder:
        path = os.path.join(folder, "file")
        with open(path, "w") as file:
            file.write("said")
        assert subprocess.run(["cat", path], check=True, capture_output=True).stdout == b"said"
    assert not os.path.exists(path)


def test_where_there_is_none(monkeypatch, tmp_path):
    """Without such a file system it is a temporary folder, which is removed after the block."""

    def refused():
        raise OSError

    monkeypatch.setattr(scratch, "_unnamed_file_system", refused)
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    with scratch_folder() as folder:
        assert [os.path.basename(os.readlink(folder))] == os.listdir(tmp_path)
    assert not os.listdir(tmp_path)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root gets a file system of its own")
def test_killed(script, monkeypatch, tmp_path):
    """After our SIGKILL nothing of it is left anywhere."""
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    child = script(USE)
    path = child.stdout.readline().decode().strip()
    assert os.path.exists(path)
    child.send_signal(signal.SIGKILL)
    child.wait()
    assert not os.path.exists(path) and not os.listdir(tmp_path)
