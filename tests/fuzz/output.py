"""What engines print: saved output for ``import``, and the output of our own runs for each engine's parser.

An input is a line of JSON that says whose output it is and what is known of it, and then the output.
"""

from __future__ import annotations

import functools
import json
from random import Random
from typing import Any

from tests.backends.bpftrace.protocol import output as bpftrace_prints
from tests.backends.bpftrace.test_protocol import plan_of as bpftrace_plan
from tests.backends.dtrace.test_parse import output as dtrace_prints
from tests.backends.dtrace.test_parse import plan_of as dtrace_plan
from tests.corpus import dtrace as dtrace_corpus
from tests.corpus.cases import cases
from tests.fuzz.mutate import damaged, mutated, number
from tests.fuzz.target import Target

import tracekit as tk
from tracekit.backends.base import Options, Reading
from tracekit.backends.bpftrace.diagnose import diagnose as diagnose_bpftrace
from tracekit.backends.bpftrace.diagnose import remarks
from tracekit.backends.bpftrace.parse import OutputParser as BpftraceParser
from tracekit.backends.dtrace.diagnose import diagnose as diagnose_dtrace
from tracekit.backends.dtrace.parse import OutputParser as DtraceParser
from tracekit.backends.gdb.counting import Cut, Map
from tracekit.backends.gdb.instrument import instrument as gdb_instrument
from tracekit.backends.gdb.mi import Reader, Told
from tracekit.backends.gdb.parse import reading
from tracekit.backends.gdb.records import read_records
from tracekit.backends.plan import Plan
from tracekit.core.arch import X86_64
from tracekit.core.program import Program
from tracekit.render.text import render_result, render_text
from tracekit.syntax import print_program
from tracekit.workflow.importing import import_output

_VERSIONS = ("", "0.17.0", "0.20", "0.22.1", "0.23.2", "0.24.0", "0.27.1", "x", "9" * 5000)
_TEXTS = (
    "uprobe:vals:f { @ = hist(arg0) }",
    "uprobe:vals:f { @ = lhist(arg0, 0, 100, 10); @x[arg0] = count(); @s = stats(arg0) }",
    "uprobe:vals:f { @[str(arg0), arg1] = count(); @h[arg0] = hist((uint64)arg0, 2); @x = max(arg0) }",
    "uprobe:vals:f { @l = llquantize(arg0, 10, 0, 6, 20); @[comm] = avg(arg1) }",
)
_PIECES = (
    *b'@ @x [ ] : , ... | -5 K 1M 2G (..., [2, 4) { } " \\ ~~~ null a:1:2-3: < > <= >= abs() ------'.split(),
    *b"\\u0001 \\uffffffe9 value".split(),
    *(b": ", b", ", b"\n", b"\n\n", b"@" * 52, b"9" * 30, b"count 1, average 1, total 1", b"{ .count = "),
    *(
        b" " * 40,
        b"(..., 0)",
        b"[2, 4)  1 |  |\n",
        b'{"type": "hist", "data": {"@": ',
        b"ERROR: ",
        b"WARNING: ",
    ),
    *(b'[{"min": 2, "max": 3, "count": 14}]', b'{"type": "map", "data": {"@x": ', b"Lost 5 events\n"),
    *(b"dtrace: 3 drops on CPU 0\n", b"           value  ------------- Distribution ------------- count    \n"),
)


@functools.cache
def _saved() -> dict[str, list[tuple[bytes, bytes, str]]]:
    """Recorded output and errors of each engine, with the program's text if there is one."""
    found = [
        (c.output, c.errors, "" if c.program is None else print_program(c.program))
        for c in cases()
        if len(c.output) < 4000
    ]
    other = [(c.output, c.errors, "") for c in dtrace_corpus.cases().values() if len(c.output) < 6000]
    return {"bpftrace": found, "dtrace": other}


