#![no_std]
#![no_main]
pub enum Shape<'a> { Circle(u32), Named(&'a str), Both { x: i64, y: f64 }, None }
pub struct Pair<T>(pub T, pub [T; 3]);
#[inline(never)] #[no_mangle] pub fn take(s: &Shape, p: Pair<u16>, o: Option<&u8>, w: &[u64]) -> (u64, u64) {
    let n = match s { Shape::Circle(r) => *r as u64, Shape::Named(n) => n.len() as u64, Shape::Both { x, .. } => *x as u64, _ => 0 };
    (n + p.0 as u64 + p.1[1] as u64 + w.len() as u64, o.is_some() as u64) }
#[panic_handler] fn panic(_: &core::panic::PanicInfo) -> ! { loop {} }
#[no_mangle] pub extern "C" fn _start() -> ! { let s = Shape::Named("abc"); loop { core::hint::black_box(take(&s, Pair(1, [1, 2, 3]), None, &[1, 2])); } }
