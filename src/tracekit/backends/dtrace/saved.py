"""Output that dtrace printed for somebody else's script, and that was saved. Pure.

This is for what people have. dtrace prints no names, and mere numbers where it counts, adds up or compares, so
much of it has no meaning without the program; what can be read in two ways is refused.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import attrs

from tracekit.backends.dtrace.saved_groups import Group, group
from tracekit.backends.dtrace.saved_layout import read_layout
from tracekit.backends.dtrace.saved_maps import MapReader
from tracekit.backends.dtrace.saved_messages import Messages
from tracekit.backends.dtrace.saved_model import HINT, refused
from tracekit.backends.saved import UNKNOWN_FUNCTION, Saved, shown
from tracekit.core.program import Aggregate, Program


def parse_saved(
    output: bytes, *, errors: bytes = b"", program: Program | None = None, printed: bool = False
) -> Saved:
    """Read output of dtrace in its default layout, as Linux (2.0) and macOS have it.

    Args:
        output: its standard output, or the file of ``-o``.
        errors: its standard error, if that was saved apart.
        program: what was traced, if it is known and tracekit can express it: it tells which function an
            aggregation has, its name, keys and bounds. dtrace prints none that is empty: the program must
            have as many maps as the output has aggregations, in the same order, unless the script printed
            their names.
        printed: whether lines that are none of dtrace's own are what the script's ``printf()`` or the target
            printed: they are kept as text then, and else refused.

    Raises:
        EngineError: if dtrace reported an error and gave no result, if a line isn't understood or can be read
            in two ways, or if an aggregation isn't what the program says.
    """
    messages = Messages()
    said = errors.decode("utf-8", "backslashreplace")
    messages.read_errors(said)
    # A character for each byte, since dtrace counts its columns in bytes.
    text = output.decode("latin-1")
    entries, events = read_layout(text, messages, printed=printed)
    if not entries and not events:
        messages.fail(said)
    groups, notes = group(entries)
    reader = MapReader(messages.notes)
    aggregates = {} if program is None else program.maps
    named = _named(groups, aggregates)
    maps = tuple(
        m for m in (reader.read(found, aggregates.get(found.name)) for found in named) if m is not None
    )
    messages.notes.update(dict.fromkeys(notes))
    if not entries:
        messages.notes["no aggregation was printed: they were empty, or dtrace was killed"] = None
    if unknown := [f"@{m.name}" for m in maps if m.function == UNKNOWN_FUNCTION]:
        messages.notes[
            f"without the program it can't be told what the numbers of {', '.join(unknown)} are, such as "
            "counts or sums; each stands as a sum"
        ] = None
    if events:
        left_out = f"{len(events)} lines that are no aggregation's are left out"
        messages.notes[f"{left_out}, the first being {shown(events[0])}"] = None
    if text and not text.endswith("\n"):
        messages.notes["the output doesn't end with a whole line, so it may have been cut"] = None
    return Saved(maps, (*messages.losses(), *reader.losses), tuple(messages.notes), tuple(events))


def _named(groups: Sequence[Group], aggregates: Mapping[str, Aggregate]) -> Sequence[Group]:
    """The aggregations with the program's names, in its order."""
    if not aggregates or any(g.entries[0].name is not None for g in groups):
        return groups
    if len(groups) != len(aggregates):
        raise refused(
            f"the output has {len(groups)} aggregations, but the program {len(aggregates)}: "
            "dtrace prints no names, so it can't be told which are missing",
            f"Leave those that are empty out of the program. {HINT}",
        )
    return [attrs.evolve(g, name=name) for g, name in zip(groups, aggregates, strict=True)]
