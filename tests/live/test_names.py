"""Arguments by the names in the source: what is traced is what the program says that it passed."""

from __future__ import annotations

import subprocess
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import pytest
from tools.engines import Engine

import tracekit as tk
from tracekit.core.verdict import Verdict

pytestmark = pytest.mark.live

PROGRAMS = Path(__file__).parent / "programs"
CALLS = 50

BUILDS = {
    "gcc -O0": ["gcc", "-O0", "-g", "-o", "{out}", "paths.c"],
    "gcc -O2": ["gcc", "-O2", "-g", "-o", "{out}", "paths.c"],
    "clang -O0": ["clang", "-O0", "-g", "-o", "{out}", "paths.c"],
    "clang -O2": ["clang", "-O2", "-g", "-o", "{out}", "paths.c"],
    "g++ -O2": ["g++", "-std=c++17", "-O2", "-g", "-o", "{out}", "paths.cc"],
    "clang++ -O2": ["clang++", "-std=c++17", "-O2", "-g", "-o", "{out}", "paths.cc"],
    "rustc": ["rustc", "-g", "-o", "{out}", "paths.rs"],
    "rustc -O": ["rustc", "-g", "-O", "-o", "{out}", "paths.rs"],
    "go": ["go", "build", "-buildvcs=false", "-o", "{out}", "."],
}

# By function: the paths that the program tells the truth of, at its entry or (retval, results) its return.
C = {
    "uprobe:handle": (
        "value.len", "value.data[2]", "*value.data", "req->hdr.version", "req->hdr.urgent", "req->hdr.priority",
        "req->hdr.delta", "req->hdr.kind", "req->hdr.x", "req->hdr.y", "req->hdr.as.wide",
        "req->hdr.as.narrow[1]", "req->next->hdr.version", "req->next->hdr.delta", "req->levels[0]",
        "req->levels[3]", "req->levels[pair.third & 3]", "req->body.len", "req->body.data[1]", "kind",
        "kind == PUT", "pair.first", "pair.second", "pair.third", "numbers[2]", "numbers[3] + pair.first",
        "*numbers", "small", "late.len", "len(req->levels)", "str(req->name)",
    ),
    "uretprobe:cut": ("retval.len", "retval.data[0]"),
    "uretprobe:whole": ("retval.version", "retval.x", "retval.as.wide"),
}  # fmt: skip
CXX = {
    'uprobe:"cache::Cache::insert(cache::Entry const&, std::basic_string_view<char, std::char_traits<char> >, '
    "std::vector<unsigned int, std::allocator<unsigned int> >, std::unique_ptr<cache::Entry, "
    "std::default_delete<cache::Entry> >, std::__cxx11::basic_string<char, std::char_traits<char>, "
    'std::allocator<char> > const&, int&)"': (
        "entry.key.size()", "len(entry.sizes)", "entry.sizes[1]", "entry.mode", "entry.mode == Slow",
        "view.size()", "owned.size()", "moved->key.size()", "counter", "this->level", "level", "used",
        "len(tree)", "this->table.size()", "str(text)", "str(view)",
    ),
    'uprobe:"cache::Cache::insert(int, double, int)"': ("plain", "after"),
    "uprobe:cache::Box<short>::get": ("value", "less"),
}  # fmt: skip
RUST = {
    "uprobe:paths::Cache::insert": (
        "len(key)", "request.body.len()", "request.body[0]", "request.header.size", "request.header.delta",
        "request.header.flag", "len(owned)", "self.used", "str(request.name)",
    ),
    "uprobe:paths::label": ("len(name)", "str(name)", "value.len()", "pair.__0", "pair.__1", "small"),
}  # fmt: skip
GO = {
    "uprobe:main.(*Cache).Insert": (
        "len(value)", "cap(value)", "value.len", "header.Size", "header.Flags", "header.Delta",
        "req.Header.Delta", "len(req.Body)", "req.Counts[1]", "c.used", "len(c.entries)",
        "key[2]", "str(req.Name)",
    ),
    "uretprobe:main.(*Cache).Insert": ("n",),
    "uprobe:main.Label": ("pair[0]", "small", "big", "after", "str(name)", "len(words)"),
    "uretprobe:main.Label": ("len(retval)",),
    "uprobe:main.Map": ("cap(items)", "extra"),
}  # fmt: skip


# One version will do: names are places in the machine before any engine sees them.
pytestmark = pytest.mark.parametrize("any_engine", ["trixie", "own"], indirect=True)


@pytest.fixture(autouse=True)
def _on_the_engine(the_engine: Engine, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("TRACEKIT_CALIBRATIONS", str(tmp_path / "calibrations"))


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The programs by their builds."""
    folder = tmp_path_factory.mktemp("paths")
    found = {}
    for name, command in BUILDS.items():
        out = folder / name.replace(" ", "_")
        where = PROGRAMS / "paths_go" if name == "go" else PROGRAMS
        subprocess.run([word.format(out=out) for word in command], check=True, cwd=where)
        found[name] = out
    return found


def truths(file: Path) -> dict[str, list[str]]:
    """What a program says that it passed, by the path."""
    found: dict[str, list[str]] = {}
    for line in file.read_text().splitlines():
        # A path may have spaces in it, and a string may be empty; only strings have none after.
        path, _, value = line.rpartition(" ") if not line.startswith("str(") else line.partition(" ")
        found.setdefault(path, []).append(value)
    return found


def check(binary: Path, probe: str, paths: Sequence[str], tmp_path: Path) -> tk.Result:
    """Trace some paths of a function, and compare each with the truth."""
    kind, _, function = probe.partition(":")
    bodies = [
        f"@m{n}[{path}] = count()" if path.startswith("str(") else f"@m{n} = stats({path})"
        for n, path in enumerate(paths)
    ]
    # Each clause has probes of its own, which take their time to take away; 0.17 has little room in one.
    together = ["; ".join(bodies[at : at + 6]) for at in range(0, len(bodies), 6)]
    clauses = [f"{kind}:{binary}:{function} {{ {body} }}" for body in together]
    truth = tmp_path / "truth"
    result = tk.run(tk.parse("\n".join(clauses)), tk.Command([str(binary), str(truth), str(CALLS)]))
    assert result.complete
    assert not result.losses
    told = truths(truth)
    for n, path in enumerate(paths):
        if path.startswith("str("):
            found = {key: h.count for (key,), h in result[f"m{n}"].entries.items()}
            assert found == dict(Counter(told[path])), path
        else:
            assert result.histogram(f"m{n}") == tk.Histogram.of(map(int, told[path])), path
    return result


CASES = [
    (build, probe, paths)
    for build in BUILDS
    for probe, paths in (
        GO if build == "go" else RUST if "rust" in build else CXX if "++" in build else C
    ).items()
]


@pytest.mark.parametrize(
    ("build", "probe", "paths"), CASES, ids=[f"{build}: {probe[:40]}" for build, probe, _ in CASES]
)
def test_every_path_is_what_the_program_passed(
    built: dict[str, Path], build: str, probe: str, paths: Sequence[str], tmp_path: Path
) -> None:
    """Members, pointers, arrays, bit-fields, unions, containers and strings are read where they are."""
    result = check(built[build], probe, paths, tmp_path)
    resolutions = result.provenance.resolutions
    assert resolutions
    assert all(r.verdict.at_least(Verdict.GOOD) and r.location for r in resolutions)
