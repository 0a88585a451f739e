"""What a binary says about itself: its identity, functions, tracepoints and code."""

from tracekit.symbols.functions import Function, clone_note, find, notes
from tracekit.symbols.golang import StackCheck, after_stack_check, check_abi_internal, is_go_function
from tracekit.symbols.image import Image, check_traceable, file_offset, open_image
from tracekit.symbols.instructions import check_instruction, is_function_start
from tracekit.symbols.returns import Returns, begins_with_loop, returns
from tracekit.symbols.usdt import UsdtSite, find_usdt

__all__ = [
    "Function",
    "Image",
    "Returns",
    "StackCheck",
    "UsdtSite",
    "after_stack_check",
    "begins_with_loop",
    "check_abi_internal",
    "check_instruction",
    "check_traceable",
    "clone_note",
    "file_offset",
    "find",
    "find_usdt",
    "is_function_start",
    "is_go_function",
    "notes",
    "open_image",
    "returns",
]
