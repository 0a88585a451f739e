// Passes values of Rust's shapes, and writes the true value of each path to the file that it is given.
// What a function doesn't use, the compiler doesn't pass: each uses all.
use std::fmt::Display;
use std::fs::File;
use std::hint::black_box;
use std::io::{BufWriter, Write};

pub struct Header {
    pub size: u32,
    pub delta: i16,
    pub flag: bool,
}

pub struct Request {
    pub name: String,
    pub body: Vec<u16>,
    pub header: Box<Header>,
}

pub struct Cache {
    pub used: i64,
}

impl Cache {
    #[inline(never)]
    pub fn insert(&mut self, key: &str, request: &Request, owned: Vec<u32>) -> usize {
        black_box((key, request, &owned));
        self.used += key.len() as i64;
        key.len() + request.body.len() + owned.len()
    }
}

#[inline(never)]
pub fn label(name: String, value: &[u8], pair: (u32, i32), small: i8) -> usize {
    black_box((&name, value, pair, small));
    name.len() + value.len() + pair.0 as usize + small as usize
}

fn say(out: &mut impl Write, path: &str, value: impl Display) {
    writeln!(out, "{path} {value}").unwrap();
}

fn main() {
    let mut arguments = std::env::args().skip(1);
    let mut out = BufWriter::new(File::create(arguments.next().unwrap()).unwrap());
    let count: i64 = arguments.next().map_or(50, |word| word.parse().unwrap());
    let mut cache = Cache { used: 0 };
    let mut total = 0;
    for i in 0..count {
        let key = "k".repeat((i % 7) as usize);
        let value = vec![3u8; (i * 11) as usize];
        let request = Request {
            name: format!("name{}", i % 3),
            body: vec![i as u16 * 1300; (i + 1) as usize],
            header: Box::new(Header { size: i as u32 * 70000, delta: -i as i16, flag: i % 2 == 1 }),
        };
        let owned = vec![1u32; (i * 2) as usize];
        say(&mut out, "len(key)", key.len());
        say(&mut out, "value.len()", value.len());
        say(&mut out, "request.body.len()", request.body.len());
        say(&mut out, "request.body[0]", request.body[0]);
        say(&mut out, "request.header.size", request.header.size);
        say(&mut out, "request.header.delta", request.header.delta);
        say(&mut out, "request.header.flag", request.header.flag as u8);
        say(&mut out, "len(owned)", owned.len());
        say(&mut out, "pair.__0", i * 5);
        say(&mut out, "pair.__1", -i);
        say(&mut out, "self.used", cache.used);
        say(&mut out, "str(request.name)", &request.name);
        total += cache.insert(&key, &request, owned);
        let name = format!("label{}", i % 5);
        say(&mut out, "len(name)", name.len());
        say(&mut out, "str(name)", &name);
        say(&mut out, "small", i as i8);
        total += label(name, &value, (i as u32 * 5, -i as i32), i as i8);
    }
    assert!(total > 0 || count == 0);
}
