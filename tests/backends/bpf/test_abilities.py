"""Programs for kernels that lack something: they don't use it, or they are refused."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tracekit import parse
from tracekit.backends.base import Options
from tracekit.backends.bpf.abilities import ALL, Abilities
from tracekit.backends.bpf.instrument import instrument
from tracekit.backends.bpf.programs import Instrumented, Whose
from tracekit.backends.bpf.reading import Table, read, whole_sum
from tracekit.backends.bpf.sites import Instruction, Site, result_of
from tracekit.backends.calls import Call
from tracekit.core.arch import architecture
from tracekit.core.moments import WORD
from tracekit.errors import UnsupportedError

X86 = architecture("x86_64")
PROGRAM = "uretprobe:./a:f* { @[func, str(retval)] = stats(elapsed) }"
LACKING = {
    "sleeps": "call copy_from_user#148",
    "numbers": "call get_attach_cookie#174",
    "swaps": "atomic64_cmpxchg",
}


def instrumented(abilities: Abilities, options: Options = Options()) -> Instrumented:
    """The program at two functions."""
    program = parse(PROGRAM)
    sites = tuple(
        Site(
            Instruction("/a", at, returns=True), Instruction("/a", at), f"f{at}",
            retval=result_of(X86), call=Call.UNWOUND,
        )
        for at in (1, 2)
    )  # fmt: skip
    (probe,) = program.clauses[0].probes
    return instrument(program, {probe: sites}, Whose((7,)), options, X86, abilities, sleeps=True)


@pytest.mark.parametrize("name", LACKING)
def test_what_a_kernel_lacks_is_used_only_where_it_is(name: str) -> None:
    """The instruction is in the program for a kernel that has it, and in none for one that hasn't."""
    assert LACKING[name] in instrumented(ALL).text
    assert LACKING[name] not in instrumented(Abilities(**{name: False})).text


def test_without_numbers_each_function_has_programs_of_its_own() -> None:
    """The function of an event is known, though its probe has no number."""

    def at_functions(abilities: Abilities) -> list[tuple[int, tuple[int, ...]]]:
        programs = instrumented(abilities).programs
        return [(len(p.points), p.numbers) for p in programs if isinstance(p.points[0], Instruction)]

    assert at_functions(ALL) == 2 * [(2, (0, 1))]
    assert at_functions(Abilities(numbers=False)) == 4 * [(1, ())]


def test_keys_are_refused_where_maps_are_not_handed_over_whole() -> None:
    """Before anything runs: afterwards it would be too late."""
    with pytest.raises(UnsupportedError, match=r"keys.*5\.6"):
        instrumented(Abilities(whole=False))


def test_counting_up_to_a_limit_is_refused_where_events_have_no_order() -> None:
    """--max-events needs an addition that tells what was there before."""
    with pytest.raises(UnsupportedError, match=r"--max-events.*5\.12"):
        instrumented(Abilities(swaps=False), Options(max_events=3))


@given(st.booleans(), st.lists(st.integers(0, WORD - 1) | st.sampled_from((0, WORD // 2, WORD - 1))))
def test_a_sum_is_known_from_its_low_bits_and_its_values_upper_halves(signed: bool, words: list[int]) -> None:
    """Of any values of 64 bits, also where their sum has more."""
    values = [word - WORD if signed and word >= WORD // 2 else word for word in words]
    low, high = sum(values) % WORD, sum(value >> 32 for value in values) % WORD
    assert whole_sum(low, high, len(values), signed=signed) == sum(values)


@pytest.mark.parametrize("waits", [False, True])
def test_a_page_that_was_not_waited_for_is_told(waits: bool) -> None:
    """Where programs can't wait, memory that can't be read needn't be a pointer's fault."""
    layout = instrumented(ALL).layout
    counters = bytearray(8 * len(layout.words))
    counters[layout.words["f0"]] = 5
    tables = {m.name: Table(b"", b"", 0) for m in layout.maps}
    found = read(layout, Table(b"", bytes(counters), 1), tables, 1, str, final=True, waits=waits)
    (loss,) = found.losses
    assert loss.count == 5 and ("6.0" not in loss.hint) is waits


@pytest.mark.parametrize("value", [0, WORD - 1])
def test_of_the_most_values_the_sum_is_known_and_of_one_more_it_is_not(value: int) -> None:
    """2**32 values on one processor could have two sums with the same words."""
    for count, known in (((1 << 32) - 1, (value * ((1 << 32) - 1))), (1 << 32, None)):
        found = whole_sum(value * count % WORD, (value >> 32) * count % WORD, count, signed=False)
        assert found == known
