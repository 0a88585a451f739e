"""The JSON Schema of run files: what is written fits, and nothing else does."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, get_args

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.render.damage import JUNK, change, paths
from tests.render.run_file_sample import RESULT
from tests.results_strategies import PROGRAMS, RESULTS, maps

from tracekit.codec.model import program_to_dict
from tracekit.core import expr as ex
from tracekit.core import probe as pr
from tracekit.core.aggregation import Moment
from tracekit.core.program import Program
from tracekit.core.result import LossKind, MapResult, Result, Snapshot
from tracekit.core.types import INT_TYPES
from tracekit.errors import UsageError
from tracekit.render.run_file import dump, dump_snapshot, from_document

SCHEMA = json.loads((Path(__file__).parents[2] / "docs" / "run-file.schema.json").read_text("utf-8"))
VALIDATOR = jsonschema.Draft202012Validator(SCHEMA)


def validator(definition: str) -> jsonschema.Draft202012Validator:
    """A validator of one definition alone."""
    return jsonschema.Draft202012Validator({**SCHEMA["$defs"][definition], "$defs": SCHEMA["$defs"]})


def schema_objects() -> list[dict[str, Any]]:
    """The schema and every schema in it, and the tables between them."""
    found = [SCHEMA]
    for path in paths(SCHEMA):
        inner: Any = SCHEMA
        for step in path:
            inner = inner[step]
        if isinstance(inner, dict):
            found.append(inner)
    return found


def sample() -> dict[str, Any]:
    document: dict[str, Any] = json.loads(dump(RESULT))
    return document


def test_the_schema_is_one() -> None:
    """The file is a JSON Schema of draft 2020-12 without a reference to elsewhere."""
    jsonschema.Draft202012Validator.check_schema(SCHEMA)
    assert SCHEMA["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    references = {found["$ref"] for found in schema_objects() if "$ref" in found}
    assert references == {f"#/$defs/{name}" for name in SCHEMA["$defs"]} - {"#/$defs/snapshot"}


def test_every_object_is_closed() -> None:
    """No object of the schema takes keys that it doesn't list, and each requires all that it lists."""
    objects = [found for found in schema_objects() if found.get("type") == "object"]
    assert len(objects) > 40
    for found in objects:
        assert found["additionalProperties"] is False
        assert set(found["required"]) == set(found["properties"])


@given(RESULTS)
def test_every_run_file_fits(result: Result) -> None:
    """Whatever a result holds, its run file is by the schema."""
    VALIDATOR.validate(json.loads(dump(result)))


@given(PROGRAMS)
def test_every_program_fits(program: Program) -> None:
    """What ``tracekit parse`` prints is by the schema's definition of a program."""
    validator("program").validate(program_to_dict(program))


@given(st.floats(0, 1e9), st.lists(maps(), max_size=2))
def test_every_snapshot_fits(at: float, given_maps: list[MapResult]) -> None:
    """A snapshot is by the schema's definition of one."""
    validator("snapshot").validate(json.loads(dump_snapshot(Snapshot(at, tuple(given_maps)))))


@given(st.data())
def test_what_can_be_read_fits(data: st.DataObject) -> None:
    """A damaged run file that is still read is still by the schema: the schema never asks for more."""
    document = sample()
    change(document, data.draw(st.sampled_from(paths(document))), data.draw(JUNK))
    try:
        from_document(document)
    except UsageError:
        return
    VALIDATOR.validate(document)


