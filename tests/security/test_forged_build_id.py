"""A build-id is what a binary says of itself: one that says another's must not speak for that."""

import subprocess
from pathlib import Path

import pytest

from tracekit.calibration.store import Store
from tracekit.core.calibration import Calibration
from tracekit.workflow.calibrate import calibrate, resolve
from tracekit.workflow.knowledge import Knowledge

SOURCE = """
struct s {{ long {}; long {}; }};
__attribute__((noinline)) long f(struct s *value) {{ return value->len; }}
int main(void) {{ struct s s = {{1, 2}}; return (int)f(&s); }}
"""


@pytest.fixture(scope="module")
def binaries(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Two programs of one build-id, in which ``value->len`` is at different places."""

    def built(name: str, *members: str) -> Path:
        path = tmp_path_factory.mktemp(name) / name
        words = ["gcc", "-g", "-O1", f"-Wl,--build-id=0x{'1' * 40}", "-x", "c", "-", "-o", str(path)]
        subprocess.run(words, input=SOURCE.format(*members), text=True, check=True)
        return path

    return built("honest", "pad", "len"), built("forged", "len", "pad")


def found(path: Path, folder: Path, function: str = "f") -> Calibration:
    """What a new run of tracekit would take for true."""
    return resolve(str(path), function, knowledge=Knowledge(Store(str(folder))))


def test_what_is_remembered_of_one_file_is_not_said_of_another(
    binaries: tuple[Path, Path], tmp_path: Path
) -> None:
    """A program that was looked into, and says to be another one, changes nothing that is said of that one."""
    honest, forged = binaries
    truth = found(honest, tmp_path / "without")
    lie = found(forged, tmp_path / "store")
    assert (lie.build_id, lie.symbol) == (truth.build_id, truth.symbol)
    assert lie != truth
    assert found(honest, tmp_path / "store") == truth
    assert found(forged, tmp_path / "store") == lie


def test_nor_of_a_file_in_one_run_with_it(binaries: tuple[Path, Path], tmp_path: Path) -> None:
    """Both in one program of tracekit's are two binaries all the same."""
    honest, forged = binaries
    knowledge = Knowledge(Store(str(tmp_path)))
    lie, truth = (resolve(str(path), "f", knowledge=knowledge) for path in (forged, honest))
    assert lie != truth


def test_a_stripped_binary_gets_no_names_from_one_that_was_only_traced(
    binaries: tuple[Path, Path], tmp_path: Path
) -> None:
    """Where a function is, a stripped program learns only from what a user has calibrated."""
    honest, forged = binaries
    stripped = tmp_path / "stripped"
    subprocess.run(["strip", "-o", stripped, honest], check=True)
    found(forged, tmp_path / "store")
    with pytest.raises(Exception, match="has no function 'f'"):
        found(stripped, tmp_path / "store")
    calibrate(str(honest), "f", knowledge=Knowledge(Store(str(tmp_path / "store"))))
    assert found(stripped, tmp_path / "store") == found(honest, tmp_path / "store")
