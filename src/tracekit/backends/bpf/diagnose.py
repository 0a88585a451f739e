"""What the kernel's refusals mean, and what to do about them. Pure."""

from __future__ import annotations

import errno
import re
from typing import Final

from tracekit.backends.bpf.assembler import BACKEND
from tracekit.backends.bpf.helpers import SINCE, Helper
from tracekit.backends.bpf.kernel import VerifierError
from tracekit.backends.bpf.programs import KernelProgram
from tracekit.backends.bpf.refused import Refused
from tracekit.errors import EngineError, PrivilegeError, TracekitError, UnsupportedError

_PLACE: Final = re.compile(r"^(\d+): \(", re.MULTILINE)
_UNKNOWN_FUNCTION: Final = re.compile(
    r"(?:unknown func|invalid func|program of this type cannot use helper) \S*#(\d+)"
)

_GIVES_UP: Final = re.compile(r"too (?:many|large|complex)")


def diagnose(refused: Refused) -> TracekitError:
    """Our error for one of the kernel's."""
    error, what = refused.error, refused.what
    if isinstance(error, VerifierError) and refused.program is not None and error.errno != errno.EPERM:
        return _verifier(error, refused.program)
    match error.errno:
        case errno.EPERM | errno.EACCES:
            return PrivilegeError(
                f"the kernel refuses us {what}",
                "Run tracekit as root, or give it CAP_BPF and CAP_PERFMON. Root of a container alone won't do.",
            )
        case errno.ENOMEM | errno.E2BIG:
            return EngineError(
                message=f"the kernel has no room for {what}",
                hint="Lower --max-keys, or --max-string; before kernel 5.11, raise 'ulimit -l'.",
                engine=BACKEND,
            )
        case errno.EMFILE | errno.ENFILE:
            return EngineError(
                message=f"there are no descriptors left for {what}",
                hint="Raise 'ulimit -n', or probe fewer functions.",
                engine=BACKEND,
            )
        case errno.ENOSYS | errno.ENOENT | errno.EINVAL | errno.ENOTSUP | errno.EOPNOTSUPP:
            return UnsupportedError(
                feature=what,
                backend=BACKEND,
                reason=f"the kernel refuses it: {error.strerror}",
                remedy="Use bpftrace or dtrace; -v shows what was asked of the kernel.",
            )
        case _:
            return EngineError(
                message=f"the kernel refuses {what}: {error.strerror}",
                hint="Use another backend, such as bpftrace.",
                engine=BACKEND,
            )


def _verifier(error: VerifierError, program: KernelProgram) -> TracekitError:
    """What the verifier has against a program, and at which expression."""
    lines = [
        line for line in error.log.splitlines() if line and not line.startswith(("processed ", "verification "))
    ]
    said = lines[-1] if lines else error.strerror or "no reason told"
    places = _PLACE.findall(error.log)
    why = program.code.why(int(places[-1])) if places else ""
    where = f" of {why}" if why else ""
    if (unknown := _UNKNOWN_FUNCTION.search(error.log)) is not None:
        return UnsupportedError(
            feature=f"a part{where or ' of the program'}",
            backend=BACKEND,
            reason=f"this kernel doesn't have a function that it needs ({_helper(int(unknown[1]))})",
            remedy="Use bpftrace, or a newer kernel.",
        )
    if _GIVES_UP.search(said) or error.errno == errno.E2BIG:
        return UnsupportedError(
            feature="so large a clause",
            backend=BACKEND,
            reason=f"the kernel's verifier gives up at it ({said})",
            remedy="Split it into several clauses, or take fewer strings and aggregations.",
        )
    failed = EngineError(
        message=f"the kernel's verifier refuses a part{where or ' of the program'}: {said}",
        hint="That is a fault of tracekit: run it with -v to see the program, and report both.",
        engine=BACKEND,
    )
    failed.output = error.log
    return failed


def _helper(number: int) -> str:
    known = {helper.value: helper for helper in Helper}
    if number not in known:
        return f"number {number}"
    return f"bpf_{known[number].text}, which Linux {SINCE[known[number]]} has"
