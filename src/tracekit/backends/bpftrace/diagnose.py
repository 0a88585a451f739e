"""What bpftrace says when it fails, as an error that a person can act on. Pure."""

from __future__ import annotations

import re
import signal
from typing import Final

from tracekit.errors import EngineError, PrivilegeError, TracekitError

INNER_OFFSET: Final = re.compile(
    r"Can't check if uprobe is in proper place|Could not add (?:u|k)probe into middle"
)
"""That a probe inside a function was refused, as 0.17 does."""

# Said on machines without CAP_SYS_RESOURCE or kprobes, and harmless there.
_NOISE: Final = re.compile(
    r"RLIMIT_MEMLOCK|available_filter_functions|^\s*$|^Attach(?:ing|ed) \d+|^\s*~+\s*$|WARNING:"
    # 0.17 looks for leftovers in tracefs after it has taken its probes away
    r"|uprobe_events|failed to detach probe"
)

_CAUSES: Final = (
    (
        re.compile(
            r"(?i)only supports running as the root|Operation not permitted|EPERM|CAP_|permission denied"
        ),
        "bpftrace may not trace here",
        "Run it as root, outside of containers that drop CAP_BPF, CAP_PERFMON or CAP_SYS_ADMIN.",
    ),
    (
        re.compile(r"(?i)No such process"),
        "a process to trace is gone",
        "Check the process id.",
    ),
    (
        re.compile(r"(?i)verif|Error loading (?:BPF )?program|BPF_PROG_LOAD|combined stack size|stack limit"),
        "the kernel refused the program",
        "It may be too large: split the clause, use fewer string keys, or a smaller --max-string.",
    ),
    (
        re.compile(r"(?i)tracepoint.*not found|No matches for|unable to open tracepoint|No probes to attach"),
        "the kernel has no such probe",
        "Check its name, and that tracefs is mounted at /sys/kernel/tracing.",
    ),
    (
        re.compile(r"(?i)syntax|unexpected|Unknown (?:function|identifier|builtin)|unknown type"),
        "this version of bpftrace doesn't read the script",
        "tracekit is made for bpftrace 0.17 to 0.27; run it with -v to see the script, and report it.",
    ),
)


def remarks(said: bytes) -> tuple[str, ...]:
    """What a bpftrace that did its work said on standard error besides, without what it always says."""
    lines = said.decode("utf-8", "backslashreplace").splitlines()
    return tuple(f"bpftrace says: {line.strip()}" for line in lines if not _NOISE.search(line))


def diagnose(status: int | None, said: bytes, *, timed_out: bool = False) -> TracekitError:
    """The error for a bpftrace that ended without what was asked of it.

    Args:
        status: as ``subprocess`` has it; None if it had to be killed.
        said: what it said on standard error, and on standard output before it was ready.
        timed_out: whether tracekit gave up waiting.
    """
    text = said.decode("utf-8", "backslashreplace")
    lines = [line.strip() for line in text.splitlines() if not _NOISE.search(line)]
    first = next((line for line in lines if "ERROR" in line), lines[0] if lines else "")
    first = re.sub(r"^.*?ERROR: (?:: )?", "", first)
    told = f": {first[:300]}" if first else ""
    if timed_out:
        return EngineError(
            message=f"bpftrace did not place its probes in time{told}",
            hint="The machine may be short of memory, or have very many probes in place.",
            engine="bpftrace",
            output=text,
        )
    for pattern, cause, hint in _CAUSES:
        if pattern.search("\n".join(lines)):
            if "may not" in cause:
                return PrivilegeError(f"{cause}{told}", hint)
            return EngineError(message=f"{cause}{told}", hint=hint, engine="bpftrace", output=text)
    if status == -signal.SIGKILL:
        return EngineError(
            message=f"bpftrace was killed (signal 9), and nothing is counted from then on{told}",
            hint="If nobody did that, the kernel was short of memory (dmesg): use fewer keys.",
            engine="bpftrace",
            output=text,
        )
    ending = f"by signal {-status}" if status is not None and status < 0 else f"with status {status}"
    return EngineError(
        message=f"bpftrace ended {ending}{told}",
        hint="Run it with -v to see the script.",
        engine="bpftrace",
        output=text,
    )