def _make_saved(chance: Random) -> bytes:
    engine = chance.choice(("bpftrace", "dtrace"))
    output, errors, text = chance.choice(_saved()[engine])
    known = {
        "engine": engine if chance.random() < 0.9 else None,
        "version": chance.choice(_VERSIONS),
        "program": chance.choice((text, text, "", chance.choice(_TEXTS))),
        "printed": chance.random() < 0.3,
        "errors": mutated(chance, errors, _PIECES).decode("latin-1") if chance.random() < 0.3 else "",
    }
    if chance.random() < 0.1:
        output = b"".join(chance.choice(_PIECES) for _ in range(chance.randrange(60)))
    return json.dumps(known).encode() + b"\n" + mutated(chance, output, _PIECES)


def _read_saved(data: bytes) -> None:
    first, _, output = data.partition(b"\n")
    known = json.loads(first)
    result = import_output(
        output,
        engine=known["engine"],
        engine_version=known["version"],
        program=_parsed(known["program"]),
        printed=known["printed"],
        errors=known["errors"].encode("latin-1"),
    )
    shown = render_result(result)
    assert all(line.isprintable() for line in shown.split("\n")), shown


SAVED = Target("saved-output", _make_saved, _read_saved)

_RUNS = (
    "uprobe:a:f { @m = hist(arg0); @n[pid, comm] = count() }",
    "uprobe:a:f { @m[str(arg0), arg1] = lhist(arg2, -4, 100, 3) }",
    "uretprobe:a:f { @m[func] = stats(retval); @e = hist(elapsed) }",
    "uprobe:a:f { @m[str(arg0, 8)] = sum((uint64)arg1); @x = max((int32)arg2); @n = count() }",
)
_ENGINES = ("bpftrace", "dtrace", "gdb", "gdb records", "bpftrace says", "dtrace says")
_MI = tuple(
    line.encode() + b"\n"
    for line in (
        *(
            "1^done",
            '2^error,msg="No symbol \\"x\\" in current context.",code="x"',
            '3^running\n*running,thread-id="all"',
        ),
        '*stopped,reason="breakpoint-hit",bkptno="1",frame={addr="0x1",func="f",args=[]},thread-id="1"',
        *('*stopped,reason="exited",exit-code="03"', '*stopped,reason="signal-received",signal-name="SIGSEGV"'),
        *(
            "(gdb) ",
            '~"text\\n"',
            '&"log \\033[1m\\n"',
            '@"target"',
            '=thread-created,id="1"',
            "^",
            '{"kind": "x"}',
        ),
        '*stopped,reason=["a","b"]',
    )
)


@functools.cache
def _plan(engine: str, number: int) -> Plan:
    text, options = _RUNS[number], Options(max_keys=50)
    if engine == "bpftrace":
        return bpftrace_plan(text, options)
    if engine == "dtrace":
        return dtrace_plan(text, options)
    return gdb_instrument(tk.parse(text), ("f",), options, X86_64).plan


def _make_own(chance: Random) -> bytes:
    engine, program = chance.choice(_ENGINES), chance.randrange(len(_RUNS))
    head = json.dumps({"engine": engine, "program": program, "cut": chance.randrange(1, 400)}).encode() + b"\n"
    if engine == "gdb":
        return head + _told(chance, program)
    if engine == "gdb records":
        return head + _sampled(chance)
    if engine.endswith("says"):
        _, errors, _ = chance.choice(_saved()[engine.split()[0]])
        return head + mutated(chance, errors, _PIECES)
    plan = _plan(engine, program)
    simulate = bpftrace_prints if engine == "bpftrace" else dtrace_prints
    blocks = [f"{plan.nonce} ready\n".encode()]
    for kind in ("snapshot", "result"):
        events = {m.name: [_event(chance, m.keys) for _ in range(chance.randrange(5))] for m in plan.maps}
        blocks.append(simulate(plan, events, kind))
    pieces = (*_PIECES, b"%d " % plan.nonce, b"\n%d done\n" % plan.nonce, b"\n%d result 5\n" % plan.nonce)
    return head + mutated(chance, b"".join(blocks), pieces)


