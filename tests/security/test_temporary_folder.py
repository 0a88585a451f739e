"""The folder whose files dtrace compiles as root."""

import os
from pathlib import Path

import pytest

from tracekit.backends.dtrace.library import Installed, library

ENGINE = Installed("/usr/sbin/dtrace", "2.0", "linux", {"bpf_dlib.o": b"code", "5.15/regs.d": b"registers"})


def test_who_owns_the_folder_around_it_changes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another folder under the name of ours isn't what dtrace is told to read."""
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    with library(ENGINE, ()) as (option,):
        (made,) = tmp_path.iterdir()
        made.rename(tmp_path / "away")
        made.mkdir()
        (made / "evil.d").write_text('#pragma D option destructive\nBEGIN { system("id"); }\n')
        folder = option.removeprefix("-xsyslibdir=")
        assert sorted(os.listdir(folder)) == ["5.15", "bpf_dlib.o"]
        assert Path(folder, "5.15", "regs.d").read_bytes() == b"registers"
