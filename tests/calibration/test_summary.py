"""The table of registers for a person who looks for an argument."""

from tracekit.calibration.samples import Hit, Region, Samples
from tracekit.calibration.summary import Kind, summarise
from tracekit.core.arch import X86_64
from tracekit.core.signature import Language

REGIONS = (Region(0x1000, 0x2000, "/bin/x"), Region(0x5000, 0x6000, "[heap]"), Region(0x7000, 0x8000, ""))
HITS = tuple(
    Hit(
        registers={
            "rdi": 0x5000 + 16 * n,
            "rsi": 100 + 7 * n,
            "rdx": 0xFFFF_FFFF - n,
            "rcx": 42,
            "r8": (0x9000_0000_0003, 0x9000_0000_0009, 0x9000_0000_0001)[n],
            "r9": (0x1000, 0x5008, 0x7000)[n],
            "rax": 1,
        },
        stack=(0x1234).to_bytes(8, "little") + (1 << 64 - n).to_bytes(16, "little")[:8],
        memory={"rdi": b"hello\0rest"},
    )
    for n in range(3)
)


def rows(**options):
    return {row.place: row for row in summarise(Samples(HITS, regions=REGIONS), X86_64, **options)}


def test_registers_of_arguments():
    """Each has its number, what it looks like, its least and greatest value, and how it goes on."""
    found = rows()
    assert list(found) == ["rdi", "rsi", "rdx", "rcx", "r8", "r9"]
    rdi, rsi, rdx, rcx, r8, r9 = found.values()
    assert (rdi.argument, rdi.kind, rdi.regions, rdi.text) == ("arg0", Kind.POINTER, ("[heap]",), "hello")
    assert (rsi.kind, rsi.distinct, rsi.minimum, rsi.maximum) == (Kind.SMALL, 3, 100, 114)
    assert rsi.change == "rises by 7"
    assert (rdx.kind, rdx.values, rdx.change) == (Kind.SMALL, (-1, -2, -3), "falls by 1")
    assert (rcx.kind, rcx.minimum, rcx.change) == (Kind.CONSTANT, 42, "")
    assert (r8.kind, r8.distinct, r8.change) == (Kind.OTHER, 3, "")
    assert r9.regions == ("/bin/x", "[heap]", "anonymous memory")


def test_others_and_stack():
    """The other registers, and words on the stack from the first argument there on, come on request."""
    found = rows(others=True, stack_words=2)
    assert found["rax"].argument == ""
    assert list(found)[-1] == "[rsp+8]"
    assert found["[rsp+8]"].values == (0, 1 << 63, 1 << 62)


def test_go():
    """In Go, the registers are those of Go's convention, and have no number of C's."""
    found = rows(language=Language.GO)
    assert list(found)[:4] == ["rax", "rcx", "rdi", "rsi"]
    assert {row.argument for row in found.values()} == {""}


def test_nothing_seen():
    """Without a hit there is no row."""
    assert summarise(Samples(()), X86_64) == ()
