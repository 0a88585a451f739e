"""tracekit: the distribution of a function's argument in a running, unmodified program.

``import tracekit as tk`` gives what this module names; parts are imported when they are first used.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

__version__ = "0.1.0.dev0"

if TYPE_CHECKING:
    from tracekit.backends.base import Options as Options
    from tracekit.backends.base import Script as Script
    from tracekit.calibration.expect import Expectation as Expectation
    from tracekit.calibration.expect import parse_expectation as expect
    from tracekit.core.buckets import Linear as Linear
    from tracekit.core.buckets import Log2 as Log2
    from tracekit.core.buckets import LogLinear as LogLinear
    from tracekit.core.build import (
        arg as arg, average as average, comm as comm, count as count, cpu as cpu,
        elapsed as elapsed, func as func, greatest as greatest, interval as interval, least as least,
        linear as linear, load as load, log2 as log2, log_linear as log_linear, name as name, pid as pid,
        profile as profile, reg as reg, retval as retval, stats as stats, string as string,
        syscall as syscall, tid as tid, total as total, uprobe as uprobe, uretprobe as uretprobe,
        usdt as usdt, ustack as ustack,
    )  # fmt: skip
    from tracekit.core.calibration import Argument as Argument
    from tracekit.core.calibration import Calibration as Calibration
    from tracekit.core.verdict import Verdict as Verdict
    from tracekit.core.comparing import Comparison as Comparison
    from tracekit.core.comparing import compare as compare
    from tracekit.core.found import FoundFunction as FoundFunction
    from tracekit.core.found import FoundFunctions as FoundFunctions
    from tracekit.core.histogram import Bucket as Bucket
    from tracekit.core.histogram import Histogram as Histogram
    from tracekit.core.histogram import Quantile as Quantile
    from tracekit.core.merging import merge as merge
    from tracekit.core.probe import FunctionName as FunctionName
    from tracekit.core.probe import Side as Side
    from tracekit.core.program import Aggregate as Aggregate
    from tracekit.core.program import Clause as Clause
    from tracekit.core.program import Program as Program
    from tracekit.core.result import Loss as Loss
    from tracekit.core.result import LossKind as LossKind
    from tracekit.core.result import MapResult as MapResult
    from tracekit.core.result import Resolution as Resolution
    from tracekit.core.result import Result as Result
    from tracekit.core.result import Snapshot as Snapshot
    from tracekit.core.sizing import CachePlan as CachePlan
    from tracekit.core.sizing import plan_cache as plan_cache
    from tracekit.core.target import Command as Command
    from tracekit.core.target import Container as Container
    from tracekit.core.target import Pids as Pids
    from tracekit.core.target import SystemWide as SystemWide
    from tracekit.errors import TracekitError as TracekitError
    from tracekit.errors import UnsupportedError as UnsupportedError
    from tracekit.errors import UsageError as UsageError
    from tracekit.render.run_file import dump as dump
    from tracekit.render.run_file import load as load_run
    from tracekit.syntax import parse as parse
    from tracekit.syntax import parse_expression as expression
    from tracekit.syntax import print_program as print_program
    from tracekit.workflow.calibrate import Calibrated as Calibrated
    from tracekit.workflow.calibrate import calibrate as calibrate
    from tracekit.workflow.calibrate import resolve as resolve
    from tracekit.workflow.compiling import compile_program as compile
    from tracekit.workflow.doctor import doctor as doctor
    from tracekit.workflow.functions import functions as functions
    from tracekit.workflow.importing import import_output as import_output
    from tracekit.workflow.serving.service import Service as Service
    from tracekit.workflow.running import run as run
    from tracekit.workflow.running import start as start
    from tracekit.workflow.session import Session as Session

_BUILDERS: Final = (
    "arg average comm count cpu elapsed func greatest interval least linear load log2 log_linear name pid "
    "profile reg retval stats string syscall tid total uprobe uretprobe usdt ustack"
)
_WHERE: Final = {
    "backends.base": "Options Script",
    "calibration.expect": "Expectation expect=parse_expectation",
    "core.buckets": "Linear Log2 LogLinear",
    "core.build": _BUILDERS,
    "core.calibration": "Argument Calibration Verdict",
    "core.comparing": "Comparison compare",
    "core.found": "FoundFunction FoundFunctions",
    "core.histogram": "Bucket Histogram Quantile",
    "core.merging": "merge",
    "core.probe": "FunctionName Side",
    "core.program": "Aggregate Clause Program",
    "core.result": "Loss LossKind MapResult Resolution Result Snapshot",
    "core.sizing": "CachePlan plan_cache",
    "core.target": "Command Container Pids SystemWide",
    "errors": "TracekitError UnsupportedError UsageError",
    "render.run_file": "dump load_run=load",
    "syntax": "expression=parse_expression parse print_program",
    "workflow.calibrate": "Calibrated calibrate resolve",
    "workflow.doctor": "doctor",
    "workflow.compiling": "compile=compile_program",
    "workflow.functions": "functions",
    "workflow.importing": "import_output",
    "workflow.serving.service": "Service",
    "workflow.running": "run start",
    "workflow.session": "Session",
}

__all__ = [  # noqa: PLE0604  (all strings, as the table shows)
    *sorted(word.partition("=")[0] for words in _WHERE.values() for word in words.split()),
    "__version__",
]


def __getattr__(name: str) -> object:
    # The command decides only after this module whether modules that Python compiles are kept.
    from tracekit.ondemand import on_demand

    return on_demand(__name__, _WHERE)(name)


def __dir__() -> list[str]:
    return __all__
