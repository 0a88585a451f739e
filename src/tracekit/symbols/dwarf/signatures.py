"""From a function's entry to what core knows as its signature."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import attrs

from tracekit.core.signature import Language, Parameter, Signature
from tracekit.core.source import Types
from tracekit.symbols.dwarf import lines, parameters, producers
from tracekit.symbols.dwarf.entry import Die
from tracekit.symbols.dwarf.golayout import spread
from tracekit.symbols.dwarf.names import own, qualified
from tracekit.symbols.dwarf.reasons import NOT_PASSED, STRANGE
from tracekit.symbols.dwarf.typegraph import TypeGraph, is_float

_RESULT: Final = "a result has no place at the entry"


def signature(function: Die, address: int, symbol: str, machine: str, *, local: bool) -> Signature:
    """What a function's entry says of it.

    Args:
        function: the entry of its code.
        address: its first address.
        symbol: its name in the symbol table.
        machine: the architecture.
        local: whether other files can't name it.

    Raises:
        Whatever pyelftools raises if the debug information is corrupt.
    """
    chain = list(function.origins())
    language = producers.language(one.unit for one in reversed(chain))
    graph = TypeGraph(language)
    where = parameters.placement(function, address, machine, language)
    listed: list[Parameter] = []
    results: list[Parameter] = []
    old = language is Language.C and not any(one.flag("DW_AT_prototyped") for one in chain)
    for one in parameters.declared(function):
        kind = parameters.kind(one.die)
        number = graph.double() if old and kind is not None and is_float(kind) else graph.add(kind)
        is_result = language is Language.GO and one.says("DW_AT_variable_parameter")
        if is_result and own(one.die) in {r.name for r in results}:
            continue  # Go 1.19 lists the results of a function that it has inlined somewhere once more
        if is_result:
            located = parameters.Located(None, _RESULT)
        else:
            located = parameters.place(one, graph.size(number), where)
        parameter = Parameter(
            name=own(one.die),
            type=number,
            artificial=one.says("DW_AT_artificial"),
            pieces=located.pieces,
            unusable=located.unusable,
            gone=located.unusable in NOT_PASSED,
            home=located.home,
        )
        (results if is_result else listed).append(parameter)
    result = parameters.kind(function) if language is not Language.GO else None
    returned = graph.add(result) if result is not None else None
    if language is Language.GO and len(results) == 1:
        returned = results[0].type
    types = graph.finish()
    if language is Language.GO:
        listed = [_spread(parameter, types) for parameter in listed]
    file, line = declared_in(function)
    abstract = {(one.unit.start, one.offset - one.unit.start) for one in chain}
    return Signature(
        name=own(function) if language in (Language.C, Language.GO) else qualified(function),
        symbol=symbol,
        address=address,
        language=language,
        types=types,
        parameters=tuple(listed),
        result=returned,
        results=tuple(results),
        variadic=any(True for one in chain for _ in one.children("DW_TAG_unspecified_parameters")),
        local=local,
        nocall=_nocall(chain),
        file=file,
        line=line,
        producer=producers.producer(function.unit),
        inlined=sum(function.unit.outline.inlined[o] for start, o in abstract if start == function.unit.start),
    )


def _nocall(chain: Sequence[Die]) -> bool | None:
    """What the entries of a function say of whether it is called by the rules.

    LLVM doesn't say it of a function that is declared elsewhere, such as a method
    (``DwarfUnit::applySubprogramAttributes``).
    """
    if any(one.number("DW_AT_calling_convention") == producers.NOCALL for one in chain):
        return True
    declared = any(one.has("DW_AT_specification") for one in chain)
    return False if producers.marks_changes(chain[0].unit) and not declared else None


def _spread(parameter: Parameter, types: Types) -> Parameter:
    """A parameter of Go's with its pieces where they are in it."""
    if parameter.pieces is None:
        return parameter
    found = spread(parameter.pieces, types, parameter.type)
    return attrs.evolve(parameter, pieces=found, unusable="" if found else STRANGE)


def declared_in(function: Die) -> tuple[str, int]:
    """The source file and line of a function's definition."""
    file = ""
    line = 0
    for one in function.origins():
        if not line:
            line = one.number("DW_AT_decl_line") or 0
        number = one.number("DW_AT_decl_file")
        if not file and number is not None:
            file = lines.file_name(one.unit, number)
    return file, line
