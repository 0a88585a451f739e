"""docs/notebook.ipynb, run as Jupyter runs it."""

from __future__ import annotations

import base64
import os
import shutil
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

ROOT = Path(__file__).parents[2]


@pytest.mark.live
@pytest.mark.skipif(os.geteuid() != 0, reason="tracing needs root: run the tests as root")
@pytest.mark.filterwarnings("ignore")  # Jupyter's own
def test_notebook(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every cell runs, and results are shown as pictures with the counts that the sample makes."""
    shutil.copy(folder / "itest.test", tmp_path)
    monkeypatch.setenv("PYTHONPATH", f"{ROOT / 'src'}:{os.environ.get('PYTHONPATH', '')}")
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path / "ipython"))
    notebook = nbformat.read(ROOT / "docs/notebook.ipynb", as_version=4)
    nbformat.validate(notebook)
    assert not any(cell.get("outputs") for cell in notebook.cells), "the notebook is kept without its outputs"
    NotebookClient(notebook, timeout=120, resources={"metadata": {"path": str(tmp_path)}}).execute()
    result, histogram, figures, plan, _ = [
        cell.get("outputs") for cell in notebook.cells if cell.cell_type == "code"
    ]
    html = result[0].data["text/html"]
    assert html.count("<img ") == 2 and "lhist(value.len, 0, 16384, 128) at uprobe" in html
    picture = histogram[0].data["text/html"].partition("base64,")[2].partition('"')[0]
    assert "count 1000" in base64.b64decode(picture).decode()
    assert "count 1000" in histogram[0].data["text/plain"]
    assert figures[0].data["text/plain"].startswith("(3279852, 3279.852, Quantile(") and plan
