"""Saved output against recorded runs: the reviewed table, the values that were traced, and other versions."""

from __future__ import annotations

import json
from collections import Counter
from typing import Any

import pytest
from tests.corpus.cases import FOLDER, VERSIONS, Case, cases
from tests.corpus.table import TABLE, computed

from tracekit.backends.bpftrace.saved import parse_saved
from tracekit.backends.saved import Saved
from tracekit.core.aggregation import Distribution
from tracekit.core.buckets import Log2, Scheme
from tracekit.core.expr import Arg, Cast
from tracekit.core.histogram import Bucket
from tracekit.core.result import LossKind
from tracekit.core.types import INT64
from tracekit.errors import EngineError, TracekitError, UsageError

EXPECTED: dict[str, Any] = json.loads(TABLE.read_text())
RAND512: dict[str, Any] = json.loads((FOLDER / "rand512.expected.json").read_text())


def case(name: str, form: str, version: str) -> Case:
    """The recorded run of that name."""
    (found,) = (c for c in cases() if (c.name, c.form, c.version) == (name, form, version))
    return found


def read(found: Case, *, program: bool = True, version: str | None = None) -> Saved:
    """What is read from a recorded run."""
    return parse_saved(
        found.output,
        errors=found.errors,
        program=found.program if program else None,
        version=found.version if version is None else version,
    )


@pytest.fixture(scope="module")
def outcomes() -> dict[str, list[dict[str, Any]]]:
    return computed()


@pytest.mark.parametrize("name", sorted({c.name for c in cases()}))
def test_recorded_runs_give_what_the_table_says(outcomes: dict[str, Any], name: str) -> None:
    """Each recorded run of each version and form gives its line of the reviewed table, or its refusal."""
    assert outcomes[name] == EXPECTED[name]


def test_the_table_has_every_run_once() -> None:
    """No recorded run is missing from the table, and none is there that was not recorded."""
    listed = Counter(
        (name, label)
        for name, groups in EXPECTED.items()
        for group in groups
        for label in group["of"]
        if not label.endswith("+program")
    )
    assert listed == Counter((c.name, c.label) for c in cases())
    assert len(listed) == 551


@pytest.mark.parametrize("form", ["text", "json"])
@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize(
    ("run", "map_", "expected"),
    [
        ("rand512-hist", "", "hist"),
        ("rand512-hist-k3", "", "hist_k3"),
        ("rand512-lhist", "a", "lhist_0_1000_50"),
        ("rand512-lhist", "b", "lhist_100_995_10"),
    ],
)
def test_512_random_values_are_in_their_buckets(
    run: str, map_: str, expected: str, version: str, form: str
) -> None:
    """Every bucket of 512 random values has the count that an independent model gives it."""
    if version == "0.17.0":
        if run == "rand512-hist-k3":
            return  # 0.17 has no hist(x, k): nothing was recorded
        expected = expected.replace("hist", "hist_before_0.20") if expected == "hist" else expected
    saved = read(case(run, form, version))
    (histogram,) = next(m for m in saved.maps if m.name == map_).entries.values()
    rows = [[b.lo, b.hi, b.count] for b in histogram.buckets]
    folded = {row[2]: row for row in RAND512[expected] if None in row[:2] and "lhist" not in expected}
    assert rows == [row for row in RAND512[expected] if row not in folded.values()]
    assert histogram.count == 512
    losses = [loss for loss in saved.losses if loss.map == map_]
    assert {loss.count for loss in losses} == set(folded)
    assert all(loss.kind is LossKind.APPROXIMATE for loss in losses)


def test_512_random_values_by_key_are_in_their_buckets() -> None:
    """A map of counts by key, which every version prints, has each bucket of the independent model."""
    expected = {lo if lo >= 0 else hi - 1: n for lo, hi, n in RAND512["loglin_k3"]}
    for version in VERSIONS:
        for form in ("text", "json"):
            (found,) = read(case("rand512-loglin-k3", form, version)).maps
            assert {key: h.sum for (key,), h in found.entries.items()} == expected


def whole(values: list[int], scheme: Scheme, version: str) -> dict[tuple[int | None, int | None], int]:
    """Counts by bucket, but for values that ``hist()`` doesn't divide."""
    if isinstance(scheme, Log2):
        top = 1 << (31 if version < "0.20" else 63)
        values = [v for v in values if 0 <= v < top]
    return Counter((scheme.bucket(v).lo, scheme.bucket(v).hi) for v in values)


