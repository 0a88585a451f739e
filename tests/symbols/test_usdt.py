"""Statically defined tracepoints."""

import re
import struct
import subprocess

import pytest

from tracekit.errors import BinaryError
from tracekit.symbols.image import open_image
from tracekit.symbols.usdt import find_usdt, usdt_sites

SITE = r"""
    __asm__ volatile (
        "990: nop\n"
        ".pushsection .note.stapsdt,\"\",\"note\"\n"
        ".balign 4\n .4byte 992f-991f, 994f-993f, 3\n"
        "991: .asciz \"stapsdt\"\n 992: .balign 4\n"
        "993: .8byte 990b, _.stapsdt.base, %s\n"
        ".asciz \"%s\"\n .asciz \"%s\"\n .asciz \"-4@%%0 8@$7\"\n"
        "994: .balign 4\n .popsection\n"
        ".ifndef _.stapsdt.base\n"
        ".pushsection .stapsdt.base,\"aG\",\"progbits\",.stapsdt.base,comdat\n"
        ".weak _.stapsdt.base\n .hidden _.stapsdt.base\n _.stapsdt.base: .space 1\n"
        ".size _.stapsdt.base, 1\n .popsection\n .endif\n" :: "r"(x));
"""


@pytest.fixture(scope="module")
def traced(build):
    """A program with three sites of two tracepoints, one of them with a semaphore."""
    text = (
        '__attribute__((section(".probes"))) volatile unsigned short switched;\n'
        "int main(int x, char **v) {"
        + SITE % ("0", "store", "insert")
        + SITE % ("0", "store", "insert")
        + SITE % ("switched", "store", "evict")
        + "return x; }"
    )
    return build(text, "-O1", "-no-pie")


def readelf(path):
    """What readelf says: (provider, name, address, semaphore, arguments) of each site."""
    text = subprocess.run(["readelf", "-n", path], check=True, capture_output=True, text=True).stdout
    pattern = (
        r"Provider: (.*)\n\s+Name: (.*)\n\s+Location: (\w+), Base: (\w+), Semaphore: (\w+)\n\s+Arguments: (.*)"
    )
    return [(p, n, int(at, 16), int(s, 16), a.strip()) for p, n, at, _, s, a in re.findall(pattern, text)]


def test_sites_agree_with_readelf(traced):
    """Provider, name, address, semaphore and arguments are those that readelf shows."""
    sites = [(s.provider, s.name, s.address, s.semaphore, s.arguments) for s in usdt_sites(open_image(traced))]
    assert sites == readelf(traced)
    assert [s[:2] for s in sites] == [("store", "insert"), ("store", "insert"), ("store", "evict")]
    assert [bool(s[3]) for s in sites] == [False, False, True]
    assert sites[0][4].startswith("-4@%")


def test_a_tracepoint_with_two_sites(traced):
    """Both places of an inlined tracepoint are found, in the order of addresses, and lie in code."""
    image = open_image(traced)
    first, second = find_usdt(image, "store", "insert")
    assert first.address < second.address
    assert image.instructions(first.address, 1) == b"\x90" or image.machine != "x86_64"


def test_code_that_was_moved_after_linking(traced, tmp_path):
    """Where the base section is no longer where the note says, all addresses move along."""
    image = open_image(traced)
    section = image.section(b".note.stapsdt")
    with open(traced, "rb") as file:
        content = bytearray(file.read())
    base = image.section(b".stapsdt.base").address
    at = content.index(struct.pack("<Q", base), section.offset)
    struct.pack_into("<Q", content, at, base - 0x1000)
    path = tmp_path / "moved"
    path.write_bytes(content)
    sites = list(usdt_sites(open_image(str(path))))
    assert sites[0].address == next(usdt_sites(image)).address + 0x1000
    assert sites[0].semaphore == 0
    assert sites[1:] == list(usdt_sites(image))[1:]


def test_unknown_tracepoints(traced, sample):
    """An unknown tracepoint is answered with near ones, and a binary without any by saying so."""
    with pytest.raises(BinaryError) as caught:
        find_usdt(open_image(traced), "store", "isnert")
    assert "no USDT probe store:isnert" in caught.value.message
    assert "store:insert" in caught.value.hint
    with pytest.raises(BinaryError, match="has none at all"):
        find_usdt(open_image(sample), "store", "insert")
