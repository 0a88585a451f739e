"""The matrix sees what is broken: each of these changes of tracekit makes cells wrong that were right."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import attrs
import pytest
from tests.conformance.builds import build

ROOT = Path(__file__).parents[2]
BPFTRACE, OWN = "bpftrace 0.23", "bpf own"


@attrs.frozen
class Mutation:
    """A change of one place in tracekit's source.

    Attributes:
        file: which file, below ``src/tracekit``.
        right: the text that is replaced; it stands there once.
        wrong: what it becomes.
        case: the case that must see it.
        engine: the column that it is traced in.
    """

    file: str
    right: str
    wrong: str
    case: str
    engine: str = BPFTRACE


_BUCKETING = "backends/bpftrace/bucketing.py"
_ASSEMBLE = "backends/bpftrace/assemble.py"
_EMIT = "backends/bpftrace/emit.py"
_PARSE = "backends/bpftrace/parse.py"
_QUOTING = "backends/bpftrace/quoting.py"
_FIGURES = "backends/figures.py"
_OWN = "backends/bpf"

MUTATIONS = {
    "the bounds of powers of two": Mutation(
        "core/buckets.py", "high = low + (1 << shift)", "high = low + (2 << shift)", "hist-2"
    ),
    "the bucket above a range": Mutation(
        "core/buckets.py", "if value >= self.top:", "if value > self.top:", "lhist-uneven"
    ),
    "the bucket in the script": Mutation(
        _BUCKETING, "= ({magnitude} >> {e}) << {e};", "= ({magnitude} >> {e}) << ({e} + 1);", "quantize"
    ),
    "the sign of narrow values": Mutation(
        _EMIT, 'value = f"(({value} ^ {sign}) - {sign})"', "pass", "width-int8"
    ),
    "the sign of unsigned extremes": Mutation(
        _ASSEMBLE, "top = -(_LOW + 1) if signed else _LOW + 1", "top = -(_LOW + 1)", "width-registers"
    ),
    "backslashes in literals": Mutation(_QUOTING, 'return "\\\\" + c', "return c", "string-literal"),
    "bytes of keys that are no UTF-8": Mutation(
        _ASSEMBLE,
        'raw[:end].decode("utf-8", "surrogateescape")',
        'raw[:end].decode("utf-8", "replace")',
        "string",
    ),
    "newlines in keys": Mutation(_PARSE, "_row(plan, name, m), re.DOTALL)", "_row(plan, name, m))", "string"),
    "events without room": Mutation(_FIGURES, "if kept >= total else", "if True else", "key-full-map"),
    "calls that don't return": Mutation(
        _FIGURES, "lost = entries - returns", "lost = entries - returns - 1", "return-longjmp"
    ),
    "the bucket in the kernel": Mutation(
        f"{_OWN}/bucketing.py", 'asm.arithmetic("+=", _R2, power)', "pass", "quantize", OWN
    ),
    "the sign of narrow values in the kernel": Mutation(
        f"{_OWN}/emit.py", '"s>>=" if type_.signed else ">>="', '">>="', "width-int8", OWN
    ),
    "signed division in the kernel": Mutation(
        f"{_OWN}/emit.py", 'asm.arithmetic("^=", R2, R3)', "pass", "division", OWN
    ),
    "sums beyond 64 bits in the kernel": Mutation(
        f"{_OWN}/adding.py", 'asm.add(code.atomic_add(base, places["high"], R1))', "pass", "extremes", OWN
    ),
    "the place of an argument in the kernel": Mutation(
        f"{_OWN}/registers.py", '"dx", "si", "di"', '"dx", "di", "si"', "division", OWN
    ),
    "the length of what is kept of a string": Mutation(
        f"{_OWN}/strings.py", "kept + 2)", "kept + 1)", "string-cut", OWN
    ),
}


@pytest.fixture(scope="session")
def judge(
    programs: dict[str, str], tmp_path_factory: pytest.TempPathFactory
) -> Callable[[Path, Mutation], str]:
    """Runs a mutation's case with the tracekit of a folder, and says what came of it."""
    if os.geteuid() != 0:
        pytest.skip("tracing needs root")
    if os.uname().machine != "x86_64":
        pytest.skip("the cases have registers and addresses of x86-64")
    targets = tmp_path_factory.mktemp("targets")
    build(targets)

    def run(source: Path, mutation: Mutation) -> str:
        engine = mutation.engine
        if engine not in programs:
            pytest.skip(f"there is no {engine} here: 'make engines' sets it up")
        cell = "tests.conformance.cell", str(targets), engine, programs[engine], mutation.case
        words = [sys.executable, "-m", *cell]
        environment = {**os.environ, "PYTHONPATH": f"{source}:{ROOT}"}
        done = subprocess.run(words, check=False, capture_output=True, text=True, env=environment, cwd=ROOT)
        assert done.returncode in (0, 1) and not done.stderr, done.stderr
        return done.stdout.split()[0]

    return run


@pytest.mark.live
@pytest.mark.parametrize("name", MUTATIONS)
def test_a_broken_tracekit_is_caught(judge: Callable[[Path, Mutation], str], name: str, tmp_path: Path) -> None:
    """Broken in this way, a cell is wrong that is equal to the truth in the matrix."""
    mutation = MUTATIONS[name]
    shutil.copytree(ROOT / "src/tracekit", tmp_path / "tracekit")
    file = tmp_path / "tracekit" / mutation.file
    text = file.read_text()
    assert text.count(mutation.right) == 1
    file.write_text(text.replace(mutation.right, mutation.wrong))
    assert judge(tmp_path, mutation) == "wrong"
