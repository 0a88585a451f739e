"""The histogram in scikit-hep's protocol and in its JSON form."""

from __future__ import annotations

import copy
import json
import os
import subprocess
import sys
from typing import Any

import numpy as np
import pytest
import uhi.schema
from hypothesis import given
from tests.results_strategies import SCHEMES, histograms
from uhi.typing.plottable import PlottableAxisGeneric, PlottableHistogram, PlottableTraits

from tracekit.core.buckets import Linear, Log2
from tracekit.core.histogram import Histogram, buckets_of_uhi
from tracekit.errors import UsageError

SOME = Histogram.of([-1, 0, 3, 9, 12], Linear(0, 10, 5))


def test_it_is_plottable() -> None:
    """Whatever plots UHI histograms takes one, and its axis."""
    assert isinstance(SOME, PlottableHistogram)
    assert isinstance(SOME.axes[0], PlottableAxisGeneric)
    assert isinstance(SOME.axes[0].traits, PlottableTraits)
    assert SOME.kind == "COUNT"
    assert not SOME.axes[0].traits.circular
    assert not SOME.axes[0].traits.discrete


def test_values_lie_between_the_edges() -> None:
    """Counts are by the axis, with what is below and above only where that is asked for."""
    axis = SOME.axes[0]
    assert list(axis) == [(0, 5), (5, 10)] == [axis[0], axis[-1]]
    assert len(axis) == 2
    assert SOME.values().tolist() == SOME.counts().tolist() == SOME.variances().tolist() == [2, 1]
    assert SOME.values(flow=True).tolist() == [1, 2, 1, 1]
    assert SOME.values().dtype == np.float64
    with pytest.raises(IndexError):
        axis[2]


@given(histograms())
def test_the_axis_fits_the_values(histogram: Histogram) -> None:
    """There are as many values as bins, and with flow they are all values in buckets."""
    bins = len(histogram.axes[0])
    flow = histogram.values(flow=True)
    assert len(histogram.values()) == len(list(histogram.axes[0])) == bins
    assert flow.sum() == sum(b.count for b in histogram.buckets)
    assert flow[1 : bins + 1].tolist() == histogram.values().tolist()


@given(histograms(SCHEMES))
def test_the_json_form_is_valid_and_lossless(histogram: Histogram) -> None:
    """UHI's own validator accepts the document, and the buckets come back from its text."""
    if not histogram.buckets:
        with pytest.raises(UsageError, match="no UHI form"):
            histogram.to_uhi()
        return
    document = json.loads(json.dumps(histogram.to_uhi()))
    uhi.schema.validate_histogram(document)
    assert buckets_of_uhi(document) == histogram.buckets


def test_the_json_form() -> None:
    """The document has the edges, and the counts by their bins, the flow bins first and last."""
    assert SOME.to_uhi() == {
        "uhi_schema": 1,
        "axes": [
            {
                "type": "variable",
                "edges": [0, 5, 10],
                "underflow": True,
                "overflow": True,
                "circular": False,
            }
        ],
        "storage": {"type": "int", "index": [[0, 1, 2, 3]], "values": [1, 2, 1, 1]},
    }


def break_axes(document: dict[str, Any]) -> None:
    document["axes"] = []


def break_edges(document: dict[str, Any]) -> None:
    del document["axes"][0]["edges"]


def break_index(document: dict[str, Any]) -> None:
    document["storage"]["index"] = [[0, 1, 2, 7]]


def break_values(document: dict[str, Any]) -> None:
    document["storage"]["values"].pop()


def break_storage(document: dict[str, Any]) -> None:
    document["storage"] = None


@pytest.mark.parametrize("damage", [break_axes, break_edges, break_index, break_values, break_storage])
def test_other_documents_are_refused(damage: Any) -> None:
    """A document of another form gives one kind of error."""
    document = copy.deepcopy(SOME.to_uhi())
    damage(document)
    with pytest.raises(ValueError):
        buckets_of_uhi(document)


def test_numpy_is_not_needed_for_counting() -> None:
    """Histograms are made, merged and asked without importing numpy, which takes its time."""
    program = (
        "import sys\n"
        "from tracekit.core.histogram import Histogram\n"
        "from tracekit.core.buckets import Log2\n"
        "h = Histogram.of([1, 2, 3], Log2()) + Histogram.of([4], Log2())\n"
        "h.quantile(0.5), h.mean, h.axes, h.to_uhi()\n"
        "print('numpy' in sys.modules)\n"
    )
    env = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run([sys.executable, "-c", program], env=env, capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"


@given(histograms(SCHEMES))
def test_a_log2_histogram_has_exact_edges(histogram: Histogram) -> None:
    """Edges beyond what a double holds stay exact integers in JSON."""
    big = Histogram.of([(1 << 60) + 1], Log2(5))
    assert json.loads(json.dumps(big.to_uhi()))["axes"][0]["edges"] == [1 << 60, (1 << 60) + (1 << 55)]
    assert all(type(edge) is int for edge in histogram.edges)
