//! Memory in use, counted by the allocator: freed memory that the process keeps would make what resident memory says too little.

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicUsize, Ordering};

/// The system's allocator, counting what it has given out.
pub(crate) struct Counting(AtomicUsize);

impl Counting {
    pub(crate) const fn new() -> Self {
        Self(AtomicUsize::new(0))
    }

    /// The bytes in use.
    pub(crate) fn bytes(&self) -> usize {
        self.0.load(Ordering::Relaxed)
    }

    /// What a chunk takes of the heap: a header of eight bytes, rounded up to sixteen, 32 at least.
    fn chunk(size: usize) -> usize {
        (size + 8).next_multiple_of(16).max(32)
    }

    // Not exact between threads; these programs have one, and a plain addition costs the solvers nothing.
    fn change(&self, by: usize) {
        self.0.store(self.bytes().wrapping_add(by), Ordering::Relaxed);
    }
}

#[expect(unsafe_code, reason = "the trait is; everything is handed on to the system's allocator as it came")]
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        self.change(Self::chunk(layout.size()));
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        self.change(Self::chunk(layout.size()).wrapping_neg());
        unsafe { System.dealloc(pointer, layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        self.change(Self::chunk(layout.size()));
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        self.change(Self::chunk(size).wrapping_sub(Self::chunk(layout.size())));
        unsafe { System.realloc(pointer, layout, size) }
    }
}
