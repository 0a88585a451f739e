"""What bpftrace and dtrace have and this language has not: what to do instead."""

from __future__ import annotations

from typing import Final

_KERNEL: Final = "Functions of the kernel can't be probed; a system call can: syscall:NAME:entry."
_COUNTER: Final = "There are timers instead: profile:hz:99 on every processor, interval:s:1 on one."

PROBES: Final = {
    **dict.fromkeys(("BEGIN", "begin"), "Maps need no preparation: leave it out."),
    **dict.fromkeys(("END", "end"), "All maps are printed at the end: leave it out."),
    **dict.fromkeys(("kprobe", "k", "kretprobe", "kr", "kfunc", "f", "kretfunc", "fr"), _KERNEL),
    **dict.fromkeys(("fentry", "fexit", "rawtracepoint", "rt", "fbt"), _KERNEL),
    **dict.fromkeys(("software", "s", "hardware", "h"), _COUNTER),
    **dict.fromkeys(("watchpoint", "w", "asyncwatchpoint", "aw"), "Probe the functions that write there."),
    **dict.fromkeys(("struct", "config", "macro"), "A program consists of PROBE /FILTER/ { @MAP = … } only."),
}
"""The hints for types of probes that the language doesn't have."""

_OUTPUT: Final = "All maps are printed at the end, and on the way with --interval SECONDS."
_CONDITION: Final = "Put the condition into the filter: PROBE /CONDITION/ { @ = count(); }."
_LOOP: Final = "A body has no loops; write one aggregation for each value."

STATEMENTS: Final = {
    **dict.fromkeys(("printf", "print", "printa", "cat", "join", "time", "trace"), _OUTPUT),
    **dict.fromkeys(("clear", "zero", "delete", "trunc"), "Maps are kept whole from the start to the end."),
    **dict.fromkeys(("if", "else"), _CONDITION),
    **dict.fromkeys(("for", "while", "unroll"), _LOOP),
    "return": _CONDITION,
    "exit": "End the run with --duration or --max-events.",
    "system": "Nothing is executed at a probe.",
    "let": "There are no variables: write the expression where its value is needed.",
}
"""The hints for statements that the language doesn't have."""
