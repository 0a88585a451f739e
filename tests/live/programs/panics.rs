// Panics that pass through a function, or are caught around it.
use std::hint::black_box;

#[inline(never)]
#[no_mangle]
pub fn panics(n: u64) -> u64 {
    if n % 4 == 0 {
        panic!("not this one");
    }
    n
}

#[inline(never)]
#[no_mangle]
pub fn depth(n: u64) -> u64 {
    if n == 0 {
        0
    } else {
        1 + black_box(depth(n - 1))
    }
}

#[inline(never)]
#[no_mangle]
pub fn chooses(n: u64) -> u64 {
    match n {
        0 => depth(2),
        1 => 7 + depth(1),
        2 => black_box(9),
        3 => depth(n) + 1,
        4 => 3 ^ depth(2),
        5 => black_box(77),
        6 => depth(1) * 3,
        _ => 1,
    }
}

fn main() {
    std::panic::set_hook(Box::new(|_| {}));
    for n in 0..400 {
        let _ = std::panic::catch_unwind(|| black_box(panics(black_box(n))));
        black_box(chooses(black_box(n % 8)));
    }
}
