"""Which capabilities each engine needs for a run of tracekit: they are taken away one by one.

tracekit runs as a whole with them, as root and as an ordinary user, and counts a command of its own exactly.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from common import ROOT, TRACEKIT, heading, options, table, workshop

sys.path.insert(0, str(ROOT))
from tools.with_capabilities import command, here

USER: Final = 65534
CALLS: Final = 100
ENGINES: Final = (
    ("bpf", ""),
    ("bpftrace", ""),
    ("bpftrace", "trixie"),
    ("bpftrace", "sid"),
    ("dtrace", "sid"),
    ("gdb", ""),
)
PROGRAM: Final = """
#include <stdlib.h>
__attribute__((noipa)) void work(long n) { (void)n; }
int main(int argc, char **argv) { for (long i = 0; i < atol(argv[argc - 1]); i++) work(i); return 0; }
"""
KIT: Final = Path(os.environ.get("TRACEKIT_ENGINES", "/var/cache/tracekit-engines"))


def runs(engine: str, suite: str, uid: int, capabilities: list[str]) -> bool:
    """Whether a run with these capabilities is exact."""
    program = os.path.abspath("work")
    text = f"uprobe:{program}:work {{ @ = count() }}"
    argv = [*TRACEKIT, "trace", "--backend", engine, "-f", "json", "-e", text, "--", program, str(CALLS)]
    done = subprocess.run(
        command(uid, capabilities, argv, [str(KIT / "bin" / "enter"), str(KIT / suite)] if suite else ()),
        env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "PYTHONPATH": f"{ROOT}/src", "HOME": "/nonexistent"},
        check=False,
        capture_output=True,
        text=True,
        timeout=300,
    )
    return done.returncode == 0 and f'"count": {CALLS}' in done.stdout


def enough(engine: str, suite: str, uid: int) -> str:
    """The capabilities that suffice, each of which is necessary."""
    left = here()
    if not runs(engine, suite, uid, left):
        return "does not run"
    if runs(engine, suite, uid, []):
        return "none"
    for name in here():
        others = [other for other in left if other != name]
        # Twice, since a machine that is busy may be the reason for a failure, too.
        if runs(engine, suite, uid, others) or runs(engine, suite, uid, others):
            left.remove(name)
    return ", ".join(left)


def rows() -> Iterator[tuple[str, str, str]]:
    """A row for each engine and each kind of user."""
    for engine, suite in ENGINES:
        if suite and not (KIT / suite).exists():
            continue
        for uid in (0, USER):
            found = enough(engine, suite, uid)
            yield f"{engine} of {suite or 'this system'}", "root" if uid == 0 else "a user", found
            print(*found.split(), file=sys.stderr)  # it takes minutes


def main() -> None:
    """Print the table."""
    options(__doc__, 1).parse_args()
    print(heading())
    with workshop():
        Path("work.c").write_text(PROGRAM)
        subprocess.run(["cc", "-O2", "-o", "work", "work.c"], check=True)
        Path().chmod(0o755)
        print(table(("engine", "as", "capabilities"), list(rows())))


if __name__ == "__main__":
    main()
