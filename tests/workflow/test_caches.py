"""Where tracekit keeps what it finds out."""

from __future__ import annotations

import os
import pwd
import sys

import pytest

from tracekit import process
from tracekit.workflow.caches import cache_folder
from tracekit.workflow.knowledge import Knowledge


@pytest.mark.parametrize(
    ("platform", "cache", "wanted"),
    [
        ("linux", "", "/home/u/.cache/tracekit/x"),
        ("linux", "/var/own", "/var/own/tracekit/x"),
        ("linux", "relative", "/home/u/.cache/tracekit/x"),
        ("darwin", "/var/own", "/home/u/Library/Caches/tracekit/x"),
    ],
)
def test_it_is_the_users_cache(platform: str, cache: str, wanted: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is where the XDG Base Directory Specification has it, or macOS; a relative folder doesn't count."""
    monkeypatch.delenv("TRACEKIT_X", raising=False)
    monkeypatch.setattr(sys, "platform", platform)
    monkeypatch.setenv("HOME", "/home/u")
    monkeypatch.setenv("XDG_CACHE_HOME", cache)
    assert cache_folder("TRACEKIT_X", "x") == wanted


def test_a_variable_names_another(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a user names is taken as it is."""
    monkeypatch.setenv("TRACEKIT_X", "/else/where")
    assert cache_folder("TRACEKIT_X", "x") == "/else/where"


@pytest.mark.skipif(os.geteuid() != 0, reason="being called by sudo needs root: run the tests as root")
def test_under_sudo_calibrations_are_the_users(monkeypatch: pytest.MonkeyPatch) -> None:
    """Also if they are first asked for with that user's rights, when it isn't seen any more who called sudo."""
    user = pwd.getpwnam("daemon")
    monkeypatch.setenv("SUDO_UID", str(user.pw_uid))
    monkeypatch.delenv("TRACEKIT_CALIBRATIONS", raising=False)
    knowledge = Knowledge()
    with process.as_invoking_user():
        found = knowledge.store.folder
    assert found == f"{user.pw_dir}/.cache/tracekit/calibrations"
