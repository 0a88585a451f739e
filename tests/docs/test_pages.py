"""What all pages have in common: commands are run, or the page says why not; links and options exist."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import click
import pytest
from tests.docs.pages import PAGES, ROOT, Block, anchor, blocks, headings, outside

from tracekit.cli.main import cli

_RUN: Final = ("console", "python")
_SILENT: Final = ("text", "json", "toml", "ini", "yaml", "d", "promql")
"""Languages of blocks that have no commands."""
_LINK: Final = re.compile(r"\]\(([^)\s]+)\)")
_CODE: Final = re.compile(r"`(tracekit [a-z][^`]*)`")
_OPTION: Final = re.compile(r"(?<![\w-])--?[a-zA-Z][a-z-]*")


def every_block() -> list[tuple[str, Block]]:
    return [(f"{page.relative_to(ROOT)}:{block.line}", block) for page in PAGES for block in blocks(page)]


def pages_not_run() -> list[object]:
    """Each page with blocks of ``sh``, and these."""
    found = {page: [block for block in blocks(page) if block.language == "sh"] for page in PAGES}
    return [pytest.param(p, b, id=str(p.relative_to(ROOT))) for p, b in found.items() if b]


@pytest.mark.parametrize(("page", "not_run"), pages_not_run())
def test_what_is_not_run(page: Path, not_run: list[Block]) -> None:
    """What can't be run here is in a block of ``sh``, and the page says why: this test lists it."""
    name = page.relative_to(ROOT)
    unsaid = [f"{name}:{block.line}" for block in not_run if not block.not_run]
    assert unsaid == [], "write '*Not run by the tests: WHY.*' before it, or make it a block of console"
    for block in not_run:
        print(f"{name}:{block.line}: {block.not_run}")
    pytest.skip(f"{len(not_run)} blocks of {name} are not run: {not_run[0].not_run}")


def test_no_command_stands_elsewhere() -> None:
    """Whatever looks like a command is in a block that is run, or in one that says why it isn't."""
    wrong = [f"{place}: a block of {b.language or 'no language'}" for place, b in every_block()
             if b.language not in (*_RUN, *_SILENT, "sh")]  # fmt: skip
    wrong += [f"{place}: a command in a block of {b.language}" for place, b in every_block()
              if b.language in _SILENT and re.search(r"^\$ ", b.text, re.MULTILINE)]  # fmt: skip
    wrong += [f"{page.relative_to(ROOT)}:{at}: a block without a fence" for page in PAGES
              for at, line in outside(page) if line.startswith("    ")]  # fmt: skip
    assert wrong == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links(page: Path) -> None:
    """Every link to a file of ours leads to one, and to a heading that it has."""
    dead = []
    for at, line in outside(page):
        for target in _LINK.findall(line):
            if "://" in target:
                continue
            name, _, place = target.partition("#")
            file = (page.parent / name).resolve() if name else page
            if not file.exists() or (place and place not in {anchor(title) for _, title in headings(file)}):
                dead.append(f"{page.relative_to(ROOT)}:{at}: {target}")
    assert dead == []


def test_the_picture_is_of_the_first_example() -> None:
    """The command in docs/cli.md that makes the README's picture traces what the README shows."""
    example = re.search(
        r"^\$ tracekit trace (-e '.*' -c '.*')$", (ROOT / "README.md").read_text(), re.MULTILINE
    )
    assert example is not None
    made_by = re.search(r"^\$ (.*) -o histogram\.svg$", (ROOT / "docs/cli.md").read_text(), re.MULTILINE)
    assert made_by is not None and example[1] in made_by[1]


def test_every_page_is_in_the_index() -> None:
    """docs/README.md leads to every page below docs."""
    index = ROOT / "docs/README.md"
    linked = {
        (index.parent / target.partition("#")[0]).resolve() for target in _LINK.findall(index.read_text())
    }
    assert [str(page) for page in PAGES if page not in linked and page.parent != ROOT and page != index] == []


def mentions() -> Iterator[tuple[str, str]]:
    """What is written of tracekit's commands without being run: in sentences, or in blocks that aren't run."""
    for page in PAGES:
        for at, line in outside(page):
            yield from ((f"{page.relative_to(ROOT)}:{at}", code) for code in _CODE.findall(line))
    for place, block in every_block():
        if block.language in ("sh", "text"):
            yield from ((place, line) for line in block.text.splitlines() if line.startswith("tracekit "))


def test_what_is_mentioned_exists() -> None:
    """Verbs and options that the pages write of are those that there are."""
    assert [f"{place}: {code}" for place, code in mentions() if not understood(code)] == []


def understood(code: str) -> bool:
    context = click.Context(cli)
    _, verb, *words = code.split()
    if verb.startswith("-"):
        return True
    found = [cli.get_command(context, one) for one in verb.split("|")]
    own = words[: words.index("--")] if "--" in words else words
    given = {word for word in _OPTION.findall(" ".join(own)) if word.startswith("--")}
    return all(
        command is not None and given <= {one for many in options(command) for one in many} for command in found
    )


def options(command: click.Command) -> list[frozenset[str]]:
    """The options of a command, and of the commands below it, each with its short and its long form."""
    below = command.commands.values() if isinstance(command, click.Group) else ()
    own = [
        frozenset(param.opts + param.secondary_opts)
        for param in command.params
        if isinstance(param, click.Option)
    ]
    return [frozenset({"-h", "--help"}), *own, *(one for each in below for one in options(each))]


def test_every_option_is_described() -> None:
    """Each option of each command stands in a page of docs, in its short or its long form."""
    said = {"--help", *_OPTION.findall("\n".join(page.read_text() for page in PAGES))}
    context = click.Context(cli)
    commands = {verb: cli.get_command(context, verb) or cli for verb in cli.list_commands(context)}
    lacking = [f"{verb} {', '.join(sorted(forms))}" for verb, command in commands.items()
               for forms in options(command) if not forms & said]  # fmt: skip
    assert lacking == []
