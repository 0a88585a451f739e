"""How long it takes to find functions in a binary of 40 MB with 60,000 symbols, as long as Go's names."""

from __future__ import annotations

import subprocess
import sys

from common import heading, options, spread, table, workshop

COUNT = 60_000
NAME = "github.com/example/project/package17.(*Type617).Method59417"
QUESTIONS = {
    "one function": NAME,
    "a slip in a long name": NAME.replace("Method", "Methd"),
    "a slip in a short name": "Mthod59417",
    "a pattern of 1,200": "*/package17.*",
}
MEASURE = """
import sys, time
import attrs, click
start = time.process_time()
from tracekit.core.probe import FunctionName
from tracekit.errors import FunctionNotFoundError
from tracekit.symbols import find, open_image
try:
    find(open_image(sys.argv[1]), FunctionName(sys.argv[2], exact="*/" not in sys.argv[2]))
except FunctionNotFoundError:
    pass
print(time.process_time() - start)
"""


def build(name: str) -> str:
    """Assemble the binary in the working folder; returns its path."""
    names = (f'"github.com/example/project/package{i % 50}.(*Type{i % 700}).Method{i}"' for i in range(COUNT))
    functions = "\n".join(
        f".globl {n}\n.type {n},%function\n{n}: .fill 40, 1, 0x90\n.size {n}, 40" for n in names
    )
    text = f".text\n.globl main\nmain: ret\n{functions}\n.data\n.fill 4000000, 8, 0x1122334455667788\n"
    with open(f"{name}.s", "w", encoding="ascii") as file:
        file.write(text)
    subprocess.run(["gcc", "-Wa,--noexecstack", "-o", name, f"{name}.s"], check=True)
    return f"./{name}"


def main() -> None:
    """Measure and print."""
    given = options(__doc__, runs=9).parse_args()
    with workshop():
        binary = build("large")
        rows = []
        for what, name in QUESTIONS.items():
            command = [sys.executable, "-c", MEASURE, binary, name]
            times = [
                float(subprocess.run(command, check=True, capture_output=True).stdout)
                for _ in range(given.runs + 1)
            ]
            rows.append([what, *spread(times[1:], ".3f")])
    print(heading())
    print(table([f"processor seconds with imports, {given.runs} runs", "min", "median", "max"], rows))


if __name__ == "__main__":
    main()
