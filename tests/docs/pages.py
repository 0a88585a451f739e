"""Documents as the tests read them: sections with their blocks of code.

A block of ``console`` has commands, on lines that begin with ``$ ``, and what they print, standard error
included; a block of ``python`` has to run. Those of one section run one after the other, in a folder of their
own. A block of ``sh`` is for a reader whose machine isn't ours: it isn't run, and the paragraph before it says
why, or one before the page's first section. All other blocks have no commands.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import attrs

ROOT: Final = Path(__file__).parents[2]
PAGES: Final = (ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md")))

_FENCE: Final = re.compile(r"^```(\w*)$")
_HEADING: Final = re.compile(r"^#+ +(.*)$")
_NOT_RUN: Final = re.compile(r"\*Not run by the tests(?: of documents)?: (.+)\.\*$")


@attrs.frozen
class Block:
    """A fenced block.

    Attributes:
        line: the line of its first fence, from 1.
        language: what stands after the fence.
        text: what is in it.
        not_run: why it isn't run, as the page says; empty if it doesn't say.
    """

    line: int
    language: str
    text: str
    not_run: str = ""

    @property
    def commands(self) -> str:
        """Its commands, without their prompts; a line after a backslash belongs to the one before."""
        return "\n".join(self._told()[0])

    @property
    def output(self) -> str:
        """What its commands print."""
        return "".join(f"{line}\n" for line in self._told()[1])

    def _told(self) -> tuple[list[str], list[str]]:
        commands, output, goes_on = list[str](), list[str](), False
        for line in self.text.splitlines():
            typed = goes_on or line.startswith("$ ")
            (commands if typed else output).append(line if goes_on or not typed else line[2:])
            goes_on = typed and line.endswith("\\")
        return commands, output


@attrs.frozen
class Section:
    """What stands under a heading of the first or the second level.

    Attributes:
        page: the page, from the root of the tree.
        title: the heading's words.
        blocks: its blocks that are run.
    """

    page: str
    title: str
    blocks: tuple[Block, ...]

    @property
    def name(self) -> str:
        """The section's name for a reader of tests."""
        return f"{self.page}#{anchor(self.title)}"

    @property
    def code(self) -> str:
        """All that is run."""
        return "\n".join(b.commands if b.language == "console" else b.text for b in self.blocks)


def anchor(heading: str) -> str:
    """The anchor that GitHub gives a heading."""
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")


def blocks(path: Path) -> Iterator[Block]:
    """All fenced blocks of a page."""
    lines = path.read_text().splitlines()
    first = next((at for at, line in enumerate(lines) if line.startswith("## ")), len(lines))
    of_page = next((found[1] for line in lines[:first] if (found := _NOT_RUN.search(line))), "")
    start = None
    for at, line in enumerate(lines):
        if start is None and (found := _FENCE.match(line)):
            start, language = at, found[1]
        elif start is not None and line == "```":
            before = next((text for text in reversed(lines[:start]) if text), "")
            reason = _NOT_RUN.search(before)
            yield Block(start + 1, language, "\n".join(lines[start + 1 : at]), reason[1] if reason else of_page)
            start = None


def outside(path: Path) -> Iterator[tuple[int, str]]:
    """The lines of a page that are in no block, with their numbers from 1."""
    within = False
    for at, line in enumerate(path.read_text().splitlines(), 1):
        if line.startswith("```"):
            within = not within
        elif not within:
            yield at, line


def headings(path: Path) -> list[tuple[int, str]]:
    """The headings of a page, with their lines."""
    return [(at, found[1]) for at, line in outside(path) if (found := _HEADING.match(line))]


def sections() -> Iterator[Section]:
    """The sections of all pages that have something to run."""
    for path in PAGES:
        upper = [(at, title) for at, title in headings(path) if not _line(path, at).startswith("###")]
        ends = [at for at, _ in upper[1:]] + [1 << 30]
        for (at, title), end in zip(upper, ends, strict=True):
            run = [b for b in blocks(path) if at < b.line < end and b.language in ("console", "python")]
            if run:
                yield Section(str(path.relative_to(ROOT)), title, tuple(run))


def _line(path: Path, number: int) -> str:
    return path.read_text().splitlines()[number - 1]


def same(expected: str, printed: str) -> bool:
    """Whether a block shows what its commands printed; ``…`` is anything, alone on a line any lines."""
    pattern = "".join(
        r"(?:.*\n)*?" if line.strip() == "…" else re.escape(line).replace("…", ".*") + r"\n"
        for line in expected.rstrip().split("\n")
    )
    return re.fullmatch(pattern, printed.rstrip() + "\n") is not None
