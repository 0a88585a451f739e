from __future__ import annotations

import pytest
from tests import installed
from tests.symbols.abi.oracle import TOOLCHAINS, compare

_LARGEST_PART_REFUSED = 0.2


@pytest.mark.parametrize(
    ("toolchain", "needed", "count"),
    [
        ("gcc", (), 250),
        ("clang", ("clang",), 150),
        ("gcc-arm64", ("aarch64-linux-gnu-gcc", "qemu-aarch64"), 100),
        ("clang-19-apple", ("clang-19", "aarch64-linux-gnu-gcc", "qemu-aarch64"), 100),
    ],
)
@pytest.mark.parametrize("seed", [1, 2])
def test_rules_and_compilers_agree(toolchain: str, needed: tuple[str, ...], count: int, seed: int) -> None:
    """Arguments and results of random types are, in programs that run, where the rules have them."""
    installed.needed(*needed)
    outcome = compare(TOOLCHAINS[toolchain], seed, count)
    assert outcome.wrong == ()
    assert outcome.refused.total() < _LARGEST_PART_REFUSED * (outcome.known + outcome.refused.total())


def test_what_depends_on_avx_is_refused() -> None:
    """With and without AVX, what isn't refused is where it should be."""
    for toolchain in ("gcc", "gcc-avx"):
        outcome = compare(TOOLCHAINS[toolchain], 3, 100, wide=True)
        assert outcome.wrong == ()
        assert any("AVX" in reason for reason in outcome.refused)
