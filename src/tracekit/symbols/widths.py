"""Registers by the names of their parts, and what writing a part leaves of the whole."""

from __future__ import annotations


def full(name: str, machine: str) -> str:
    """The register of full width that one belongs to."""
    if machine == "aarch64":
        if name[1:].isdigit():
            return f"{'x' if name[0] in 'wx' else 'v'}{name[1:]}"
        return {"fp": "x29", "lr": "x30", "wsp": "sp"}.get(name, name)
    if name[1:3] == "mm":
        return f"x{name[1:]}"
    if name[:1] == "r" and name[1:2].isdigit():
        return name.rstrip("dwb")
    for stem in ("di", "si", "bp", "sp"):
        if name in (f"e{stem}", stem, f"{stem}l"):
            return f"r{stem}"
    if len(name) == 2 and name[0] in "abcd" and name[1] in "xlh":
        return f"r{name[0]}x"
    return f"r{name[1:]}" if len(name) == 3 and name[0] == "e" and name[2] == "x" else name


def is_narrow(name: str) -> bool:
    """Whether writing a register of x86-64 leaves the rest of the full one (Intel SDM volume 1, 3.4.1.1)."""
    if name[:1] == "r" and name[1:2].isdigit():
        return name[-1] in "wb"
    return name in ("di", "si", "bp", "sp", "dil", "sil", "bpl", "spl") or (
        len(name) == 2 and name[0] in "abcd" and name[1] in "xlh"
    )
