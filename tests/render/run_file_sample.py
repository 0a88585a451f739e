"""One small result that has something of everything."""

from __future__ import annotations

from datetime import UTC, datetime

import attrs

from tracekit.core import expr as ex
from tracekit.core import result as rs
from tracekit.core.aggregation import Distribution, Moment, Scalar
from tracekit.core.buckets import Linear
from tracekit.core.histogram import Histogram
from tracekit.core.probe import FunctionName, Uprobe
from tracekit.core.program import Aggregate, Clause, Program
from tracekit.core.verdict import Verdict

SCHEME = Linear(0, 16, 8)
COMM = ex.Builtin(ex.BuiltinName.COMM)

RESULT = rs.Result(
    maps=(
        rs.MapResult("bytes", "lhist", entries={(): Histogram.of([3, 5, 9, 40], SCHEME)}),
        rs.MapResult(
            "n",
            "sum",
            ("pid", "comm"),
            {(1, "caf\udce9"): Histogram.of([1]), (2, "b"): Histogram.of([2, 3])},
            ({1: "ONE"}, {}),
        ),
    ),
    provenance=rs.Provenance(
        program=Program(
            [
                Clause(
                    Uprobe("./itest.test", FunctionName("cache_insert")),
                    where=ex.Arg(3) > 0,
                    aggregates=[
                        Aggregate("bytes", Distribution(ex.Arg(2), SCHEME)),
                        Aggregate("n", Scalar(Moment.SUM, ex.Arg(2)), [ex.Builtin(ex.BuiltinName.PID), COMM]),
                    ],
                )
            ]
        ),
        text=(
            "uprobe:./itest.test:cache_insert /arg3 > 0/ "
            "{ @bytes = lhist(arg2, 0, 16, 8); @n[pid, comm] = sum(arg2); }"
        ),
        engine=rs.Engine("bpftrace", "bpftrace v0.23.2", "/usr/bin/bpftrace"),
        target=rs.TargetRecord(argv=("./itest.test",), pids=(4711,), ending=rs.Ending(status=0)),
        machine=rs.Machine("Linux", "6.18.0", "x86_64", "host"),
        started=datetime(2025, 1, 2, 3, 4, 5, 6, tzinfo=UTC),
        ended=datetime(2025, 1, 2, 3, 4, 6, tzinfo=UTC),
        binaries=(rs.Binary("./itest.test", "8f3c"),),
        tracekit="0.1.0",
        resolutions=(
            rs.Resolution("value.len", "cache_insert", "size_t", "rdx (arg2)", Verdict.HIGH, ("both",)),
        ),
        load=rs.Load(4, 7, 1_000_000, 12_000),
    ),
    losses=(rs.Loss(rs.LossKind.EVENTS, "3 events were lost", 3, hint="Filter."),),
    notes=("a note",),
)
RESULT = attrs.evolve(RESULT, merged=(RESULT.provenance,))