def _event(chance: Random, keys: Any) -> tuple[tuple[int | bytes, ...], int]:
    made = [
        number(chance) if key.kind.name in ("INTEGER", "FUNCTION") else chance.randbytes(chance.randrange(9))
        for key in keys
    ]
    return tuple(k.replace(b"\0", b"a") if isinstance(k, bytes) else 0 for k in made), chance.randrange(1 << 40)


def _told(chance: Random, program: int) -> bytes:
    """Records of gdb's machine interface, documents of ours among them."""
    lines = [chance.choice(_MI) for _ in range(chance.randrange(8))]
    for _ in range(chance.randrange(3)):
        plan = _plan("gdb", program)
        kept = [Map(50) for _ in plan.maps]
        for one, planned in zip(kept, plan.maps, strict=True):
            for _ in range(chance.randrange(4)):
                keys, value = _event(chance, planned.keys)
                one.keep(tuple(Cut(k) if isinstance(k, bytes) else k for k in keys), value, value)
        document = {
            "kind": "counted", "final": True, "nanoseconds": 5, "maps": [m.told() for m in kept],
            "entries": [3], "returns": [2],
            "unreadable": 0, "unfit": 0, "failure": "", "totals": [9] * plan.clauses,
        }  # fmt: skip
        lines.append(damaged(chance, document) + b"\n")
    data = b"".join(lines)
    return mutated(chance, data, _MI) if chance.random() < 0.5 else data


def _sampled(chance: Random) -> bytes:
    """What the sampler tells."""
    maps = "1000-2000 r-xp 00000000 08:01 12 /bin/x y\n3000-4000 rw-p 00000000 00:00 0 [stack]\n"
    hit = {"registers": {"rdi": 1}, "vectors": {"xmm0": "00" * 16}, "stack": "00ff", "memory": {"1": "00"}}
    documents: list[Any] = [
        {"kind": "version", "version": "13.1"},
        {"kind": "hit", **hit, "thread": 1},
        {"kind": "after", "hit": 0, "values": {"16": "0011"}},
        {"kind": "regions", "text": maps},
        {"kind": "entry", "address": 4096},
        {"kind": "code", "data": "f30f1efa"},
        {"kind": "note", "text": "n"},
        {"kind": "error", "text": "e"},
    ]
    told = (damaged(chance, d) if chance.random() < 0.3 else json.dumps(d).encode() for d in documents)
    return b"".join(document + b"\n" for document in told)


def _read_own(data: bytes) -> None:
    first, _, output = data.partition(b"\n")
    known = json.loads(first)
    engine, cut = known["engine"], known["cut"]
    readings: list[Reading] = []
    match engine:
        case "gdb":
            reader, plan = Reader(), _plan(engine, known["program"])
            for record in [r for n in range(0, len(output), cut) for r in reader.feed(output[n : n + cut])]:
                if isinstance(record, Told) and record.document.get("kind") == "counted":
                    readings.append(reading(plan, record.document))
        case "gdb records":
            read_records(output)
        case "bpftrace says":
            remarks(output)
            raise diagnose_bpftrace(1, output)
        case "dtrace says":
            raise diagnose_dtrace(1, output)
        case _:
            plan = _plan(engine, known["program"])
            parser: Any = BpftraceParser(plan) if engine == "bpftrace" else DtraceParser(plan)
            for n in range(0, len(output), cut):
                readings += [r for r in parser.feed(output[n : n + cut]) if isinstance(r, Reading)]
            parser.close()
    for one in readings:
        render_text(one.maps)


def _parsed(text: str) -> Program | None:
    return tk.parse(text) if text else None


OWN = Target("own-output", _make_own, _read_own)
