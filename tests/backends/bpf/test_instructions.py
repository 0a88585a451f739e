"""Every form of instruction: its bytes as the standard has them, and as LLVM and the kernel read them."""

from __future__ import annotations

import os
import re
import shutil
import subprocess

import attrs
import pytest
from tests.installed import needed

from tracekit.backends.bpf import instructions as code
from tracekit.backends.bpf import kernel
from tracekit.backends.bpf.assembler import Assembler
from tracekit.backends.bpf.helpers import Helper
from tracekit.backends.bpf.instructions import ARITHMETIC, JUMPS, SIZES, Instruction, Register

R0, R1, R2, R3, R6, FP = (
    Register.R0, Register.R1, Register.R2, Register.R3, Register.R6, Register.FP
)  # fmt: skip

KNOWN = {
    "07 01 00 00 05 00 00 00": code.arithmetic("+=", R1, 5),
    "0f 21 00 00 00 00 00 00": code.arithmetic("+=", R1, R2),
    "b7 00 00 00 ff ff ff ff": code.arithmetic("=", R0, -1),
    "bf a2 00 00 00 00 00 00": code.arithmetic("=", R2, FP),
    "cf 21 00 00 00 00 00 00": code.arithmetic("s>>=", R1, R2),
    "87 03 00 00 00 00 00 00": code.negation(R3),
    "18 01 00 00 88 77 66 55 00 00 00 00 44 33 22 11": code.wide(R1, 0x1122334455667788),
    "18 00 00 00 ff ff ff ff 00 00 00 00 ff ff ff ff": code.wide(R0, -1),
    "18 11 00 00 09 00 00 00 00 00 00 00 00 00 00 00": code.of_map(R1, "nine"),
    "79 60 70 00 00 00 00 00": code.load(R0, R6, 112),
    "71 a0 ff ff 00 00 00 00": code.load(R0, FP, -1, 1),
    "7b 0a f8 ff 00 00 00 00": code.store(FP, -8, R0),
    "62 0a fc ff 07 00 00 00": code.store(FP, -4, 7, 4),
    "db 16 10 00 00 00 00 00": code.atomic_add(R6, 16, R1),
    "db 16 10 00 01 00 00 00": code.atomic_add(R6, 16, R1, fetch=True),
    "db 26 10 00 f1 00 00 00": code.compare_exchange(R6, 16, R2),
    "15 00 02 00 00 00 00 00": attrs.evolve(code.jump("==", R0, 0, "x"), offset=2),
    "6d 10 ff 7f 00 00 00 00": attrs.evolve(code.jump("s>", R0, R1, "x"), offset=32767),
    "05 00 03 00 00 00 00 00": attrs.evolve(code.goto("x"), offset=3),
    "85 00 00 00 05 00 00 00": code.call(5, "ktime_get_ns"),
    "95 00 00 00 00 00 00 00": code.leave(),
}
"""Written by hand from the tables of RFC 9669, in the bytes' order of a little-endian machine."""


@pytest.mark.parametrize("known", KNOWN)
def test_bytes_are_those_of_the_standard(known: str) -> None:
    """Each instruction has the bytes that the standard's tables give it."""
    assert KNOWN[known].encode({"nine": 9}).hex(" ") == known


def forms() -> list[Instruction]:
    """Every form in which there is an instruction, straight on: jumps lead to what comes next."""
    found = [f for op in ARITHMETIC for f in (code.arithmetic(op, R1, 3), code.arithmetic(op, R2, R1))]
    found += [code.arithmetic("=", R1, n) for n in (-(1 << 31), (1 << 31) - 1, 5)]
    found += [code.negation(R1), code.wide(R1, 0x1122334455667788), code.wide(R2, -1), code.of_map(R3, "nine")]
    for size in SIZES:
        found += [code.store(FP, -16, 7, size), code.store(FP, -8, R1, size), code.load(R2, FP, -8, size)]
    found += [code.store(FP, -8, R1), code.store(FP, -16, R1)]
    found += [code.atomic_add(FP, -8, R1), code.atomic_add(FP, -8, R2, fetch=True)]
    found += [code.arithmetic("=", R0, 0), code.compare_exchange(FP, -16, R2)]
    found += [f for op in JUMPS for f in (code.jump(op, R1, 3, "x"), code.jump(op, R2, R1, "x"))]
    found += [code.goto("x"), code.call(Helper.KTIME_GET_NS.value, Helper.KTIME_GET_NS.text), code.leave()]
    return found


