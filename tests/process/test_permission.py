"""Why the kernel refuses a hold, and the way out of each refusal."""

import pytest

from tracekit.process.permission import advice, may_hold_all, ptrace_scope


@pytest.mark.parametrize(
    ("scope", "capable", "held", "running", "words"),
    [
        (0, False, False, False, "CAP_SYS_PTRACE"),
        (0, False, True, False, "strace -f: run it without"),
        (0, True, False, False, "seccomp"),
        (0, False, False, True, "with sudo; a container needs CAP_SYS_PTRACE"),
        (0, True, True, True, "seccomp"),
        (1, False, False, False, "seccomp"),
        (1, False, False, True, "ptrace_scope=0"),
        (2, False, False, False, "ptrace_scope=1"),
        (2, False, False, True, "ptrace_scope=1"),
        (2, True, False, True, "seccomp"),
        (3, True, False, False, "restart"),
        (3, False, False, True, "restart"),
    ],
)
def test_each_refusal_has_its_way_out(scope, capable, held, running, words):
    """What is named is what stands in the way, and a setting that doesn't is not."""
    said = advice(scope, capable=capable, held=held, running=running)
    assert words in said
    assert ("ptrace_scope is" in said) == ("ptrace_scope" in words or "restart" in words)


def test_this_machine_is_described():
    """What the kernel says of itself and of us can be read."""
    assert ptrace_scope() in range(4)
    assert may_hold_all() in (True, False)
