// Arguments of Rust: slices, strings, structs.
use std::fmt::Write as _;
use std::fs::OpenOptions;
use std::hint::black_box;
use std::io::Write as _;

pub struct Header {
    pub size: u32,
    pub delta: i16,
}

pub struct Store {
    pub used: u64,
}

impl Store {
    #[inline(never)]
    pub fn insert(&mut self, key: &[u8], name: &str, header: &Header, small: i8) -> i64 {
        black_box((key.as_ptr(), key.len(), name.as_ptr(), name.len(), header, small));
        self.used += key.len() as u64;
        black_box(-(self.used as i64))
    }
}

fn main() {
    let path = std::env::var_os("TRUTH").unwrap();
    let mut truth = OpenOptions::new().append(true).create(true).open(path).unwrap();
    let mut store = Store { used: 0 };
    for i in 0..50u32 {
        let key = vec![i as u8; (i * 7) as usize];
        let name = format!("név \"{}\"", i % 4);
        let header = Header { size: i << 26, delta: -(i as i16) * 100 };
        let small = (i * 5) as i8;
        let hex = name.bytes().fold(String::new(), |mut text, byte| {
            write!(text, "{byte:02x}").unwrap();
            text
        });
        let pid = std::process::id();
        let line = format!(
            "uprobe:names_rs:names::Store::insert pid={pid} len(key)={} len(name)={} header.size={} \
             header.delta={} small={small} self.used={} \"str(name)={hex}\n",
            key.len(), name.len(), header.size, header.delta, store.used
        );
        truth.write_all(line.as_bytes()).unwrap();
        let result = store.insert(&key, &name, &header, small);
        let line = format!("uretprobe:names_rs:names::Store::insert pid={pid} retval={result}\n");
        truth.write_all(line.as_bytes()).unwrap();
    }
}
