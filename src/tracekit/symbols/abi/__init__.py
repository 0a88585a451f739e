"""Calling conventions: from a signature to where arguments are at the entry, and results at the return.

What a convention needs and debug information doesn't tell is never guessed: see ``convention.agreed``.
"""

from tracekit.symbols.abi.convention import Convention, Placed
from tracekit.symbols.abi.placing import place

__all__ = ["Convention", "Placed", "place"]
