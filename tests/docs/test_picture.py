"""docs/histogram.svg, the picture in the README."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from tests.docs.test_docs import CAN_TRACE, ROOT, run


@pytest.mark.live
@pytest.mark.skipif(not CAN_TRACE, reason="needs root and bpftrace")
def test_the_picture_is_current(folder: Path) -> None:
    """The command in docs/cli.md, which is the README's first example, makes the picture that is there."""
    (command,) = re.findall(
        r"^    (tracekit trace .* -o histogram\.svg)$", (ROOT / "docs/cli.md").read_text(), re.M
    )
    example = re.search(r"(-e '.*' -c '.*')", (ROOT / "README.md").read_text())
    assert example is not None and example[1] in command
    status, output = run(["sh", "-c", command], folder)
    assert (status, output) == (0, "")
    made = (folder / "histogram.svg").read_text()
    assert made == (ROOT / "docs/histogram.svg").read_text()
