"""Results as comma-separated values."""

from __future__ import annotations

import csv

import attrs
from hypothesis import given, settings
from tests.render.hostile import RESULT as HOSTILE
from tests.render.hostile import WORDS
from tests.render.run_file_sample import RESULT
from tests.results_strategies import maps

from tracekit.core.result import MapResult
from tracekit.render.csv import render_csv


def test_rows() -> None:
    """Each entry is a row with its exact figures, each bucket one with its bounds."""
    assert render_csv(RESULT).splitlines() == [
        "row,complete,map,function,pid,comm,lo,hi,count,sum,mean,min,max",
        "entry,no,bytes,lhist,,,,,4,57,14.25,3,40",
        "bucket,no,bytes,lhist,,,0,8,2,,,,",
        "bucket,no,bytes,lhist,,,8,16,1,,,,",
        "bucket,no,bytes,lhist,,,16,,1,,,,",
        "entry,no,n,sum,1,caf\\xe9,,,1,1,1,1,1",
        "entry,no,n,sum,2,b,,,2,5,2.5,2,3",
    ]


def test_spreadsheets_run_nothing() -> None:
    """No text is a formula to a spreadsheet, and none has a character that isn't plainly visible."""
    header, *rows = csv.reader(render_csv(HOSTILE).splitlines())
    assert header[4:6] == ["key1", "key2"]  # the maps' keys differ
    assert len(rows) > len(WORDS)
    for row in rows:
        assert len(row) == len(header)
        assert not any(cell.startswith(("=", "+", "-", "@")) for cell in row[:6])
        assert all(cell.isprintable() for cell in row)


@settings(max_examples=20)
@given(maps())
def test_figures_come_back(map_: MapResult) -> None:
    """Whatever a map has, its counts and bounds can be read from the rows."""
    rows = list(csv.DictReader(render_csv(attrs.evolve(RESULT, maps=(map_,))).splitlines()))
    entries = [row for row in rows if row["row"] == "entry"]
    assert sorted(int(row["count"]) for row in entries) == sorted(h.count for h in map_.entries.values())
    found = sorted((row["lo"], row["hi"], row["count"]) for row in rows if row["row"] == "bucket")
    assert found == sorted(
        ("" if b.lo is None else str(b.lo), "" if b.hi is None else str(b.hi), str(b.count))
        for histogram in map_.entries.values()
        for b in histogram.buckets
    )
