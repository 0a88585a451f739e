"""Commands that are held at their first word, stood in for by small shell scripts."""

import os
import time

import pytest

from tracekit.errors import EngineMissingError
from tracekit.process import held

ENV = {"PATH": os.environ["PATH"]}


def test_a_command_waits_until_it_is_let_go(proc, eventually):
    """It is alive and waits at its first word for as long as one likes; then all that it prints comes."""
    with held(["sh", "-c", "echo one; echo two"], ENV) as command:
        eventually(lambda: proc(command.pid)["State"].startswith("S"))
        assert not command.ended(0.05)
        assert command.let_go(10) == b"one\ntwo\n"
        assert command.ended(10)


def test_a_silent_command_is_not_held():
    """One that prints nothing ends by itself, and that is seen."""
    with held(["sh", "-c", "exit 3"], ENV) as command:
        assert command.ended(10)
        assert command.let_go(10) == b""


def test_letting_go_has_a_limit():
    """A command that goes on after its words is not waited for, and what it has printed counts."""
    with held(["sh", "-c", "echo one; exec sleep 30"], ENV) as command:
        before = time.monotonic()
        assert command.let_go(0.2) == b"one\n"
        assert time.monotonic() - before < 5


def test_no_process_is_left(proc):
    """At the block's end a command that was never let go is gone, and waited for."""
    with held(["sh", "-c", "echo one"], ENV) as command:
        pass
    assert not proc(command.pid)


def test_a_missing_program_is_an_error():
    """A program that doesn't exist is told before anything waits."""
    with pytest.raises(EngineMissingError, match="no such command"), held(["no-such-program"], ENV):
        pass
