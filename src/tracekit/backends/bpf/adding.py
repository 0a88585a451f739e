"""An event's part in a map: its keys, its bucket, and the moments. Pure."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

from tracekit.backends.bpf import instructions as code
from tracekit.backends.bpf.assembler import Assembler
from tracekit.backends.bpf.bucketing import bucketing
from tracekit.backends.bpf.emit import COUNTERS, FP, R0, R1, R2, R3, R4, Emitter
from tracekit.backends.bpf.helpers import Helper
from tracekit.backends.bpf.instructions import Register
from tracekit.backends.bpf.layout import Layout, key_bytes, key_room, moments, string_room
from tracekit.backends.plan import UNCOUNTED, KeyKind, KeyPlan, MapPlan, word
from tracekit.core.aggregation import value_of
from tracekit.core.expr import Expr, Str
from tracekit.core.program import Aggregate
from tracekit.values import frozen

_MINE: Final = Register.R8
"""A pointer into a map that is added to."""

_TRIES: Final = 8
"""How often an extreme is tried to be replaced. Each failure takes another event that replaces it just then."""

_NOEXIST: Final = 1  # BPF_NOEXIST in include/uapi/linux/bpf.h

_SIGN: Final = 1 << 63


@frozen
class Adder:
    """Writes how events are added to maps.

    Attributes:
        asm: where the instructions go.
        layout: what the run keeps.
        emitter: emits the expressions.
        count: counts, in place, in the counter of a name.
        function: has the number of the probed function in ``R0``.
        swaps: see ``Abilities``.
    """

    asm: Assembler
    layout: Layout
    emitter: Emitter
    count: Callable[[str], None]
    function: Callable[[], None]
    swaps: bool = True

    def add(self, aggregate: Aggregate, plan: MapPlan) -> None:
        """Add an event to a map."""
        asm = self.asm
        full, done = asm.label("full"), asm.label("done")
        value = value_of(aggregate.function)
        keys = key_bytes(plan)
        with asm.room(8) as x, asm.room(keys + 8) as at:
            if value is not None:
                self.emitter.value(value)
                asm.store(FP, x, R0)
            place = at
            for key, key_plan in zip(aggregate.keys, plan.keys, strict=True):
                self._key(key, key_plan, place)
                place += key_room(key_plan)
            if plan.scheme is not None and plan.type is not None:
                asm.load(R0, FP, x)
                bucketing(asm, plan.scheme, word(plan.type))
                asm.store(FP, at + keys, R0)
                where = at if plan.keys else at + keys  # of an array, the lower half is its index
                self._entry(f"b{plan.number}", where, 8, full, made=bool(plan.keys))
                asm.constant(R1, 1)
                asm.add(code.atomic_add(R0, 0, R1))
            found = moments(plan)
            if found:
                offset = 0
                base = _MINE
                if plan.keys:
                    self._entry(f"m{plan.number}", at, 8 * len(found), full, made=True)
                    asm.move(_MINE, R0)
                else:
                    base, offset = COUNTERS, self.layout.words[f"{found[0]}{plan.number}"]
                self._moments(plan, found, base, offset, x)
        if plan.scheme is not None or plan.keys:
            asm.goto(done)
            asm.place(full)
            self.count(f"full{plan.number}")
            asm.place(done)

    def _key(self, key: Expr, plan: KeyPlan, at: int) -> None:
        asm = self.asm
        match plan.kind:
            case KeyKind.FUNCTION:
                self.function()
                asm.store(FP, at, R0)
            case KeyKind.STACK:
                asm.load(R0, FP, self.emitter.values.stack)
                asm.store(FP, at, R0)
            case KeyKind.INTEGER:
                self.emitter.value(key)
                asm.store(FP, at, R0)
            case KeyKind.STRING:
                self.emitter.strings.put(key, at, plan.most)
            case KeyKind.COUNTED:
                limit = plan.most
                if isinstance(key, Str) and key.size is not None:
                    self.emitter.strings.put_counted(key, at, limit)
                else:
                    self.emitter.strings.put(key, at, limit)
                    asm.constant(R1, UNCOUNTED)
                    asm.store(FP, at + string_room(limit), R1)

    def _entry(self, name: str, key: int, size: int, full: str, *, made: bool) -> None:
        """The address of a map's entry into ``R0``; it is made if need be, and may find no room."""
        asm = self.asm
        have = asm.label("have")
        self._look_up(name, key)
        asm.jump("!=", R0, 0, have)
        if made:
            with asm.room(size) as nothing:
                for offset in range(0, size, 8):
                    asm.store(FP, nothing + offset, 0)
                asm.map(R1, name)
                asm.address(R2, key)
                asm.address(R3, nothing)
                asm.constant(R4, _NOEXIST)
                asm.call(Helper.MAP_UPDATE_ELEM)
            # Whoever made it: another processor may have been first.
            self._look_up(name, key)
            asm.jump("!=", R0, 0, have)
        asm.goto(full)
        asm.place(have)

    def _look_up(self, name: str, key: int) -> None:
        self.asm.map(R1, name)
        self.asm.address(R2, key)
        self.asm.call(Helper.MAP_LOOKUP_ELEM)

    def _moments(self, plan: MapPlan, found: Sequence[str], base: Register, offset: int, x: int) -> None:
        asm = self.asm
        places = {name: offset + 8 * n for n, name in enumerate(found)}
        signed = plan.type is not None and word(plan.type).signed
        asm.constant(R1, 1)
        asm.add(code.atomic_add(base, places["count"], R1))
        if "low" in places:
            asm.load(R1, FP, x)
            asm.add(code.atomic_add(base, places["low"], R1))
            asm.arithmetic("s>>=" if signed else ">>=", R1, 32)
            asm.add(code.atomic_add(base, places["high"], R1))
        for name in ("least", "most"):
            if name in places:
                asm.load(R2, FP, x)
                if signed:
                    asm.constant(R1, _SIGN)
                    asm.arithmetic("^=", R2, R1)
                if name == "least":
                    asm.arithmetic("^=", R2, -1)
                self._greatest(base, places[name], f"raced{plan.number}")

    def _greatest(self, base: Register, offset: int, raced: str) -> None:
        """A word becomes ``R2`` if that is greater."""
        asm = self.asm
        kept = asm.label("kept")
        if not self.swaps:
            asm.load(R0, base, offset)
            asm.jump(">=", R0, R2, kept)
            asm.store(base, offset, R2)
            asm.place(kept)
            return
        for _ in range(_TRIES):
            asm.load(R0, base, offset)
            asm.jump(">=", R0, R2, kept)
            asm.move(R3, R0)
            asm.add(code.compare_exchange(base, offset, R2))
            asm.jump("==", R0, R3, kept)
        self.count(raced)
        asm.place(kept)
