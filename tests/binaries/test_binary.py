"""What is known of a binary at once."""

import platform
import sys

import pytest

from tracekit.binaries import open_elf
from tracekit.errors import BinaryError

OTHER_NAMES = {"x86_64": "AMD64", "aarch64": "arm64"}


def test_other_machines():
    """A binary for this machine passes under any of the machine's names; one for another is refused."""
    binary = open_elf(sys.executable)
    binary.check_traceable(platform.machine())
    binary.check_traceable(OTHER_NAMES[platform.machine()])
    with pytest.raises(BinaryError, match=f"is for {binary.machine}, and this machine is riscv64"):
        binary.check_traceable("riscv64")
