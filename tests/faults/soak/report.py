"""What came of a soak, as JSON lines and as a table."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parents[3] / "build" / "soak"


def write(seed: str, rows: list[dict[str, Any]]) -> str:
    """Write the rows to ``build/soak``, and give the table."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    rows = sorted(rows, key=lambda row: row["number"])
    (FOLDER / f"{seed}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    text = table(seed, rows)
    (FOLDER / f"{seed}.md").write_text(text)
    return text


def table(seed: str, rows: list[dict[str, Any]]) -> str:
    """The figures, in Markdown."""
    done = [row for row in rows if "fault" in row]
    outcomes = Counter(word for row in done for word in row["outcome"])
    figures = [
        ("seed", f"`{seed}`"),
        ("runs", len(rows)),
        (
            "faults injected",
            sum(row["struck"] for row in done if row["fault"] != "none"),
        ),
        ("targets harmed", sum("target" in row["problems"] for row in rows)),
        ("events lost unreported, or results wrong", sum("result" in row["problems"] for row in rows)),
        ("things left behind", sum("left" in row["problems"] for row in rows)),
        ("results that were whole", outcomes["whole"]),
        ("results marked as less", outcomes["marked"] + outcomes["incomplete"]),
        ("refused, or failed with a reason", outcomes["error"]),
        ("tracekit killed before there was one", outcomes["killed"]),
    ]
    lines = ["| | |", "|---|---|", *(f"| {name} | {value} |" for name, value in figures)]
    lines += ["", "| fault | runs | whole | marked | error | killed |", "|---|---|---|---|---|---|"]
    for fault in sorted({row["fault"] for row in done}):
        of_it = [row for row in done if row["fault"] == fault]
        words = Counter(word for row in of_it for word in row["outcome"])
        cells = (
            len(of_it),
            words["whole"],
            words["marked"] + words["incomplete"],
            words["error"],
            words["killed"],
        )
        lines.append(f"| {fault} | {' | '.join(map(str, cells))} |")
    return "\n".join(lines) + "\n"
