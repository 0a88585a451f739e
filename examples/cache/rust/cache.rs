//! The cache once more, in Rust: 1000 values of 1 to 4 KiB under 300 keys.

use std::collections::HashMap;

pub struct Cache {
    entries: HashMap<String, Vec<u8>>,
    inserted: u64,
}

impl Cache {
    /// Stores a copy of a value; says how large the one before was.
    #[inline(never)]
    pub fn insert(&mut self, key: &str, value: &[u8]) -> Option<usize> {
        self.inserted += 1;
        self.entries.insert(key.to_string(), value.to_vec()).map(|old| old.len())
    }
}

fn main() {
    let mut cache = Cache { entries: HashMap::new(), inserted: 0 };
    let bytes = vec![7u8; 4096];
    let mut replaced = 0;
    for n in 0..1000 {
        let key = format!("key {}", n % 300);
        if cache.insert(&key, &bytes[..1024 + n * 3]).is_some() {
            replaced += 1;
        }
    }
    println!("{} inserted, {} replaced", cache.inserted, replaced);
}
