"""How long it takes to find out where one function's arguments are in a large binary, from Python's start on.

Cold, from its debug information and its code; warm, from what is stored of it. The binaries are built here:
many C files by gcc and by clang (which writes no table of addresses), large C++ files, and Go's own compiler.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from common import heading, interleaved, options, seconds, spread, table, workshop

SCRIPT = """
import sys
import tracekit as tk
found = tk.resolve(sys.argv[1], sys.argv[2])
assert found.arguments, found
"""

C_FILE = """
#include <netinet/in.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
"""
C_FUNCTION = """
struct s{i}_{k} {{ struct s{i}_{k} *next; int a, b; char name[{k} + 1]; struct sockaddr_in address; }};
long f{i}_{k}(struct s{i}_{k} *p, int n, const char *text, size_t size)
{{
    long sum = 0;
    for (int j = 0; j < n; j++) {{ sum += p->a * j + text[j % size]; if (p->next) sum += p->next->b; }}
    char buffer[64];
    snprintf(buffer, sizeof buffer, "%ld", sum);
    return sum + strlen(buffer);
}}
"""
CXX_FILE = """
#include <iostream>
#include <map>
#include <regex>
#include <string>
#include <vector>
namespace ns{i} {{
struct P {{ int a; std::map<std::string, std::vector<int>> m; }};
int f(const P &p, std::string s, std::vector<P> *v, std::ostream &o) {{ o << s; return p.a + v->size(); }}
}}
bool main{i}(const char *text) {{ return std::regex_match("abc", std::regex(text)); }}
"""


def build_many(compiler: str, name: str, count: int, suffix: str, text: list[str]) -> str:
    """Compile files one by one and link them with an empty program."""
    for i in range(count):
        Path(f"{name}{i}{suffix}").write_text(text[i])
        subprocess.run([compiler, "-O1", "-g", "-c", f"{name}{i}{suffix}"], check=True)
    Path(f"{name}main{suffix}").write_text("int main(void) { return 0; }")
    objects = [f"{name}{i}.o" for i in range(count)]
    subprocess.run([compiler, "-g", f"{name}main{suffix}", *objects, "-o", name], check=True)
    return f"./{name}"


def binaries() -> dict[str, tuple[str, str]]:
    """What is measured: a title, and a binary with one of its functions."""
    found = {}
    c = [C_FILE + "".join(C_FUNCTION.format(i=i, k=k) for k in range(60)) for i in range(300)]
    for compiler in filter(shutil.which, ("gcc", "clang")):
        found[f"C by {compiler}"] = (build_many(compiler, f"c_{compiler}_", len(c), ".c", c), "f250_7")
    cxx = [CXX_FILE.format(i=i) for i in range(16)]
    for compiler in filter(shutil.which, ("g++", "clang++")):
        path = build_many(compiler, f"x_{compiler.replace('+', 'x')}_", len(cxx), ".cpp", cxx)
        found[f"C++ by {compiler}"] = (path, "ns13::f")
    if shutil.which("go"):
        command = ["go", "build", "-o", Path.cwd() / "gocompile", "cmd/compile"]
        subprocess.run(command, check=True, env={**os.environ, "GOFLAGS": "-buildvcs=false"})
        found["Go"] = ("./gocompile", "cmd/compile/internal/ssa.(*regAllocState).regalloc")
    return found


def resolving(arguments: tuple[str, str], store: Path | None) -> float:
    """Seconds that it takes with a store, or with none in which anything is."""
    with tempfile.TemporaryDirectory() as empty:
        environment = {"TRACEKIT_CALIBRATIONS": str(store.resolve() if store else empty)}
        return seconds((sys.executable, "-c", SCRIPT, *arguments), environment)


def main() -> None:
    """Measure and print."""
    given = options(__doc__, runs=10).parse_args()
    with workshop():
        found = binaries()
        kinds = [lambda a=a, s=s: resolving(a, s) for a in found.values() for s in (None, Path("store"))]
        times = interleaved(kinds, given.runs)
        sizes = [os.path.getsize(path) / 1e6 for path, _ in found.values()]
    print(heading())
    rows = [
        [title, f"{size:.0f}", *spread(cold, ".2f"), *spread(warm, ".2f")]
        for title, size, cold, warm in zip(found, sizes, times[::2], times[1::2], strict=True)
    ]
    print(
        table(
            [f"seconds, {given.runs} runs", "MB", "cold: min", "median", "max", "warm: min", "median", "max"],
            rows,
        )
    )


if __name__ == "__main__":
    main()
