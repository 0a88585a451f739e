"""Results as UHI documents."""

from __future__ import annotations

import json

import pytest
import uhi.schema
from tests.render.hostile import RESULT as HOSTILE
from tests.render.run_file_sample import RESULT

from tracekit.core.histogram import buckets_of_uhi
from tracekit.core.result import Result
from tracekit.errors import UsageError
from tracekit.render.uhi import render_uhi


@pytest.mark.parametrize("result", [RESULT, HOSTILE])
def test_documents_are_uhi(result: Result) -> None:
    """Each histogram is a document by UHI's own schema, with its buckets, map and figures."""
    documents = json.loads(render_uhi(result))
    for n, document in enumerate(documents):
        uhi.schema.validate({f"h{n}": document})
    found = [h for map_ in result.maps for h in map_.entries.values() if h.buckets]
    assert [buckets_of_uhi(document) for document in documents] == [h.buckets for h in found]
    assert [document["metadata"]["sum"] for document in documents] == [h.sum for h in found]
    assert documents[0]["metadata"]["map"] == "bytes" and not documents[0]["metadata"]["complete"]


def test_nothing_to_write() -> None:
    """A run without buckets is refused."""
    with pytest.raises(UsageError, match="nothing in the run has buckets"):
        render_uhi(Result(RESULT.maps[1:], RESULT.provenance))
