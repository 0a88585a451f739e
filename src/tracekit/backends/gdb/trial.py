"""Whether a gdb could trace a command here, found out by having it hold one."""

from __future__ import annotations

from tracekit import process
from tracekit.backends.gdb.session import Session


def try_on_command(path: str, command: process.Target) -> None:
    """Have gdb do all that comes before the first breakpoint; the command is killed then.

    Args:
        path: gdb's; see ``find_gdb``.
        command: one that is held before its first instruction.

    Raises:
        EngineMissingError: if this gdb was built without Python.
        EngineError: if it doesn't work.
        PrivilegeError: if it may not hold the command.
    """
    with Session(path) as session:
        session.load("hold", ())
        session.python("settle()")
        command.hand_over()
        try:
            # By the machine interface, which says why if it fails; an error of Python's own doesn't.
            session.command("-gdb-set sysroot /dev/null")
            session.command(f"-target-attach {command.pid}")
        finally:
            command.kill()  # before gdb lets it go
