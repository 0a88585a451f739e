"""What the machines of other kernels are told to do, without starting one."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.conformance import builds
from tests.conformance.case import cases

from tools import kernels, machines


def test_the_cases_that_are_run_are_cases() -> None:
    """None was renamed or removed since."""
    assert set(kernels.SOME) <= cases().keys()
    assert {debian for _, debian in machines.KERNELS.values()} <= machines.PROCESSORS.keys()


def test_a_name_that_is_neither_a_kernel_nor_a_case_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    """Before anything is fetched or started."""
    with pytest.raises(SystemExit):
        kernels.main(["arm64-trixie", "nonsense"])
    assert "there is no kernel and no case 'nonsense'" in capsys.readouterr().err


def test_targets_of_another_processor_are_built_by_its_compilers(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """No command has a compiler or an option of this machine's; what can't be built is left out."""
    commands: list[list[str]] = []
    monkeypatch.setattr(builds.subprocess, "run", lambda words, **_: commands.append(list(map(str, words))))
    builds.build(tmp_path, machines.PROCESSORS["arm64"].compilers)
    assert {words[0] for words in commands} == {
        "aarch64-linux-gnu-gcc", "aarch64-linux-gnu-g++", "clang", "env",
    }  # fmt: skip
    assert not any("-fcf-protection" in words for words in commands)
    assert len(commands) == len(builds.BUILDS) - 1
