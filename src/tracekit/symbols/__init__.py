"""What a binary says about itself: its identity, functions, tracepoints and code."""

from tracekit.symbols.functions import Function, clone_note, find
from tracekit.symbols.golang import StackCheck, after_stack_check
from tracekit.symbols.image import Image, check_traceable, file_offset, open_image
from tracekit.symbols.instructions import check_instruction
from tracekit.symbols.usdt import UsdtSite, find_usdt

__all__ = [
    "Function",
    "Image",
    "StackCheck",
    "UsdtSite",
    "after_stack_check",
    "check_instruction",
    "check_traceable",
    "clone_note",
    "file_offset",
    "find",
    "find_usdt",
    "open_image",
]
