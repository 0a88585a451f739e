"""The assembler: where labels are, what is left out, and what is refused."""

from __future__ import annotations

import pytest
from tests.backends.bpf.machine import Machine

from tracekit.backends.bpf.assembler import STACK, Assembler
from tracekit.backends.bpf.instructions import Register, leave, reaches
from tracekit.errors import UnsupportedError

R0, R1 = Register.R0, Register.R1
WIDE = 0x1122334455667788


def test_jumps_count_words_and_not_instructions() -> None:
    """A jump across instructions of two words lands at its label, and a word is for what its instruction is."""
    asm = Assembler()
    end = asm.label("end")
    asm.constant(R0, 1)
    asm.jump("==", R0, 1, end)
    for name in "abc":
        with asm.about(name):
            asm.constant(R0, WIDE)
    asm.place(end)
    asm.arithmetic("+=", R0, 1)
    made = asm.assemble()
    assert made.instructions[1].offset == 6
    assert [made.why(word) for word in range(10)] == ["", "", "a", "a", "b", "b", "c", "c", "", ""]
    assert made.words == 9


@pytest.mark.parametrize("number", [0, 1, -1, 2**31 - 1, 2**31, -(2**31), -(2**31) - 1, 2**63, 2**64 - 1, WIDE])
def test_constants_of_all_sizes(number: int) -> None:
    """A number is its 64 bits, whichever instruction has room for it."""
    asm = Assembler()
    asm.constant(R0, number)
    asm.add(leave())
    assert Machine().run(asm.assemble().encode({})) == number % 2**64


def test_what_no_path_leads_to_is_left_out() -> None:
    """Behind a jump there is nothing until a label that something left in jumps to."""
    asm = Assembler()
    skipped, never, end = asm.label("skipped"), asm.label("never"), asm.label("end")
    asm.constant(R0, 7)
    asm.goto(end)
    asm.constant(R0, 8)
    asm.jump("==", R0, 8, skipped)
    asm.place(skipped)  # only what is left out itself jumps here
    asm.constant(R0, 9)
    asm.place(never)
    asm.constant(R0, 10)
    asm.place(end)
    asm.arithmetic("+=", R0, 1)
    asm.arithmetic("-=", R0, 1)
    asm.leave()
    made = asm.assemble()
    assert [i.text for i in made.instructions] == ["r0 = 7", "goto", "r0 += 1", "r0 -= 1", "r0 = 0", "exit"]
    assert made.labels == {2: [end]}


def test_a_jump_reaches_32767_words() -> None:
    """One word more is refused, with what to do about it."""
    assert reaches(32767) and not reaches(32768)
    asm = Assembler()
    end = asm.label("end")
    asm.jump("==", R1, 0, end)
    for _ in range(16384):
        asm.constant(R1, WIDE)
    asm.place(end)
    asm.leave()
    with pytest.raises(UnsupportedError, match="32,767") as error:
        asm.assemble()
    assert "several clauses" in error.value.hint


def test_the_stack_has_512_bytes() -> None:
    """Room is given in words of 8 bytes, apart from each other, and back; more than there is is refused."""
    asm = Assembler()
    with asm.room(1) as first, asm.room(9) as second:
        assert (first, second) == (-8, -24)
    with asm.room(STACK) as whole:
        assert whole == -STACK
        with pytest.raises(UnsupportedError, match="512 bytes"), asm.room(1):
            pass


def test_the_listing_tells_words_labels_and_what_for() -> None:
    """Each instruction stands with its word's number, under what it is for."""
    asm = Assembler()
    end = asm.label("end")
    with asm.about("a wide number"):
        asm.constant(R0, WIDE)
    asm.jump("==", R0, 0, end)
    asm.place(end)
    asm.leave()
    assert list(asm.assemble().listing()) == [
        "     ; a wide number",
        "   0: r0 = 0x1122334455667788 ll",
        "   2: if r0 == 0 goto end_1",
        "end_1:",
        "   3: r0 = 0",
        "   4: exit",
    ]
