"""What dtrace says when it fails, as an error that a person can act on. Pure.

Sources: ``dt_error.c`` (the reasons), ``dt_pid.c`` and ``dt_proc.c`` (processes) of libdtrace, ``dtrace.c`` of
the command (what stands before a reason), and Apple's ``libproc.c`` (processes that macOS protects).
"""

from __future__ import annotations

import re
import signal
from typing import Final, NamedTuple

from tracekit.backends.dtrace.messages import read_messages
from tracekit.core.escape import printable
from tracekit.errors import EngineError, PrivilegeError, TargetError, TracekitError

BACKEND: Final = "dtrace"

_SIP_NOTICE: Final = "system integrity protection is on"
_SIP_HINT: Final = (
    "System Integrity Protection hides the kernel's probes and Apple's own programs from dtrace: 'csrutil "
    "enable --without dtrace', in a terminal of macOS's Recovery, lets it see them."
)


class _Cause(NamedTuple):
    """A reason for a failure: how it is recognised, and what to say of it with the groups that it has."""

    pattern: str
    error: type[TracekitError]
    message: str
    hint: str


_MACOS: Final = (
    _Cause(
        r"not signed with the \[com\.apple\.security\.get-task-allow\] entitlement",
        PrivilegeError,
        "macOS doesn't let dtrace attach to the program: it is not signed for debugging",
        "Sign your own build for it: 'codesign --sign - --force --entitlements FILE PROGRAM', where FILE is a "
        "property list that sets com.apple.security.get-task-allow to true. A program of Apple's or of a store "
        "can't be traced while System Integrity Protection is on.",
    ),
    _Cause(
        r"cannot control executables signed with restricted entitlements",
        PrivilegeError,
        "macOS doesn't let dtrace control the program: it is protected by System Integrity Protection",
        "Trace a copy that you have built yourself. " + _SIP_HINT,
    ),
    _Cause(
        r"cannot instrument translated processes",
        TargetError,
        "dtrace can't trace a program for Intel processors that Rosetta translates",
        "Build the program for arm64, or trace it on a Mac with an Intel processor.",
    ),
    _Cause(
        r"failed to (?:grab pid|execute) (?P<what>.+?): .*\(os/kern\)",
        PrivilegeError,
        "macOS doesn't let dtrace have process {what}",
        "Run the same command with sudo; if that was done, the program is protected, or has ended.",
    ),
    _Cause(
        r"process (?P<pid>\d+) has no dyld, and cannot be instrumented",
        TargetError,
        "dtrace can't trace process {pid}: it has no dynamic linker, or hasn't loaded it yet",
        "Link the program dynamically.",
    ),
    _Cause(
        r"ould not create symbolicator",
        TargetError,
        "macOS has no symbols of the process for dtrace",
        "It may have ended, or be protected; see that it still runs.",
    ),
    _Cause(
        r"(?P<probe>\S+) does not match any probes\. System Integrity Protection is on",
        PrivilegeError,
        "there is no probe {probe} that dtrace may see",
        "Check its name. " + _SIP_HINT,
    ),
)

_LINUX: Final = (
    _Cause(
        r'"(?P<file>[^"]+\.d)", line \d+: failed to resolve (?:vmlinux)?`(?P<symbol>\w+)',
        EngineError,
        "dtrace stops at its own library {file}, which needs the kernel's symbol {symbol}, and this kernel "
        "doesn't list it",
        "It needs a kernel with CONFIG_KALLSYMS_ALL=y, or a dtrace whose library does without. Until then, "
        "give it a copy of the library's folder without that file: -x syslibdir=COPY.",
    ),
    _Cause(
        # also what it says where the kernel refuses eBPF altogether
        r"locked-memory limit is possibly too low",
        PrivilegeError,
        "the kernel doesn't let dtrace have its tables",
        "dtrace needs root with CAP_BPF, CAP_PERFMON and CAP_SYS_ADMIN, which containers take away; on kernels "
        "before 5.11 also a larger 'ulimit -l'.",
    ),
    _Cause(
        r"BPF program load for '(?P<probe>.*?)' failed|BPF program exceeds maximum program size|BPF error",
        EngineError,
        "the kernel refused dtrace's program",
        "It may be too large: split the clause, use fewer string keys, or a smaller --max-string.",
    ),
    _Cause(
        r"only the a\.out module is valid",
        TargetError,
        "dtrace doesn't find the program of the process by its path",
        "The file was replaced or deleted, or its path has spaces or other signs that dtrace can't read: "
        "use bpf.",
    ),
    _Cause(
        r"failed to create BPF map '(?P<map>[^']*)'",
        EngineError,
        "the kernel has no room for dtrace's table {map}",
        "Use fewer keys or a smaller --max-string.",
    ),
)

