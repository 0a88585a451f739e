"""Whether a program has debug information, and where that is to be had if it has none."""

from __future__ import annotations

import glob
import os
import re
from collections.abc import Iterator
from typing import Final

from tracekit import process
from tracekit.errors import BinaryError, EngineMissingError
from tracekit.symbols.debugfile import debug_path
from tracekit.workflow.doctor import Check, State
from tracekit.workflow.subjects import Subject

_NAME: Final = "debug info"
_SERVERS: Final = "DEBUGINFOD_URLS"
_EVERYBODYS: Final = "https://debuginfod.elfutils.org"
"""It asks those of the distributions."""


def of_program(subject: Subject) -> Check:
    """What arguments can be named by."""
    binary = subject.binary
    try:
        where = binary.ask(debug_path) if binary.facts.elf else binary.path
    except BinaryError as error:
        says = f"{error.message}: arguments can't be named"
        remedy = " ".join(_remedies(binary.path, binary.facts.build_id)) or error.hint
        return Check(_NAME, State.LIMITED, says, remedy)
    own = where == binary.path
    return Check(_NAME, State.READY, f"{binary.path} has it" + ("" if own else f" in {where}"))


def _remedies(path: str, build_id: str) -> Iterator[str]:
    """Where it is to be had. An own build is in no package; a server may have it nevertheless."""
    package = _debian(path) or _fedora(path)
    if package:
        yield f"{package}."
    if build_id and (package or _server_is_set()):
        before = "" if _server_is_set() else f"{_SERVERS}={_EVERYBODYS} "
        yield f"{'Or' if package else 'Try'}: {before}debuginfod-find debuginfo {build_id}"


def _debian(path: str) -> str:
    real = os.path.realpath(path)
    # dpkg has the names of before /bin became a link to /usr/bin.
    for name in dict.fromkeys((real, real.removeprefix("/usr"))):
        if found := re.match(r"([a-z0-9][a-z0-9+.-]+)(?::\w+)?: ", _said("dpkg-query", "--search", name)):
            package = found[1]
            known = _said("apt-cache", "search", "--names-only", f"^{re.escape(package)}-dbg(sym)?$").split()
            if known:
                return f"Run: apt install {known[0]}"
            archive = "which is in an archive of its own (Debian's debian-debug, Ubuntu's ddebs)"
            return f"Install {package}-dbgsym, {archive}"
    return ""


def _fedora(path: str) -> str:
    words = "rpm", "--query", "--file", "--queryformat", "%{NAME}\n", os.path.realpath(path)
    package = _said(*words).split("\n")[0]
    return f"Run: dnf debuginfo-install {package}" if re.fullmatch(r"[\w+.-]+", package) else ""


def _server_is_set() -> bool:
    return bool(os.environ.get(_SERVERS) or glob.glob("/etc/debuginfod/*.urls"))


def _said(*argv: str) -> str:
    try:
        return process.output(argv).decode("utf-8", "replace")
    except EngineMissingError:
        return ""
