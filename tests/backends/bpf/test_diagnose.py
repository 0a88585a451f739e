"""The kernel's refusals in our words: what verifiers really said of programs, and errors of its calls."""

from __future__ import annotations

import errno
import os

import pytest

from tracekit.backends.bpf.assembler import Assembler
from tracekit.backends.bpf.diagnose import Refused, diagnose
from tracekit.backends.bpf.instructions import Register
from tracekit.backends.bpf.kernel import VerifierError
from tracekit.backends.bpf.programs import KernelProgram, ProgramKind
from tracekit.errors import EngineError, PrivilegeError, TracekitError, UnsupportedError


def program() -> KernelProgram:
    """A program whose words 1 to 4 are for an expression."""
    asm = Assembler()
    asm.constant(Register.R0, 0)
    with asm.about("@ = sum(arg0)"):
        asm.constant(Register.R1, 1 << 40)
        asm.arithmetic("+=", Register.R0, 1)
        asm.arithmetic("+=", Register.R0, 2)
    asm.leave()
    return KernelProgram("clause0", ProgramKind.KPROBE, asm.assemble(), ())


def said(log: str, code: int = errno.EACCES) -> TracekitError:
    """The error for a verifier's log."""
    return diagnose(Refused("an eBPF program", VerifierError(code, log), program()))


ENDS = "processed 5 insns (limit 1000000) max_states_per_insn 0 total_states 1 peak_states 1 mark_read 0\n"
"""How every log ends, since kernel 4.19."""

TOO_LARGE = {
    "4.1 to 6.18, too many instructions": (
        f"0: (b7) r0 = 0\nBPF program is too large. Processed 1000001 insn\nstack depth 504\n{ENDS}",
        errno.E2BIG,
    ),
    "4.14 to 6.15, too many jumps": (
        f"3: (07) r0 += 1\nThe sequence of 8193 jumps is too complex.\n{ENDS}", errno.EFAULT
    ),
    "6.16 and later, too many jumps": (
        f"3: (07) r0 += 1\nThe sequence of 8193 jumps is too complex.\n{ENDS}", errno.E2BIG
    ),
}  # fmt: skip


@pytest.mark.parametrize("kernel", TOO_LARGE)
def test_what_is_too_large_is_refused_with_a_way_out(kernel: str) -> None:
    """Where the verifier gives up at a program's size or its branches, it is no fault but a limit."""
    error = said(*TOO_LARGE[kernel])
    assert isinstance(error, UnsupportedError)
    assert "so large a clause" in error.message
    assert "gives up at it (" in error.reason
    assert "processed" not in error.reason
    assert "several clauses" in error.hint


@pytest.mark.parametrize(
    "log",
    [
        f"3: (85) call bpf_get_ns_current_pid_tgid#120\nunknown func bpf_get_ns_current_pid_tgid#120\n{ENDS}",
        f"3: (85) call unknown#174\ninvalid func unknown#174\n{ENDS}",
        f"3: (85) call x#174\nprogram of this type cannot use helper bpf_get_attach_cookie#174\n{ENDS}",
    ],
)
def test_a_function_that_the_kernel_lacks_is_named(log: str) -> None:
    """An older kernel's want of a helper is told as such, with the expression that needs it."""
    error = said(log, errno.EINVAL)
    assert isinstance(error, UnsupportedError)
    assert error.feature == "a part of @ = sum(arg0)"
    assert "this kernel doesn't have a function" in error.reason


def test_any_other_refusal_is_our_fault_and_shows_where() -> None:
    """It names the expression at the last instruction that was looked at, and keeps the log."""
    log = f"0: (b7) r0 = 0\n3: (07) r0 += 1\nR0 invalid mem access 'scalar'\n{ENDS}"
    error = said(log)
    assert isinstance(error, EngineError)
    assert "refuses a part of @ = sum(arg0): R0 invalid mem access 'scalar'" in error.message
    assert "fault of tracekit" in error.hint
    assert error.output == log
    assert "refuses a part of the program: Invalid argument" in said("", errno.EINVAL).message
    assert "refuses a part of the program: unreachable insn 7" in said("unreachable insn 7\n").message


CALLS = {
    errno.EPERM: (PrivilegeError, "refuses us a map"),
    errno.EACCES: (PrivilegeError, "refuses us a map"),
    errno.ENOMEM: (EngineError, "no room for a map"),
    errno.E2BIG: (EngineError, "no room for a map"),
    errno.EMFILE: (EngineError, "no descriptors left for a map"),
    errno.EINVAL: (UnsupportedError, "Invalid argument"),
    errno.ENOSYS: (UnsupportedError, "Function not implemented"),
    errno.EBUSY: (EngineError, "refuses a map: Device or resource busy"),
}


@pytest.mark.parametrize("number", CALLS, ids=errno.errorcode.get)
def test_errors_of_calls(number: int) -> None:
    """Each says what was asked for, why it can't be, and what to do."""
    kind, says = CALLS[number]
    error = diagnose(Refused("a map", OSError(number, os.strerror(number))))
    assert type(error) is kind
    assert says in error.message
    assert error.hint


def test_a_program_that_may_not_be_loaded_is_a_matter_of_rights() -> None:
    """EPERM has no log, and no expression is at fault."""
    assert isinstance(said("", errno.EPERM), PrivilegeError)