WHERE = ("provenance", "program", "clauses", 0, "where")
PROBE = ("provenance", "program", "clauses", 0, "probes", 0)
FUNCTION = ("provenance", "program", "clauses", 0, "aggregates", 0, "function")
HISTOGRAM = ("maps", 0, "entries", 0, "histogram")
AXIS = (*HISTOGRAM, "uhi", "axes", 0)
STORAGE = (*HISTOGRAM, "uhi", "storage")


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("format",), "tracekit"),
        (("version",), 2),
        (("version",), "1"),
        (("complete",), 1),
        (("extra",), None),
        (("notes",), "a note"),
        (("notes", 0), None),
        (("losses", 0, "kind"), "lost"),
        (("losses", 0, "count"), 0.5),
        (("losses", 0, "more"), 1),
        (("maps", 0, "function"), "median"),
        (("maps", 0, "name"), {"bytes": "6"}),
        (("maps", 0, "name"), {"bytes": "FF"}),
        (("maps", 0, "name"), {"bytes": ""}),
        (("maps", 0, "name"), {"bytes": "ff", "text": ""}),
        (("maps", 0, "entries"), {}),
        (("maps", 1, "entries", 0, "key"), 1),
        (("maps", 1, "entries", 0, "key", 0), 1.5),
        (("maps", 1, "entries", 0, "key", 0), None),
        ((*HISTOGRAM, "count"), -1),
        ((*HISTOGRAM, "sum"), "3"),
        ((*HISTOGRAM, "min"), 0.5),
        ((*HISTOGRAM, "scheme"), None),
        ((*HISTOGRAM, "scheme", "step"), 0),
        ((*HISTOGRAM, "scheme", "type"), "log"),
        ((*HISTOGRAM, "scheme"), {"type": "log2", "bits": 6}),
        ((*HISTOGRAM, "scheme"), {"type": "log-linear", "factor": 1, "low": 0, "high": 3, "steps": 10}),
        ((*HISTOGRAM, "uhi", "uhi_schema"), 2),
        ((*HISTOGRAM, "uhi", "axes"), []),
        ((*AXIS, "type"), "regular"),
        ((*AXIS, "edges"), [0]),
        ((*AXIS, "edges"), [0, 0]),
        ((*AXIS, "circular"), True),
        ((*STORAGE, "values", 0), 0),
        ((*STORAGE, "values", 0), 1.5),
        ((*STORAGE, "index", 0, 0), -1),
        ((*STORAGE, "type"), "double"),
        (("provenance", "started"), "2025-01-02 03:04:05+00:00"),
        (("provenance", "started"), "2025-01-02T03:04:05"),
        (("provenance", "target", "argv"), "./itest.test"),
        (("provenance", "target", "ending"), 0),
        (("provenance", "target", "ending", "status"), "7"),
        (("provenance", "machine", "cpus"), 2),
        (("provenance", "program", "clauses"), []),
        ((*PROBE, "type"), "kprobe"),
        ((*PROBE, "offset"), -4),
        ((*PROBE, "function", "exact"), "yes"),
        (PROBE, {"type": "interval", "unit": "m", "count": 1}),
        (PROBE, {"type": "profile", "unit": "hz", "count": 0}),
        (PROBE, {"type": "syscall", "name": "read", "side": "exit"}),
        ((*WHERE, "op"), "**"),
        (WHERE, {"type": "reg", "name": "r d"}),
        (WHERE, {"type": "int", "value": "1"}),
        (WHERE, {"type": "cast", "type_": "int32", "operand": {"type": "int", "value": 1}}),
        (WHERE, {"type": "cast", "as": "int7", "operand": {"type": "int", "value": 1}}),
        (WHERE, {"type": "builtin", "name": "nsecs"}),
        (WHERE, {"type": "str", "pointer": {"type": "int", "value": 1}, "length": 0}),
        ((*FUNCTION, "type"), "histogram"),
        ((*FUNCTION, "scheme"), None),
        (FUNCTION, {"type": "scalar", "moment": "median", "value": {"type": "int", "value": 1}}),
        (("provenance", "program", "clauses", 0, "aggregates", 0, "name"), "a b"),
    ],
)
def test_a_bad_document_does_not_fit(path: tuple[str | int, ...], value: object) -> None:
    """A run file with one wrong value is not by the schema, nor is it read."""
    document = sample()
    VALIDATOR.validate(document)
    change(document, path, value)
    assert not VALIDATOR.is_valid(document)
    with pytest.raises(UsageError):
        from_document(document)


def test_no_field_can_be_left_out() -> None:
    """A document without any one of its keys, at any depth, is neither by the schema nor read."""
    keyed = [path for path in paths(sample()) if isinstance(path[-1], str)]
    assert len(keyed) > 100
    for path in keyed:
        document: Any = sample()
        inner = document
        for step in path[:-1]:
            inner = inner[step]
        del inner[path[-1]]
        assert not VALIDATOR.is_valid(document), path
        with pytest.raises(UsageError):
            from_document(document)


def tags(definition: str) -> set[str]:
    return {member["properties"]["type"]["const"] for member in SCHEMA["$defs"][definition]["oneOf"]}


def test_the_schema_knows_all_of_the_model() -> None:
    """Every kind of expression and probe, and every enumeration, is in the schema as in the model."""
    defs = SCHEMA["$defs"]
    expressions = {m["properties"]["type"]["const"]: m for m in defs["expression"]["oneOf"]}
    assert set(expressions) == {cls.__name__.lower() for cls in get_args(ex.Expr)}
    assert tags("probe") == {cls.__name__.lower() for cls in get_args(pr.Probe)}
    assert defs["int-type"]["enum"] == list(INT_TYPES)
    assert defs["loss"]["properties"]["kind"]["enum"] == [kind.value for kind in LossKind]
    builtins = expressions["builtin"]["properties"]["name"]["enum"]
    assert builtins == [name.value for name in ex.BuiltinName]
    operators = {op for union in get_args(ex.BinaryOp) for op in get_args(union)}
    assert set(expressions["binary"]["properties"]["op"]["enum"]) == operators
    assert set(expressions["unary"]["properties"]["op"]["enum"]) == set(get_args(ex.UnaryOp))
    moments = next(m for m in defs["aggregation"]["oneOf"] if "moment" in m["properties"])
    assert moments["properties"]["moment"]["enum"] == [moment.value for moment in Moment]