def _plain(text: str) -> str:
    """An instruction as both readers have it but for their manners."""
    text = re.sub(r"goto (pc)?[+-]\d+.*", "goto", text)
    text = re.sub(r"\b(bpf_|64|_64)|lock |\bu64 ", "", re.sub(r"atomic(64)?_", "", text))
    text = re.sub(r"(\w+)\((\*|\(\*\)|\( \*\))\(", r"\1((", text)
    return re.sub(r"0x[0-9a-f]+", lambda m: str(int(m[0], 16)), re.sub(r"[\s*()]|\bll\b", "", text))


UNKNOWN_TO_OLD = re.compile(r"\*\(u\d+ \*\)\(r10 . \d+\) = \d+|if r\d+ & .*|r\d %= .*")
"""What LLVM reads only since its version 19."""


def test_llvm_reads_what_is_meant() -> None:
    """LLVM's disassembler agrees on every form, but for three that its old versions don't know."""
    needed("llvm-mc")
    every = forms()
    lines = "".join(" ".join(f"{byte:#x}" for byte in f.encode({"nine": 9})) + "\n" for f in every)
    words = [str(shutil.which("llvm-mc")), "-arch=bpfel", "-disassemble"]
    done = subprocess.run(words, check=False, input=lines, capture_output=True, text=True)
    unknown = {int(line) - 1 for line in re.findall(r"^<stdin>:(\d+):", done.stderr, re.MULTILINE)}
    assert all(UNKNOWN_TO_OLD.fullmatch(every[n].text) for n in unknown), done.stderr
    said = [line.strip() for line in done.stdout.splitlines() if line.strip() and ".text" not in line]
    known = [f for n, f in enumerate(every) if n not in unknown]
    assert len(said) == len(known)
    for line, form in zip(said, known, strict=True):
        assert _of_llvm(line) == _of_ours(form), (line, form.text)


def _of_llvm(line: str) -> str:
    line = re.sub(r"\s+", " ", line)
    line = re.sub(r"cmpxchg_64\((.*), r0, (r\d+)\)", r"cmpxchg((u64 *)(\1), r0, \2)", line)
    if line.startswith("ld_pseudo"):
        return line
    line = re.sub(r"= (\d{10,}|0x[0-9a-f]+|-1) ll", lambda m: f"= {int(m[1], 0) % 2**64}", line)
    return _plain(line)


def _of_ours(form: Instruction) -> str:
    if form.map:
        return f"ld_pseudo r{form.dst}, 1, 9"
    if form.text.startswith("call"):
        return f"call{form.number}"
    return _plain(form.text)


@pytest.mark.live
def test_the_kernel_reads_what_is_printed() -> None:
    """The verifier's log has each instruction as our listing does: what is run is what is shown."""
    if os.geteuid() != 0:
        pytest.skip("loading programs needs root")
    asm = Assembler()
    for register in (R1, R2, R3):
        asm.constant(register, 1)
    for form in forms()[:-1]:
        if form.target:
            label = asm.label("next")
            asm.add(attrs.evolve(form, target=label))
            asm.place(label)
        else:
            asm.add(form)
    asm.load(R0, R6, 0)  # nothing is in r6: only a program that is refused has a log
    asm.leave()
    made = asm.assemble()
    map_ = kernel.create_map(2, 4, 8, 1, "nine")
    try:
        with pytest.raises(kernel.VerifierError) as refused:
            kernel.load_program(2, made.encode({"nine": 0}), [map_], sleeps=False, attach=0, name="forms")
    finally:
        os.close(map_)
    told: dict[int, str] = {}
    for word, text in re.findall(r"^(\d+): \([0-9a-f]{2}\) (.*?)(?:\s+;.*)?$", refused.value.log, re.MULTILINE):
        told.setdefault(int(word), text)
    word = 0
    for instruction in made.instructions[:-2]:
        if not instruction.map:
            assert _plain(told[word]) == _plain(instruction.text), (told[word], instruction.text)
        word += instruction.words
    assert "R6 !read_ok" in refused.value.log
