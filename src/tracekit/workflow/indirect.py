"""What calls of an indirect function (IFUNC) go to, by asking the dynamic linker."""

from __future__ import annotations

import os

from tracekit import process
from tracekit.binaries import Binary
from tracekit.symbols.function import Function
from tracekit.symbols.image import Image
from tracekit.symbols.indirect import (
    check_library,
    read_implementation,
    refuse_foreign,
    resolver_command,
)  # fmt: skip
from tracekit.workflow.mapped import is_ours


def implementation(binary: Binary, path: str, indirect: Function) -> Function:
    """The implementation that the dynamic linker chooses here.

    It runs the library's constructors, so who asks it has no privileges; those of a library that we run
    ourselves have run here already.

    Args:
        binary: the library.
        path: to the very file that was read.
        indirect: its function.

    Raises:
        UnsupportedError: if it can't be asked for it.
    """
    binary.ask(check_library, indirect)
    ours = is_ours(binary.descriptor)
    if binary.root is not None and not ours:
        binary.ask(refuse_foreign, indirect.name)
    user = None if ours or os.geteuid() != 0 else process.invoking_user() or process.nobody()
    said = process.output(resolver_command(path, indirect.name), user=user)
    return binary.ask(_chosen, said, indirect.name)


def _chosen(image: Image, said: bytes, name: str) -> Function:
    return read_implementation(said, image, name)
