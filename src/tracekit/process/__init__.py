"""The only place that starts, stops and cleans up processes.

Everything here is about one promise: whatever happens to tracekit, also its own ``SIGKILL``, nobody else's
process is harmed, no process of ours stays behind, and none stays stopped.
"""

from tracekit.process.attached import Attached
from tracekit.process.elevation import elevation
from tracekit.process.engine import Engine
from tracekit.process.find import find_program, trusted
from tracekit.process.held import held
from tracekit.process.output import output
from tracekit.process.relay import Relay, open_relay
from tracekit.process.scratch import scratch_folder
from tracekit.process.signals import StopSignals, stop_signals
from tracekit.process.streams import fill_standard_streams
from tracekit.process.target import Target
from tracekit.process.user import User, as_invoking_user, invoking_user, nobody

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