def test_distributions_are_those_of_the_traced_values() -> None:
    """Wherever it is known which values were traced, each is in the bucket of the program's scheme."""
    checked = 0
    for found in cases():
        if found.program is None or not found.values or found.name.startswith("maxkeys"):
            continue
        try:
            maps = {m.name: m for m in read(found).maps}
        except EngineError:
            continue
        for name, aggregate in found.program.maps.items():
            match aggregate.function:
                case Distribution(Arg(0) | Cast(_, Arg(0)), scheme) if name in maps and not aggregate.keys:
                    (histogram,) = maps[name].entries.values()
                    counts = {(b.lo, b.hi): b.count for b in histogram.buckets}
                    assert counts == whole(found.values, scheme, found.version), (found.label, found.name)
                    assert histogram.count == len(found.values)
                    checked += 1
                case _:
                    pass
    assert checked == 95


def outcome(found: Case) -> object:
    """The maps of a run by name, or whether it is refused."""
    try:
        return {m.name: m for m in read(found).maps}
    except TracekitError:
        return "refused"


OF_ALL_VERSIONS = (
    # The script prints lines of its own, or a map twice: in JSON they are told apart.
    "lost-printf", "print-top-div", "printf-ctrl", "printf-lines", "snap-clear", "snap-marked", "time-fmt",
    # Two strings with commas in them are joined by ", " in text and by "," in JSON.
    "keyed-two-strings",
    # Addresses differ from run to run.
    "ustack", "ustack-alive", "usym-key",
)  # fmt: skip

TEXT_AND_JSON_DIFFER = {(name, version) for name in OF_ALL_VERSIONS for version in VERSIONS} | {
    # 0.17 and 0.23 refuse these scripts.
    ("begin-end-maps", "0.27.1"), ("for-printf", "0.23.2"), ("for-printf", "0.27.1"),
    ("ustack3-hist", "0.23.2"), ("ustack3-hist", "0.27.1"),
    # From 0.24 on, JSON has no spaces in keys: they differ, or even become the same.
    ("buf-key", "0.27.1"), ("keyed-str-hist", "0.27.1"), ("keyed-strings", "0.27.1"),
    ("keyed-str-int", "0.27.1"),
    # Tuples as keys: 0.23 prints them in JSON as arrays, 0.27 without spaces.
    ("keyed-tuple", "0.23.2"), ("keyed-tuple", "0.27.1"),
}  # fmt: skip


def test_text_and_json_of_a_program_say_the_same() -> None:
    """With the program known, text and JSON give the same maps, but where one of them can't."""
    runs = {(c.name, c.version, c.form): c for c in cases()}
    in_both = [key[:2] for key in runs if key[2] == "text" and (*key[:2], "json") in runs]
    differing = {key for key in in_both if outcome(runs[*key, "text"]) != outcome(runs[*key, "json"])}
    assert differing == TEXT_AND_JSON_DIFFER
    assert len(in_both) == 207


VERSIONS_DIFFER = {
    # What was traced differs: 0.17 follows children and other processes; timing; addresses.
    "fork-c", "forkexec-c", "orphan-c", "pid-child-of-pid", "pid-filter", "pid-fork", "pid-nofilter",
    "sig-sigint-bpftrace", "sig-sigterm-bpftrace", "ustack", "ustack-alive", "ustack3-hist", "usym-key",
    # 0.17 has no hist(x, k), no for, no tuples as keys, other str(), and hist() only to 2**31.
    "hist-edges", "hist-i32", "hist-k2-edges", "hist-k2-max", "hist-k5", "hist-u64", "rand512-hist",
    "uretprobe", "keyed-str-hist", "keyed-str-int", "keyed-strings", "keyed-two-strings", "keyed-tuple",
    "for-printf",
    # 0.17's min() and max(); stats() takes two entries of a full map; one missing symbol is passed over.
    "max-u64", "min-big", "min-int64min", "scalars-avg-neg", "scalars-onlyneg-max", "scalars", "scalars-umax",
    "maxkeys4", "err-one-missing-symbol",
    # 0.27 prints no counts of 0, takes more programs, and drops spaces.
    "scalars-empty", "begin-end-maps", "exit-code", "buf-key",
    # @raw++ of four threads loses updates.
    "threads-exact",
}  # fmt: skip


def test_versions_say_the_same_of_a_program() -> None:
    """With the program known, all versions give the same maps, but where they differ in what they count."""
    compared = 0
    by_run: dict[tuple[str, str], list[Case]] = {}
    for found in cases():
        by_run.setdefault((found.name, found.form), []).append(found)
    differing = set()
    for (name, _), runs in by_run.items():
        first, *others = map(outcome, runs)
        if any(first != other for other in others):
            differing.add(name)
        compared += len(others)
    assert differing == VERSIONS_DIFFER
    assert compared >= 350


