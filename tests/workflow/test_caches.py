"""Where tracekit keeps what it finds out."""

from __future__ import annotations

import sys

import pytest

from tracekit.workflow.caches import cache_folder


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
