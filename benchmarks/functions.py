"""How long it takes to find functions in large binaries, for the first time and from the index."""

from __future__ import annotations

import glob
import json
import os
import resource
import shutil
import subprocess
from pathlib import Path

from common import TRACEKIT, heading, options, spread, table, workshop

UNITS = 60
NAME = "unit000"
SOURCE = """
#include <algorithm>
#include <deque>
#include <functional>
#include <iostream>
#include <list>
#include <map>
#include <regex>
#include <set>
#include <sstream>
#include <unordered_map>
namespace unit000 {
struct Key {
  std::string name; int number;
  bool operator<(const Key &o) const { return number < o.number; }
  bool operator==(const Key &o) const { return number == o.number; }
};
struct Hash { std::size_t operator()(const Key &k) const { return k.number; } };
struct Cache {
  std::map<Key, std::vector<Key>> all; std::unordered_map<Key, std::list<std::string>, Hash> more;
  std::set<Key> keys; std::deque<Key> queue; std::function<bool(const Key &)> filter;
  bool insert(const Key &key, const std::vector<Key> &values, long expiry) {
    all[key] = values; more[key].push_back(key.name); keys.insert(key); queue.push_back(key);
    std::stable_sort(queue.begin(), queue.end());
    return filter && filter(key) && expiry;
  }
};
bool run(const std::string &text) {
  Cache cache; std::regex pattern("([a-z]+)=([0-9]+)"); std::smatch found;
  auto begin = text.cbegin();
  while (std::regex_search(begin, text.cend(), found, pattern)) {
    Key key{found[1], std::stoi(found[2])};
    cache.insert(key, {key}, 1);
    begin = found.suffix().first;
  }
  std::cout << cache.all.size() << std::regex_replace(text, pattern, "$2");
  return cache.keys.count({"a", 1});
}
}
"""
QUESTION = ("-f", "json", "--limit", "20")


def build_cxx() -> str:
    """A C++ program with debug information: one unit, under as many names as make it large."""
    Path("unit.cc").write_text(SOURCE)
    subprocess.run(["g++", "-O2", "-g", "-c", "unit.cc"], check=True)
    unit = Path("unit.o").read_bytes()
    names = [f"unit{number:03}" for number in range(UNITS)]
    for name in names:
        Path(f"{name}.o").write_bytes(unit.replace(NAME.encode(), name.encode()))
    Path("main.cc").write_text(
        "#include <string>\nnamespace unit000 { bool run(const std::string &); }\n"
        "int main(int, char **argv) { return unit000::run(argv[0]); }\n"
    )
    subprocess.run(["g++", "-g", "-o", "large", "main.cc", *(f"{name}.o" for name in names)], check=True)
    return "./large"


def build_go() -> str:
    """Go's compiler, with debug information."""
    subprocess.run(["go", "build", "-o", "compile", "cmd/compile"], check=True)
    return "./compile"


def subjects() -> dict[str, tuple[str, str, str]]:
    """What there is to be measured here: by a title, a binary, a pattern, and what is completed."""
    found = {"C++ program, debug information": (build_cxx(), "unit007::cacheins", "unit007::Ca")}
    if shutil.which("go"):
        found["Go's compiler, debug information"] = (build_go(), "isstring", "cmd/compile/internal/types.Is")
    libraries = sorted(glob.glob("/usr/lib/*/libLLVM*.so*"), key=os.path.getsize)
    if libraries:
        found["LLVM's library, symbols only"] = (libraries[-1], "addpass", "llvm::PassBuilder::par")
    return found


def measured(argv: list[str], environment: dict[str, str]) -> tuple[float, str]:
    """The processor seconds of a command with all its processes, and what it printed."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run(argv, env=environment, check=True, capture_output=True, text=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    seconds = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return seconds, done.stdout


def main() -> None:
    """Measure and print."""
    given = options(__doc__, runs=5).parse_args()
    rows = []
    with workshop():
        for title, (path, pattern, begun) in subjects().items():
            find = [*TRACEKIT, "functions", path, pattern, *QUESTION]
            kept = os.environ | {"TRACEKIT_INDEXES": os.path.abspath("indexes")}
            shutil.rmtree("indexes", ignore_errors=True)
            cold, said = measured(find, kept)
            assert json.loads(said)["functions"]
            (index,) = Path("indexes").iterdir()
            count = index.read_bytes().count(b"\n") - 1
            warm = [measured(find, kept)[0] for _ in range(given.runs)]
            line = f"tracekit functions {path} {begun}"
            asked = kept | {"_TRACEKIT_COMPLETE": "zsh_complete", "TRACEKIT_LINE": line}
            assert measured([*TRACEKIT], asked)[1].strip()
            completion = [measured([*TRACEKIT], asked)[0] for _ in range(given.runs)]
            size = f"{os.path.getsize(path) / 1e6:.0f}"
            sizes = [title, size, str(count), f"{index.stat().st_size / 1e6:.1f}", f"{cold:.1f}"]
            rows.append([*sizes, spread(warm, ".2f")[1], spread(completion, ".2f")[1]])
    print(heading())
    head = ["processor seconds", "MB", "functions", "index MB", "first", "then", "completion"]
    print(table(head, rows))


if __name__ == "__main__":
    main()
