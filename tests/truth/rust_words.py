"""What every Rust program begins with, and how Rust writes values and types."""

from __future__ import annotations

from typing import Any

from tests.truth.model import Kind, Scalar
from tests.truth.values import DATA_SIZE

PRELUDE = f"""\
#![allow(warnings)]
use std::ptr;

#[repr(align(64))]
pub struct TkData([u8; {DATA_SIZE}]);
#[no_mangle]
pub static mut tk_data: TkData = TkData([0; {DATA_SIZE}]);
#[no_mangle]
pub static mut tk_now: u64 = 0;
#[no_mangle]
pub static mut tk_dyn: [usize; 128] = [0; 128];
static mut tk_bad: u64 = 0;
static mut tk_row: usize = 0;
static mut tk_sink: usize = 0;

pub trait TkTrait {{ fn number(&self) -> u64; }}
impl TkTrait for u64 {{ fn number(&self) -> u64 {{ *self }} }}

#[inline(always)]
fn data(k: usize) -> *mut u8 {{ unsafe {{ (ptr::addr_of_mut!(tk_data) as *mut u8).add(k) }} }}
#[inline(always)]
fn opaque<T>(p: *const T) -> &'static T {{ unsafe {{ &*ptr::read_volatile(&p) }} }}
#[inline(always)]
fn row<T>() -> &'static T {{ unsafe {{ &*(ptr::read_volatile(ptr::addr_of!(tk_row)) as *const T) }} }}
#[inline(always)]
fn enter(row: usize, now: u64) {{
    unsafe {{ ptr::write_volatile(ptr::addr_of_mut!(tk_row), row) }};
    unsafe {{ ptr::write_volatile(ptr::addr_of_mut!(tk_now), now) }};
}}
#[inline(always)]
fn note(index: usize, value: usize) {{
    unsafe {{ ptr::write_volatile(ptr::addr_of_mut!(tk_dyn[index]), value) }}
}}
#[inline(always)]
fn noted(index: usize) -> usize {{ unsafe {{ ptr::read_volatile(ptr::addr_of!(tk_dyn[index])) }} }}
#[inline(always)]
fn sink(value: usize) {{ unsafe {{ ptr::write_volatile(ptr::addr_of_mut!(tk_sink), value) }} }}
#[inline(always)]
fn check(wrong: bool) {{ unsafe {{
    ptr::write_volatile(ptr::addr_of_mut!(tk_bad), ptr::read_volatile(ptr::addr_of!(tk_bad)) + wrong as u64)
}} }}
"""


def literal(scalar: Scalar, value: Any) -> str:
    """A value as Rust writes it."""
    match scalar.kind:
        case Kind.BOOL:
            return "true" if value else "false"
        case Kind.CHAR:
            return f"'\\u{{{value:x}}}'"
        case Kind.FLOAT:
            return f"{value!r}{scalar.spelling}"
        case _:
            return f"{value}{scalar.spelling}"


SPELLINGS = {
    "ref": "&'static {}",
    "mutref": "&'static mut {}",
    "box": "Box<{}>",
    "slice": "&'static [{}]",
    "mutslice": "&'static mut [{}]",
    "str": "&'static str",
    "String": "String",
    "Vec": "Vec<{}>",
    "option": "Option<{}>",
    "result": "Result<{}, {}>",
    "dynref": "&'static dyn TkTrait",
    "dynbox": "Box<dyn TkTrait>",
    "fnptr": "fn(i32) -> i32",
    "nonzero": "std::num::NonZeroU32",
    "range": "std::ops::Range<{}>",
    "unit": "()",
}
