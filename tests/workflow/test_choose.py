"""The choice of a backend where nobody says which: the first that can, and why."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tracekit.errors import (
    EngineMissingError,
    NoBackendError,
    PrivilegeError,
    TargetError,
    TracekitError,
    UnsupportedError,
    UsageError,
)
from tracekit.workflow.choose import choose

MISSING = EngineMissingError("bpftrace is not installed", "Install it.")
REFUSED = UnsupportedError(feature="usdt probes", backend="dtrace", reason="it can't", remedy="Use another.")
UNNAMED = PrivilegeError("ptrace is refused")
WRONG = (UsageError("there is no such call"), TargetError("the command is gone"))


def tried(answers: dict[str, TracekitError | str]) -> tuple[str, object]:
    """The choice among backends that answer so, with what came of it."""
    return choose(tuple(answers), answers.__getitem__)


@given(st.integers(0, 5), st.integers(0, 5))
def test_the_first_that_can_is_taken(before: int, after: int) -> None:
    """Those before it were asked, each once and in order, and those after it weren't."""
    names = [f"b{n}" for n in range(before + 1 + after)]
    asked: list[str] = []

    def attempt(name: str) -> str | TracekitError:
        asked.append(name)
        return f"done by {name}" if name == names[before] or after == 5 else MISSING

    done, choice = choose(names, attempt)
    taken = names[0] if after == 5 else names[before]
    assert (done, choice.backend, asked[-1]) == (f"done by {taken}", taken, taken)
    assert asked == names[: names.index(taken) + 1]
    assert [*(r.backend for r in choice.refusals), taken, *choice.unasked] == names
    assert len(choice.others) == len(names) - 1


def test_why_is_one_line() -> None:
    """The first choice is called that; a later one is there since those before it can't, by name."""
    _, first = tried({"bpftrace": "yes", "dtrace": REFUSED})
    assert first.why == "the first choice"
    assert first.others == ("dtrace was not asked: bpftrace comes first",)
    _, last = tried({"bpftrace": MISSING, "dtrace": REFUSED, "perf": UNNAMED, "gdb": "yes"})
    assert last.why == (
        "since bpftrace is not installed and dtrace can't do usdt probes: it can't and perf: ptrace is refused"
    )
    assert last.others[0] == "bpftrace was not taken: bpftrace is not installed. Install it."
    assert last.others[2] == "perf was not taken: ptrace is refused."


def test_none_names_each() -> None:
    """If none can, the error has each one's reason and way out on a line of its own."""
    with pytest.raises(NoBackendError) as caught:
        tried({"bpftrace": MISSING, "dtrace": REFUSED, "gdb": UNNAMED})
    assert str(caught.value).split("\n") == [
        "no backend can run this here",
        "bpftrace is not installed. Install it.",
        "dtrace can't do usdt probes: it can't. Use another.",
        "gdb: ptrace is refused.",
        "'tracekit doctor' tries what works on this machine.",
    ]
    assert caught.value.reasons == {"bpftrace": MISSING, "dtrace": REFUSED, "gdb": UNNAMED}


@pytest.mark.parametrize("error", WRONG, ids=lambda error: type(error).__name__)
def test_a_wrong_request_is_told_at_once(error: TracekitError) -> None:
    """What is wrong with the request or its target is no engine's fault, and no other one is asked."""
    with pytest.raises(type(error)) as caught:
        tried({"bpftrace": error, "dtrace": "yes"})
    assert caught.value is error
    _, choice = tried({"bpftrace": MISSING, "dtrace": error, "gdb": "yes"})  # here it may be that engine's view
    assert choice.backend == "gdb"


def test_the_only_one_speaks_for_itself() -> None:
    """Where there is one backend, its own error is the error."""
    with pytest.raises(EngineMissingError):
        tried({"bpftrace": MISSING})