VERSION_MATTERS = {
    # hist()'s last bucket may or may not hold all greater values; JSON shows which.
    ("hist-i32", "0.23.2 text"),
    # Keys that may be escaped twice.
    ("buf-key", "0.23.2 json"), ("keyed-str-hist", "0.23.2 json"), ("keyed-str-int", "0.23.2 json"),
    ("keyed-strings", "0.23.2 json"), ("keyed-two-strings", "0.23.2 json"), ("hexleak", "0.23.2 json"),
    ("ustack", "0.23.2 json"), ("ustack-alive", "0.23.2 json"), ("ustack3-hist", "0.23.2 json"),
}  # fmt: skip


def test_the_version_is_seldom_needed() -> None:
    """Without bpftrace's version all runs give the same maps, but those of which the form can't tell."""
    needed = set()
    for found in cases():
        try:
            known = read(found).maps
        except TracekitError:
            with pytest.raises(TracekitError):
                read(found, version="")
            continue
        if read(found, version="").maps != known:
            needed.add((found.name, found.label))
    assert needed == VERSION_MATTERS


@pytest.mark.parametrize("version", ["unknown", "17", "v", "0.x"])
def test_a_version_must_be_one(version: str) -> None:
    """A version without two numbers is refused as a wrong request."""
    with pytest.raises(UsageError, match="no version of bpftrace"):
        parse_saved(b"", version=version)


@pytest.mark.parametrize("version", ["0.23.2", "bpftrace v0.23.2", "v0.23.2-12-gabcdef"])
def test_a_version_may_stand_as_bpftrace_says_it(version: str) -> None:
    """``bpftrace --version`` prints a word and a ``v`` before the numbers."""
    output = b'{"type": "map", "data": {"@": {"a\\\\nb": 1}}}\n'
    (found,) = parse_saved(output, version=version).maps
    assert list(found.entries) == [("a\nb",)]


def test_the_last_print_counts() -> None:
    """Of a map that is printed every second and at the end, only the end is kept, and a note says so."""
    for form in ("text", "json"):
        saved = read(case("snap-print", form, "0.27.1"))
        by_name = {m.name: m for m in saved.maps}
        assert by_name["h"].entries[()].buckets[-1] == Bucket(16, 32, 6)
        assert by_name["c"].entries[()].count == 22
        assert "@h was printed 3 times; only the last print is kept" in saved.notes


def test_empty_output_is_told_from_a_failure() -> None:
    """Output without maps gives none with a note; if bpftrace reported an error, that is raised."""
    assert parse_saved(b"").notes == (
        "no map was printed: they were empty, or bpftrace was killed before it could",
    )
    with pytest.raises(EngineError, match="Unknown function") as caught:
        parse_saved(b"", errors=case("err-semantic", "text", "0.23.2").errors)
    assert "nosuchfunc" in caught.value.output
    assert caught.value.hint


def test_an_error_beside_maps_is_a_loss() -> None:
    """If bpftrace printed maps and reported an error too, the maps are given and the error is a loss."""
    saved = parse_saved(
        b"@x: 3\n", errors=b"ERROR: Failed to do something\nterminate called after throwing X\n"
    )
    assert [m.name for m in saved.maps] == ["x"]
    assert [(loss.kind, loss.message) for loss in saved.losses] == [
        (LossKind.ENGINE, "bpftrace reported an error: Failed to do something"),
        (LossKind.INCOMPLETE, "bpftrace crashed: terminate called after throwing X"),
    ]


def test_what_the_target_writes_to_standard_error_is_passed_over() -> None:
    """Lines of standard error that bpftrace didn't write say nothing of the result."""
    saved = parse_saved(b"@x: 3\n", errors=b"@x: 9\nmy ERROR: 1\n\xff\n")
    assert (saved.losses, saved.notes[1:]) == ((), ())
    assert saved.maps[0].entries[()].sum == 3


def test_an_int64_program_keeps_its_type() -> None:
    """The type of a key is the program's: versions print the same 64 bits with and without a sign."""
    keys = {
        version: {m.name: set(m.entries) for m in read(case("key-casts", "text", version)).maps}
        for version in VERSIONS
    }
    assert keys["0.17.0"] == keys["0.23.2"] == keys["0.27.1"]
    assert keys["0.17.0"]["u"] == {(255,), (4294967295,), (2**63,), (2**64 - 1,)}
    assert keys["0.17.0"]["i"] == {(255,), (4294967295,), (INT64.minimum,), (-1,)}
