"""``tracekit import``: saved output becomes what trace would have printed."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import jsonschema
import pytest
from tests.cli.test_cli import run
from tests.corpus.cases import cases as bpftrace_cases
from tests.corpus.dtrace import cases as dtrace_cases

import tracekit as tk

SCHEMA = json.loads((Path(__file__).parents[2] / "docs" / "run-file.schema.json").read_text("utf-8"))


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    """A folder with output of both engines."""
    found = {(c.name, c.label): c.output for c in bpftrace_cases()}
    (tmp_path / "bpftrace.out").write_bytes(found["snap-print", "0.27.1 text"])
    (tmp_path / "bpftrace.json").write_bytes(found["snap-print", "0.27.1 json"])
    (tmp_path / "dtrace.out").write_bytes(dtrace_cases()["keyed-int"].output)
    (tmp_path / "error.err").write_bytes(dtrace_cases()["err-syntax"].errors)
    (tmp_path / "garbage").write_bytes(bytes(range(256)) * 100)
    (tmp_path / "empty").write_bytes(b"")
    return tmp_path


@pytest.mark.parametrize(
    ("name", "engine", "map_"),
    [("bpftrace.out", "bpftrace", "h"), ("bpftrace.json", "bpftrace", "h"), ("dtrace.out", "dtrace", "agg2")],
)
def test_a_run_file_is_made(saved: Path, name: str, engine: str, map_: str) -> None:
    """The run file fits the schema, is read again, and says that it was imported and from what."""
    done = run("import", str(saved / name), "-f", "json", "-o", str(saved / "run.json"))
    assert (done.returncode, done.stdout) == (0, "")
    assert "note: read from saved output" in done.stderr
    text = (saved / "run.json").read_text()
    jsonschema.validate(json.loads(text), SCHEMA)
    result = tk.load_run(text)
    assert result.provenance.engine.name == engine
    assert (result.provenance.program, result.provenance.started) == (None, None)
    imported = result.provenance.imported
    assert imported is not None
    assert imported.file == str(saved / name)
    assert imported.sha256 == hashlib.sha256((saved / name).read_bytes()).hexdigest()
    assert any(h.buckets for h in result[map_].entries.values())


def test_text_is_shown_by_default_and_input_may_be_standard_input(saved: Path) -> None:
    """The picture is that of trace, with notes under it; - is standard input."""
    done = run("import", "-", stdin=(saved / "dtrace.out").read_text())
    assert done.returncode == 0
    assert "@agg1[-1]: 1\n" in done.stdout
    assert "[2, 4)" in done.stdout
    assert "note: dtrace prints no names" in done.stdout
    assert done.stderr == ""


def test_several_files_are_several_results(saved: Path) -> None:
    """Each is shown under its name, or is a line of JSON; one output file can't take them."""
    files = [str(saved / "dtrace.out"), str(saved / "bpftrace.json")]
    done = run("import", *files)
    assert done.returncode == 0
    assert all(f"{file}:\n" in done.stdout for file in files)
    lines = run("import", *files, "-f", "json").stdout.splitlines()
    assert [tk.load_run(line).provenance.engine.name for line in lines] == ["dtrace", "bpftrace"]
    assert run("import", *files, "-o", str(saved / "x")).returncode == 2


def test_a_program_gives_numbers_their_meaning(saved: Path) -> None:
    """With the program, maps have its names and functions, and it is in the run file."""
    (saved / "n.out").write_text("\n                7\n")
    program = "uprobe:./a:f { @calls = count() }"
    result = tk.load_run(run("import", str(saved / "n.out"), "-e", program, "-f", "json").stdout)
    assert result.histogram("calls").count == 7
    assert result.provenance.text == program


@pytest.mark.parametrize(
    ("words", "status", "said"),
    [
        (("garbage",), 2, "nothing that shows which engine printed it"),
        (("empty",), 2, "--from"),
        (("garbage", "--from", "dtrace"), 1, "line 1 isn't output of an aggregation"),
        (("garbage", "--from", "bpftrace"), 1, "line 1"),
        (("dtrace.out", "--from", "bpftrace"), 1, "line 2"),
        (("error.err",), 1, "dtrace gave no result"),
        (("empty", "--errors", "error.err"), 1, "dtrace gave no result"),
        (("missing",), 2, "can't be read: No such file"),
        (("bpftrace.out", "--engine-version", "x"), 2, "no version of bpftrace"),
        ((".",), 2, "can't be read: Is a directory"),
        (("/dev/zero",), 2, "more than 32 MiB"),
        ((), 2, "FILE"),
    ],
)
def test_errors_are_a_sentence_and_a_way_out(
    saved: Path, words: tuple[str, ...], status: int, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever the files are, an error says what is wrong in one sentence, and there is no result."""
    monkeypatch.chdir(saved)
    done = run("import", *words)
    assert (done.returncode, done.stdout) == (status, "")
    assert said in done.stderr
    assert "Traceback" not in done.stderr


def test_what_was_lost_is_told(saved: Path) -> None:
    """Drops that dtrace reported are a warning, also if it did so on standard error, saved apart."""
    case = dtrace_cases()["drops-aggsize-noq"]
    (saved / "d.out").write_bytes(case.output)
    (saved / "d.err").write_bytes(case.errors)
    done = run("import", str(saved / "d.out"), "--errors", str(saved / "d.err"))
    assert done.returncode == 0
    assert "warning: the aggregations' buffer was full: 2899 updates found no room" in done.stdout


def test_the_python_function_does_the_same(saved: Path) -> None:
    """``tk.import_output`` gives the result that the command writes."""
    data = (saved / "dtrace.out").read_bytes()
    result = tk.import_output(data, engine_version="2.0.7")
    written = tk.load_run(run("import", str(saved / "dtrace.out"), "-f", "json").stdout)
    assert result.maps == written.maps
    assert result.provenance.engine.version == "2.0.7"
    with pytest.raises(tk.UsageError, match="can't be read"):
        tk.import_output(data, engine="gdb")
    assert tk.load_run(tk.dump(result)) == result
