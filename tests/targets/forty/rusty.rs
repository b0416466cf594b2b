// rusty FOLDER: a Rust program whose allocator is the system's, with books of what passes through it.
//
// What must hold: the books.
use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicI64, Ordering::Relaxed};

static ALLOCATIONS: AtomicI64 = AtomicI64::new(0);
static REALLOCS: AtomicI64 = AtomicI64::new(0);
static BYTES: AtomicI64 = AtomicI64::new(0);

struct Counting;

unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.fetch_add(1, Relaxed);
        BYTES.fetch_add(layout.size() as i64, Relaxed);
        System.alloc(layout)
    }
    unsafe fn realloc(&self, block: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        REALLOCS.fetch_add(1, Relaxed);
        BYTES.fetch_add(size as i64, Relaxed);
        System.realloc(block, layout, size)
    }
    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        System.dealloc(block, layout)
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

fn main() {
    let folder = std::env::args().nth(1).unwrap();
    let mut kept: Vec<String> = Vec::new();
    for i in 0..5000 {
        kept.push(format!("number {}", i));
    }
    let total: usize = kept.iter().map(|text| text.len()).sum();
    let joined = std::thread::spawn(move || kept.concat()).join().unwrap();
    println!("{} {}", total, joined.len());
    let path = format!("{}/{}", folder, std::process::id());
    let mut text = String::with_capacity(512);
    let file = std::fs::File::create(path).unwrap();
    use std::fmt::Write;
    use std::io::Write as _;
    write!(text, "pid {}\nallocations {}\nreallocs {}\nallocated_bytes {}\n", std::process::id(),
           ALLOCATIONS.load(Relaxed), REALLOCS.load(Relaxed), BYTES.load(Relaxed)).unwrap();
    (&file).write_all(text.as_bytes()).unwrap();
}
