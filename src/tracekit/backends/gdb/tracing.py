"""Traces inside gdb: what happens at breakpoints, and when the target stops. Runs in Python 3.8 or later.

The program's own part is Python that ``instrument`` has written. All that is counted stays in this process
until it is told, one JSON document a line, on standard output among gdb's own records. Everything that the
target can stop for is dealt with here, so that it goes on however long tracekit is busy with something else.
"""

from __future__ import annotations

import json
import os
import signal
import threading
import time
from typing import TYPE_CHECKING, Any

import gdb

from tracekit.backends.gdb.counting import PROVIDED, Guard, Map, Whole
from tracekit.backends.gdb.hold import attach, settle
from tracekit.backends.gdb.memory import Memory
from tracekit.backends.gdb.registers import Registers

if TYPE_CHECKING:
    from collections.abc import Callable

    Handler = Callable[[Any, int, int], None]
    """What a site does at an event: takes the registers, the thread's id and the time."""

_JOURNAL_SECONDS = 1.0
"""So much is lost at most if gdb is killed."""
_WATCH_SECONDS = 0.1
_STACK_HIGH = 8
"""Where ``type g`` has its stack's end (Go's ``src/runtime/runtime2.go``)."""


class Tracing:
    """What was asked, what has been counted, and the breakpoints that count."""

    def __init__(self, request: str) -> None:
        with open(request, encoding="utf-8") as file:
            ask: dict[str, Any] = json.load(file)
        self._ask = ask
        self._pid: int = ask["pid"]
        self._maps = [Map(ask["room"]) for _ in range(ask["maps"])]
        self._totals = [0] * ask["clauses"]
        self._entries = [0] * ask["clauses"]
        self._returns = [0] * ask["clauses"]
        self._started: dict[Any, int] = {}
        self._stops = 0
        self._last: dict[int, bytes] = {}
        self._interrupted: set[tuple[int, bytes]] = set()
        self._over = False
        self._told = False
        self._failure = ""
        self._seen: set[int] = set()
        self._breakpoints: dict[int, _Breakpoint] = {}
        self._callers: dict[int, _Breakpoint] = {}
        self._memory = Memory(self._pid)
        self._fetch = Registers(ask["registers"])
        self._whole = Whole()
        self._guard = Guard(ask["window"])
        self._tick_waits = False
        self._running = threading.Event()
        self._period: float = ask["interval"] or _JOURNAL_SECONDS
        self._due = 0.0
        names: dict[str, Any] = {
            **{function.__name__: function for function in PROVIDED},
            "maps": self._maps,
            "totals": self._totals,
            "pid": self._pid,
            "whole": self._whole,
            "vectors": self._fetch.vectors,
            "load": self._memory.load,
            "text": self._memory.text,
            "sized": self._memory.sized,
            "comm": self._memory.comm,
            "cpu": self._memory.cpu,
        }
        exec(compile(ask["script"], "program", "exec"), names)  # noqa: S102, it is instrument's
        self._events = [names[f"event_{n}"] for n in range(ask["clauses"])]
        self._handlers = [self._handler(site) for site in ask["sites"]]
        settle()
        self.tell(kind="version", version=gdb.VERSION)

    # -- from the first stop to the last ----------------------------------------------------------------

    def begin(self) -> None:
        """Hold the process, and put the breakpoints in."""
        try:
            self._start_timer()
            attach(self._pid, handover=self._ask["handover"], libraries=self._ask["libraries"])
            if self._ask["go"]:
                # By it Go's runtime takes a goroutine away from where it is, and comes back to that on any
                # thread: also to a breakpoint that has been counted. It asks again, and goroutines yield at
                # calls, too.
                gdb.execute("handle SIGURG nopass", to_string=True)
            gdb.execute(f"set stop-on-solib-events {int(self._ask['libraries'])}", to_string=True)
            self._place()
            if self._failure:
                raise gdb.GdbError(self._failure)
            gdb.events.stop.connect(lambda _: gdb.post_event(self._go_on))
            gdb.events.exited.connect(self._exited)
            gdb.events.cont.connect(self._runs)
            _Signals(self)
        except BaseException as error:  # KeyboardInterrupt is what gdb's internal errors become
            self.tell(kind="failure", text=str(error) or type(error).__name__)
            raise

    def _runs(self, _event: Any) -> None:
        """From the first time that it runs, look after the target from time to time."""
        gdb.events.cont.disconnect(self._runs)
        self._due = time.monotonic() + self._period
        self._guard.begin(time.monotonic_ns())
        self._running.set()

    def finish(self) -> None:
        """Tell the result: from here on nothing is counted. The end of gdb's input has it detach."""
        self._over = True
        self._tell_counted(final=True)

    def _go_on(self) -> None:
        """After a stop that a user would see: at a library's coming or going, an exec, or our end."""
        if not _stands_still():
            return
        if not self._over:
            try:
                self._place()
                gdb.execute("continue&", to_string=True)
            except BaseException as error:  # as in begin
                self._fail(error)
        if self._over:
            self.finish()
            for breakpoint_ in (*self._breakpoints.values(), *self._callers.values()):
                breakpoint_.delete()
            gdb.execute("detach", to_string=True)

    def _exited(self, _event: Any) -> None:
        self.finish()

    def _fail(self, error: BaseException) -> None:
        self._over = True
        self._failure = self._failure or f"{type(error).__name__}: {error}"

    def _start_timer(self) -> None:
        """Before anything is held, since there may be no memory for a thread."""
        # A thread of Python must not get signals that gdb waits for: it inherits that they are blocked.
        before = signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
        try:
            threading.Thread(target=self._timer, daemon=True).start()
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)

    def _timer(self) -> None:
        self._running.wait()
        while not self._over:
            time.sleep(min(self._period, _WATCH_SECONDS))
            if not self._tick_waits:
                self._tick_waits = True
                gdb.post_event(self._tick)

    def _tick(self) -> None:
        self._tick_waits = False
        # By now those of the handing over have come: from here on they are the target's own.
        gdb.execute("handle SIGSTOP SIGCONT pass", to_string=True)
        # After an exec of a PIE gdb 13 puts breakpoints in where nothing is any more, and fails: no event says
        # that it has stopped then.
        self._go_on()
        now = time.monotonic()
        if not self._over and now >= self._due:
            self._due = max(self._due + self._period, now)
            self._tell_counted(final=False)

    # -- breakpoints --------------------------------------------------------------------------------------

    def _place(self) -> None:
        """Put breakpoints where the probed files are mapped now, and take away those where they aren't."""
        regions = _regions(self._pid, self._ask["files"])
        wanted: dict[int, tuple[list[Handler], str]] = {}
        for site, handler in zip(self._ask["sites"], self._handlers):  # noqa: B905, which is of Python 3.10
            for start, end, offset in regions[site["file"]]:
                self._seen.add(site["file"])
                for place, code in site["at"]:
                    if offset <= place < offset + end - start:
                        handlers, _ = wanted.setdefault(start + place - offset, ([], code))
                        handlers.append(handler)
        for address in set(self._breakpoints) - set(wanted):
            self._breakpoints.pop(address).delete()
        # A return address says nothing once something else may be there: calls after that put it in anew.
        for address in list(self._callers):
            if address in wanted or self._memory.read(address, 1) is None:
                self._callers.pop(address).delete()
        for address, (handlers, code) in wanted.items():
            if address in self._breakpoints:
                continue
            found = self._memory.read(address, len(code) // 2)
            if found is None or found.hex() != code:
                self._fail(gdb.GdbError(f"foreign {address:#x}"))
                return
            self._breakpoints[address] = _Breakpoint(address, self, handlers, code)
        self._tell_placed()

    def _tell_placed(self) -> None:
        """What breakpoints replace, for whoever has to repair the target should gdb die."""
        there = (*self._breakpoints.values(), *self._callers.values())
        self.tell(kind="placed", at={str(b.address): b.code for b in there})

    def hit(self, handlers: list[Handler]) -> bool:
        """What a breakpoint does; whether the target stays stopped."""
        if self._over:
            return False
        now = time.perf_counter_ns()
        try:
            tid = gdb.selected_thread().ptid[1]
            registers = self._fetch(tid)
            state = self._fetch.state()
            self._last[tid] = state
            if (tid, state) in self._interrupted:
                self._interrupted.remove((tid, state))
                return False
            self._stops += 1
            for handler in handlers:
                handler(registers, tid, now)
                if self._ask["limit"] is not None and sum(self._totals) >= self._ask["limit"]:
                    self._over = True
                    break
            if self._guard.is_enough(time.monotonic_ns()):
                self._over = True
        except BaseException as error:  # KeyboardInterrupt is what gdb's internal errors become
            self._fail(error)
        return self._over

    def signalled(self) -> None:
        """A thread is about to get a signal: if it stands at a breakpoint, it will meet that once more.

        gdb, which is to step over the breakpoint, then forgets that it has been there (13.1). What tells the
        second time from another call is that all registers are what they were.
        """
        tid = gdb.selected_thread().ptid[1]
        self._fetch(tid)
        state = self._fetch.state()
        if self._last.get(tid) == state:
            self._interrupted.add((tid, state))

    def _handler(self, site: dict[str, Any]) -> Handler:
        number, name = site["clause"], site["function"].encode("utf-8", "surrogateescape")
        event, entries, returns = self._events[number], self._entries, self._returns
        started = self._started
        identify = {"thread": self._of_thread, "goroutine": self._of_goroutine}[site["call"]]
        which = number, name

        def at_event(r: Any, tid: int, _now: int) -> None:
            event(r, tid, name, 0)

        def at_entry(r: Any, tid: int, now: int) -> None:
            entries[number] += 1
            started[(which, *identify(r, tid))] = now

        def at_return(r: Any, tid: int, now: int) -> None:
            returns[number] += 1
            began = started.pop((which, *identify(r, tid)), None)
            if began is not None or not site["timed"]:
                event(r, tid, name, 0 if began is None else now - began)

        def at_call(r: Any, tid: int, now: int) -> None:
            entries[number] += 1
            sp = getattr(r, self._ask["stack_pointer"])
            address = self._memory.load(sp, 8, False) if self._ask["return_shift"] else r.x30
            started[which, tid, sp + self._ask["return_shift"]] = now
            self._await_return(address, after_call)

        def after_call(r: Any, tid: int, now: int) -> None:
            began = started.pop((which, tid, getattr(r, self._ask["stack_pointer"])), None)
            if began is not None:
                returns[number] += 1
                event(r, tid, name, now - began)

        return {"event": at_event, "entry": at_entry, "return": at_return, "call": at_call}[site["kind"]]

    def _await_return(self, address: int, handler: Handler) -> None:
        """See to it that a return to an address is seen."""
        there = self._breakpoints.get(address) or self._callers.get(address)
        if there is None:
            code = self._memory.read(address, self._ask["breakpoint_bytes"])
            if code is None:
                return  # no caller has such a return address, and nothing returns to it
            there = self._callers[address] = _Breakpoint(address, self, [], code.hex())
            self._tell_placed()
        if handler not in there.handlers:
            there.handlers.insert(0, handler)  # a call's return, before an event that begins there

    def _of_thread(self, r: Any, tid: int) -> tuple[int, int]:
        return tid, getattr(r, self._ask["stack_pointer"])

    def _of_goroutine(self, r: Any, _tid: int) -> tuple[int, int]:
        """A goroutine wanders between threads, and its stack is copied; how deep it is stays the same."""
        g = getattr(r, self._ask["goroutine"])
        return g, self._memory.load(g + _STACK_HIGH, 8, False) - getattr(r, self._ask["stack_pointer"])

    # -- what is told -------------------------------------------------------------------------------------

    def _tell_counted(self, final: bool) -> None:
        if self._told:
            return
        self._told = final
        self.tell(
            kind="counted",
            final=final,
            nanoseconds=time.monotonic_ns(),
            maps=[m.told() for m in self._maps],
            totals=self._totals,
            entries=self._entries,
            returns=self._returns,
            unreadable=self._memory.unreadable,
            unfit=self._whole.unfit,
            stops=self._stops,
            guard=self._guard.told,
            unseen=[n for n in range(len(self._ask["files"])) if n not in self._seen],
            failure=self._failure,
        )

    def tell(self, **record: Any) -> None:
        """Tell something: one JSON document, which begins with what no record of gdb's begins with."""
        gdb.flush()
        data = json.dumps(record).encode() + b"\n"
        while data:
            data = data[os.write(1, data) :]


class _Breakpoint(gdb.Breakpoint):
    """A breakpoint that counts, and stops only at the end."""

    def __init__(self, address: int, tracing: Tracing, handlers: list[Handler], code: str) -> None:
        super().__init__(f"*{address:#x}", internal=True)
        self.address, self.handlers, self.code = address, handlers, code
        self._tracing = tracing

    def stop(self) -> bool:
        return self._tracing.hit(self.handlers)


class _Signals(gdb.Function):
    """The condition of a catchpoint for signals, which never holds: the only way to see them without a stop."""

    def __init__(self, tracing: Tracing) -> None:
        super().__init__("tracekit_signalled")
        self._tracing = tracing
        # By itself it leaves out SIGINT, and SIGTRAP, which is a breakpoint's own.
        for which in ("", "SIGINT"):
            gdb.execute(f"catch signal {which}", to_string=True)
            gdb.execute("condition $bpnum $tracekit_signalled()", to_string=True)

    def invoke(self) -> int:
        self._tracing.signalled()
        return 0


def _stands_still() -> bool:
    thread = gdb.selected_thread()
    return thread is not None and not thread.is_running()


def _regions(pid: int, files: list[str]) -> list[list[tuple[int, int, int]]]:
    """Where each of some files is mapped to be executed: from, to, and the offset in the file (proc(5))."""
    wanted = [os.stat(path) for path in files]
    found: list[list[tuple[int, int, int]]] = [[] for _ in files]
    with open(f"/proc/{pid}/maps", encoding="utf-8", errors="replace") as maps:
        for line in maps:
            addresses, permissions, offset, _, inode = line.split(maxsplit=5)[:5]
            if "x" not in permissions or inode == "0":
                continue
            start, end = (int(number, 16) for number in addresses.split("-"))
            try:
                # What maps says of the device is not what stat says, on btrfs and overlayfs.
                there = os.stat(f"/proc/{pid}/map_files/{start:x}-{end:x}")
                same = [os.path.samestat(there, stat) for stat in wanted]
            except OSError:
                same = [int(inode) == stat.st_ino for stat in wanted]
            for number, is_same in enumerate(same):
                if is_same:
                    found[number].append((start, end, int(offset, 16)))
    return found
