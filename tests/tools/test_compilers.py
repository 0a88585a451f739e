"""The pure parts of tools/compilers.py: nothing is downloaded or mounted here."""

import os

import pytest

from tools import compilers, engines


@pytest.fixture
def kit(tmp_path, monkeypatch):
    """The path of a kit that isn't there yet; its suites are empty folders."""
    monkeypatch.setenv("TRACEKIT_COMPILERS", f"{tmp_path}/kit")
    monkeypatch.setattr(compilers, "build", lambda kit, suite, source, keyring: (kit / suite).mkdir())
    monkeypatch.setattr(engines, "BOUND", [])
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setattr(engines, "refuse_if_mounted", lambda kit: None)
    monkeypatch.setattr(engines, "mirror", lambda: "http://mirror.invalid/debian")
    monkeypatch.setattr(engines, "find_keyring", lambda work: work / "keyring")
    return tmp_path / "kit"


def test_each_suite_gets_its_programs(kit):
    """`up` writes a program for each compiler, which enters its suite and passes the arguments on."""
    assert compilers.main(["up"]) == 0
    assert {p.name for p in kit.iterdir() if p.is_dir()} == {"bin", *compilers.SUITES}
    text = (kit / "bin/gcc-14-trixie").read_text()
    assert text.endswith(f'{kit}/bin/enter {kit}/trixie /usr/bin/gcc-14 "$@"\n')
    assert len(list((kit / "bin").iterdir())) == 1 + sum(map(len, compilers.SUITES.values()))


def test_a_failed_suite_leaves_nothing_behind(kit, monkeypatch, capsys):
    """When a suite can't be built, `up` says why, fails, and removes what is unfinished."""

    def fail(kit, suite, source, keyring):
        (kit / f"{suite}.1.partial").mkdir()
        raise engines.EnginesError("no network")

    monkeypatch.setattr(compilers, "build", fail)
    assert compilers.main(["up"]) == 1
    assert "compilers: no network" in capsys.readouterr().err
    assert {p.name for p in kit.iterdir()} == {"bin", ".tracekit-compilers"}


def test_down_removes_only_what_is_from_here(kit):
    """`down` removes the kit, and leaves a folder alone that `up` didn't make."""
    assert compilers.main(["up"]) == 0
    assert compilers.main(["down"]) == 0 and not kit.exists()
    kit.mkdir()
    (kit / "mine").touch()
    assert compilers.main(["down"]) == 0 and (kit / "mine").exists()
