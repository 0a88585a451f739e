"""The only place that starts, stops and cleans up processes.

Everything here is about one promise: whatever happens to tracekit, also its own ``SIGKILL``, nobody else's
process is harmed, no process of ours stays behind, and none stays stopped.
"""

from typing import TYPE_CHECKING

from tracekit.ondemand import on_demand

if TYPE_CHECKING:
    from tracekit.process.attached import Attached
    from tracekit.process.capture import output
    from tracekit.process.elevating import elevation
    from tracekit.process.engine import Engine
    from tracekit.process.find import find_program, trusted
    from tracekit.process.holding import held
    from tracekit.process.relay import Relay, open_relay
    from tracekit.process.scratch import scratch_folder
    from tracekit.process.signals import StopSignals, stop_signals
    from tracekit.process.streams import fill_standard_streams
    from tracekit.process.target import Target
    from tracekit.process.user import User, as_invoking_user, invoking_user, nobody
else:
    __getattr__ = on_demand(
        __name__,
        {
            "attached": "Attached",
            "elevating": "elevation",
            "engine": "Engine",
            "find": "find_program trusted",
            "holding": "held",
            "capture": "output",
            "relay": "Relay open_relay",
            "scratch": "scratch_folder",
            "signals": "StopSignals stop_signals",
            "streams": "fill_standard_streams",
            "target": "Target",
            "user": "User as_invoking_user invoking_user nobody",
        },
    )

__all__ = [
    "Attached",
    "Engine",
    "Relay",
    "StopSignals",
    "Target",
    "User",
    "as_invoking_user",
    "elevation",
    "fill_standard_streams",
    "find_program",
    "held",
    "invoking_user",
    "nobody",
    "open_relay",
    "output",
    "scratch_folder",
    "stop_signals",
    "trusted",
]
