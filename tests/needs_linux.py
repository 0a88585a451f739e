"""Which tests need Linux, and why: on another system they are skipped with that reason."""

from __future__ import annotations

from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parent

_PROCESSES: Final = "processes are started and watched with Linux's pidfd and ptrace"
_ELF: Final = "it reads ELF binaries that it builds, and the compilers of this system build others"

REASONS: Final = {
    "backends/gdb": _PROCESSES,
    "binaries/test_binary.py": _ELF,
    "cli": "it traces programs with eBPF or gdb, which need Linux",
    "conformance": "it runs engines on Linux",
    "docs": "the examples trace programs with eBPF, which needs Linux",
    "hazards": "it runs engines on Linux",
    "fuzz": "its limits on time and memory are Linux's, and it reads ELF binaries that it builds",
    "live": "it runs engines on Linux",
    "process": _PROCESSES,
    "security": "what it tries needs Linux's processes and binaries",
    "symbols/abi/test_generated.py": _ELF,
    "symbols/abi/test_programs.py": _ELF,
    "symbols/dwarf": _ELF,
    "symbols/test_corrupt.py": _ELF,
    "symbols/test_cxx_names.py": _ELF,
    "symbols/test_demangle.py": _ELF,
    "symbols/test_file_functions.py": _ELF,
    "symbols/test_functions.py": _ELF,
    "symbols/test_go_names.py": _ELF,
    "symbols/test_golang.py": _ELF,
    "symbols/test_image.py": _ELF,
    "symbols/test_indirect.py": _ELF,
    "symbols/test_listing.py": _ELF,
    "symbols/test_name_fuzz.py": _ELF,
    "symbols/test_notes.py": _ELF,
    "symbols/test_returns.py": _ELF,
    "symbols/test_root.py": "links of another root folder are resolved by Linux's openat2",
    "symbols/test_rust_names.py": _ELF,
    "symbols/test_scopes.py": _ELF,
    "symbols/test_usage.py": _ELF,
    "symbols/test_usdt.py": _ELF,
    "syntax/test_file_names.py": _ELF,
    "tools": "the engines kit and the compilers kit unpack packages of Debian",
    "truth": _ELF,
    "workflow": _ELF,
}
"""By folder or file below ``tests``."""


def why(path: Path) -> str | None:
    """Why a test module needs Linux; None if it doesn't."""
    below = path.relative_to(ROOT)
    return next((REASONS[str(one)] for one in (below, *below.parents) if str(one) in REASONS), None)
