"""What dtrace says when it fails: samples of DTrace 2.0.7, and macOS's words from Apple's sources."""

from __future__ import annotations

import pytest

from tracekit.backends.dtrace.diagnose import diagnose
from tracekit.errors import EngineError, PrivilegeError, TargetError, TracekitError

SCRIPT = "dtrace: failed to compile script /proc/9/fd/4: "
SIP = "dtrace: system integrity protection is on, some features will not be available\n"
NOT_SIGNED = (
    "the current security restriction (system integrity protection enabled) prevents dtrace from attaching to "
    "an executable not signed with the [com.apple.security.get-task-allow] entitlement"
)


@pytest.mark.parametrize(
    ("said", "kind", "words", "remedy"),
    [
        ("dtrace: run as root for tracing and listing probes", PrivilegeError, "may not trace", "sudo"),
        (
            "dtrace: failed to initialize dtrace: DTrace requires additional privileges",
            PrivilegeError,
            "additional privileges",
            "sudo",
        ),
        (
            (
                "dtrace: could not enable tracing: failed to create BPF map 'state':\n"
                "\tThe kernel locked-memory limit is possibly too low.  Set a\n"
                "\thigher limit with the DTrace option '-xlockmem=N'."
            ),
            PrivilegeError,
            "tables",
            "CAP_BPF",
        ),
        (
            (
                f'{SCRIPT}"/usr/lib/x86_64-linux-gnu/dtrace/6.10/io.d", line 134: failed to resolve '
                "vmlinux`major_names: Unknown symbol name"
            ),
            EngineError,
            "needs the kernel's symbol major_names",
            "CONFIG_KALLSYMS_ALL",
        ),
        (f'{SCRIPT}line 3: syntax error near ";"', EngineError, "line 3", "report"),
        (
            (
                f"{SCRIPT}[D_AGG_REDEF] line 4: aggregation redefined: @x\n\t current: @x = sum( )\n"
                "\tprevious: @x = count( ) : line 3"
            ),
            EngineError,
            "line 4 of the script",
            "report",
        ),
        (
            f"{SCRIPT}line 5: probe description syscall::nosuch:entry does not match any probes",
            EngineError,
            "no such probe",
            "dtrace -l",
        ),
        (f"{SCRIPT}line 1: failed to lookup 'f' in module 'a.out'", EngineError, "no function f", "dot"),
        (f"{SCRIPT}line 1: failed to grab process 999999", TargetError, "can't have", "ended"),
        (f"{SCRIPT}line 1: offset 0x7 outside of function 'f'", EngineError, "0x7", "entry"),
        ("dtrace: No such process", TargetError, "can't have", "debugger"),
        ("dtrace: failed to set -x aggpack: Invalid option name", EngineError, "no option aggpack", "newer"),
        ("dtrace: could not enable tracing: Enabling exceeds size of buffer", EngineError, "small", "fewer"),
        (
            "dtrace: could not enable tracing: failed to create BPF map 'mem': Too big",
            EngineError,
            "table mem",
            "--max-string",
        ),
        (
            "dtrace: processing aborted: Abort due to systemic unresponsiveness",
            EngineError,
            "took dtrace's probes away",
            "less often",
        ),
        (
            "dtrace: failed to initialize dtrace: DTrace device not available on system",
            EngineError,
            "no dtrace",
            "kldload",
        ),
    ],
)
def test_a_failure_has_a_cause_and_a_remedy(said: str, kind: type[TracekitError], words: str, remedy: str):
    """Each reason becomes the type of error that it is, quotes dtrace, and says what to do."""
    error = diagnose(1, said.encode() + b"\n")
    assert type(error) is kind
    assert words in error.message
    assert remedy in error.hint


@pytest.mark.parametrize(
    ("said", "kind", "words", "remedy"),
    [
        (f"dtrace: failed to grab pid 512: {NOT_SIGNED}", PrivilegeError, "signed for debugging", "codesign"),
        (
            f"dtrace: failed to execute ./a: {NOT_SIGNED}",
            PrivilegeError,
            "signed for debugging",
            "get-task-allow",
        ),
        (
            (
                "dtrace: failed to execute /bin/ls: DTrace cannot control executables signed with restricted "
                "entitlements"
            ),
            PrivilegeError,
            "System Integrity Protection",
            "csrutil",
        ),
        (
            "dtrace: failed to grab pid 512: DTrace cannot instrument translated processes",
            TargetError,
            "Rosetta",
            "arm64",
        ),
        ("dtrace: failed to grab pid 1: (os/kern) failure", PrivilegeError, "process 1", "sudo"),
        (
            (
                f"{SCRIPT}line 1: probe description fbt:::entry does not match any probes. System Integrity "
                "Protection is on"
            ),
            PrivilegeError,
            "fbt:::entry",
            "csrutil",
        ),
        (f"{SCRIPT}line 1: process 512 has no dyld, and cannot be instrumented", TargetError, "512", "dynamic"),
    ],
)
def test_what_macos_protects_is_said_in_words(said: str, kind: type[TracekitError], words: str, remedy: str):
    """SIP, signing, Rosetta and a missing sudo are told apart, each with its own way out."""
    error = diagnose(1, (SIP + said + "\n").encode())
    assert type(error) is kind
    assert words in error.message
    assert remedy in error.hint


def test_sip_is_named_where_it_may_be_why_a_probe_is_missing():
    """A missing probe on a Mac with SIP has SIP in its hint; elsewhere it hasn't."""
    said = f"{SCRIPT}line 5: probe description pid9:a.out:x:entry does not match any probes\n"
    assert "csrutil" in diagnose(1, (SIP + said).encode()).hint
    assert "csrutil" not in diagnose(1, said.encode()).hint


def test_a_path_that_dtrace_cannot_follow_is_said_to_be():
    """dtrace only says that the module isn't the program: why that may be is said in its place."""
    error = diagnose(1, f"{SCRIPT}line 8: only the a.out module is valid with the '-' function\n".encode())
    assert isinstance(error, TargetError)
    assert "by its path" in error.message and "use bpf" in error.hint


def test_an_unknown_failure_quotes_dtrace():
    """What isn't known is still an error with dtrace's own words and its ending."""
    error = diagnose(1, b"dtrace: something new\n")
    assert isinstance(error, EngineError)
    assert error.message == "dtrace ended with status 1: something new"
    assert diagnose(-6, b"").message == "dtrace ended by signal 6"


def test_a_late_dtrace_is_told_so():
    """An engine that was given up says what it had said until then."""
    error = diagnose(None, b"dtrace: hm\n", timed_out=True)
    assert error.message == "dtrace did not place its probes in time: hm"


def test_the_words_of_dtrace_are_made_fit_for_a_terminal():
    """Escape sequences in a message, and in names within it, don't reach the terminal."""
    error = diagnose(1, b"dtrace: failed to lookup '\x1b[2J' in module 'a.out'\n")
    assert "\x1b" not in str(error)
    assert "\\x1b[2J" in error.message
