"""A result whose every text was chosen to do harm to whoever shows it."""

from __future__ import annotations

import attrs
from tests.render.run_file_sample import RESULT as SAMPLE

from tracekit.core import result as rs
from tracekit.core.buckets import Log2
from tracekit.core.histogram import Histogram
from tracekit.core.verdict import Verdict

WORDS = (
    "</script><img src=x onerror=alert(1)>",
    "</title></style></svg><script>alert(1)</script>",
    "<!--<script>",
    "\x1b[2J\x07",
    "\u202egnp.exe",
    "caf\udce9",
    "=HYPERLINK(1)",
    "-1+1",
    "]]>&amp;\"'`${}\\",
    "a\nb\u2028c",
    "\ufffe\U000e0041",
)
"""Markup, controls, overrides, bytes that aren't UTF-8, formulas, and what is special somewhere."""

_HARM = " ".join(WORDS)

_ENTRIES = {(word,): Histogram.of([n + 1, 9], Log2()) for n, word in enumerate(WORDS)}

RESULT = rs.Result(
    maps=(
        rs.MapResult("bytes", "hist", ("comm",), _ENTRIES),
        rs.MapResult("calls", "count", (_HARM, "pid"), {(_HARM, 1): Histogram.of([1])}, ({}, {1: _HARM})),
        rs.MapResult(_HARM, "hist", entries={(): Histogram.of([-5, 3], Log2())}),
    ),
    provenance=attrs.evolve(
        SAMPLE.provenance,
        text=_HARM,
        engine=rs.Engine("bpftrace", _HARM, _HARM),
        target=rs.TargetRecord(argv=(_HARM,)),
        machine=rs.Machine(_HARM, _HARM, _HARM, _HARM),
        binaries=(rs.Binary(_HARM, _HARM),),
        resolutions=(rs.Resolution(_HARM, _HARM, _HARM, _HARM, Verdict.HIGH, (_HARM,)),),
    ),
    complete=False,
    losses=(rs.Loss(rs.LossKind.EVENTS, _HARM, 3, hint=_HARM),),
    notes=(_HARM,),
)  # fmt: skip
