"""Short ways to ask a signature."""

from tracekit.core.location import Behind, InRegister, InVector, OnStack
from tracekit.core.source import Pointer, Record


def spelled(signature):
    """The parameters with their types, as a source has them."""
    return [f"{p.name}: {signature.types.spelled(p.type)}" for p in signature.parameters]


def places(signature):
    """Where the parameters are at the entry, in short words; None for one of which nothing usable is said."""
    return {p.name: p.pieces and " ".join(map(_place, p.pieces)) for p in signature.parameters}


def _place(piece):
    span = f"{piece.offset}+{piece.size}:"
    match piece.location:
        case InRegister(name, shift) | InVector(name, shift):
            return f"{span}{name}" + (f">>{8 * shift}" if shift else "")
        case OnStack(offset):
            return f"{span}stack+{offset}"
        case Behind(InRegister(name), offset):
            return f"{span}[{name}+{offset}]"
    return f"{span}{piece.location}"


def behind(types, number):
    """The type that a pointer, of whatever name, points at."""
    pointer = types.resolved(number)
    assert isinstance(pointer, Pointer)
    return pointer.target


def parameter(signature, name):
    """A parameter's type number."""
    (found,) = [p.type for p in signature.parameters if p.name == name]
    return found


def field(types, number, path):
    """The first bit, the bytes and the bits of a member, looked for in anonymous members and bases, too."""
    at = 0
    member = None
    for name in path.split("."):
        at_here, member = _member(types, number, name)
        at += at_here
        number = member.type
    return at, types.size(number), member.bit_size


def _member(types, number, name):
    record = types.resolved(number)
    assert isinstance(record, Record), record
    for one in record.fields:
        if one.name == name:
            return one.bit_offset, one
    for one in record.fields:
        if not one.name and isinstance(types.resolved(one.type), Record):
            try:
                at, found = _member(types, one.type, name)
            except KeyError:
                continue
            return one.bit_offset + at, found
    raise KeyError(name)