_ALL: Final = (
    _Cause(
        r"run as root|requires additional privileges|Operation not permitted|[Pp]ermission denied",
        PrivilegeError,
        "dtrace may not trace here",
        "Run the same command with sudo in front of it.",
    ),
    _Cause(
        r"not available in local zone",
        PrivilegeError,
        "dtrace may not be used in this zone",
        "Give the zone the privileges dtrace_proc and dtrace_user, or trace from the global zone.",
    ),
    _Cause(
        r"DTrace device not available on system|pid provider is not (?:installed|available)",
        EngineError,
        "the kernel has no dtrace",
        "On FreeBSD, 'kldload dtraceall' loads it.",
    ),
    _Cause(
        r"kernel debugger is active",
        EngineError,
        "dtrace can't be used while a kernel debugger is active",
        "Start the system without kmdb.",
    ),
    _Cause(
        r"systemic unresponsiveness",
        EngineError,
        "the kernel took dtrace's probes away, since the system hardly got on beside them",
        "Probe functions that are called less often.",
    ),
    _Cause(
        r"failed to lookup '(?P<function>.*)' in module '(?P<module>.*)'",
        EngineError,
        "dtrace finds no function {function} in {module}",
        "It skips functions without a size, and on Linux those with a dot or an @ in their name.",
    ),
    _Cause(
        r"offset (?P<offset>0x\w+) (?:outside of function|is not aligned)",
        EngineError,
        "dtrace can't probe at offset {offset}: no instruction of the function begins there",
        "Probe the function's entry.",
    ),
    _Cause(
        r"failed to create (?:entry|return|offset)? ?probes? (?:for|at|in) '(?P<function>.*?)'",
        EngineError,
        "dtrace can't probe {function}",
        "The function may be too short or unusual for it; probe its caller.",
    ),
    _Cause(
        r"process (?P<pid>\d+) is not a dynamically-linked executable",
        TargetError,
        "dtrace for Linux traces only dynamically linked programs, and that of process {pid} is none",
        "Use bpf; or build it so, as Go does with -linkmode=external.",
    ),
    _Cause(
        r"(?P<probe>\S+) does not match any probes|no probes matched",
        EngineError,
        "dtrace has no such probe",
        "Check its name; 'dtrace -l' lists what there is.",
    ),
    _Cause(
        # Linux's -p gives no other reason, whatever it was
        r"No such process|failed to grab process|failed to control pid|Unable to get symbols for pid",
        TargetError,
        "dtrace can't have the process to trace",
        "It may have ended, be traced by a debugger already, or be protected; check its id.",
    ),
    _Cause(
        r"failed to set -x (?P<option>\S+): Invalid option name",
        EngineError,
        "this dtrace has no option {option}",
        "Use a newer dtrace.",
    ),
    _Cause(
        r"Enabling exceeds size of buffer",
        EngineError,
        "dtrace's buffers are too small for the program",
        "Use fewer maps or smaller ones, or a smaller --max-string.",
    ),
    _Cause(
        r"(?:failed to compile script [^\n]*?|invalid probe specifier .*): (?:\[\w+\] )?line (?P<line>\d+): ",
        EngineError,
        "this dtrace doesn't take line {line} of the script",
        "Run it with -v to see the script, and report it.",
    ),
    _Cause(
        r"failed to compile script|invalid probe specifier",
        EngineError,
        "this dtrace doesn't take the script",
        "Run it with -v to see the script, and report it.",
    ),
)

_CAUSES: Final = tuple((re.compile(cause.pattern, re.DOTALL), cause) for cause in (*_MACOS, *_LINUX, *_ALL))
_LIMIT: Final = 300
_SEARCHED: Final = 4000
"""Characters in which a cause is looked for: the patterns take time by the square of them."""


def diagnose(status: int | None, said: bytes, *, timed_out: bool = False) -> TracekitError:
    """The error for a dtrace that ended without what was asked of it.

    Args:
        status: as ``subprocess`` has it; None if it had to be killed.
        said: its standard error.
        timed_out: whether tracekit gave up waiting.
    """
    output = said.decode("utf-8", "backslashreplace")
    reason = "\n".join(read_messages(said).rest).strip()
    told = f": {printable(' '.join(reason.split()))[:_LIMIT]}" if reason else ""
    if timed_out:
        return EngineError(
            message=f"dtrace did not place its probes in time{told}",
            hint="The machine may be short of memory, or have very many probes in place.",
            engine=BACKEND,
            output=output,
        )
    for pattern, cause in _CAUSES:
        if found := pattern.search(reason[:_SEARCHED]):
            words = {name: printable(word or "") for name, word in found.groupdict().items()}
            hint = cause.hint
            if _SIP_NOTICE in output and "probe" in cause.message and _SIP_HINT not in hint:
                hint = f"{hint} {_SIP_HINT}"
            return _error(cause.error, cause.message.format_map(words) + told, hint, output)
    if status == -signal.SIGKILL:
        return EngineError(
            message="dtrace was killed (signal 9), and nothing is counted from then on",
            hint="If nobody did that, the kernel was short of memory (dmesg): use fewer keys.",
            engine="dtrace",
            output=output,
        )
    ending = f"by signal {-status}" if status is not None and status < 0 else f"with status {status}"
    return _error(EngineError, f"dtrace ended {ending}{told}", "Run it with -v to see the script.", output)


def _error(kind: type[TracekitError], message: str, hint: str, output: str) -> TracekitError:
    if kind is EngineError:
        return EngineError(message=message, hint=hint, engine=BACKEND, output=output)
    return kind(message, hint)
