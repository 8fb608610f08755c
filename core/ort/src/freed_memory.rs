//! What the C library keeps of memory that it got back.
//!
//! ONNX Runtime takes caches and working memory from it. glibc raises the size from which a block is the system's own with every such
//! block that is freed, up to 32 MB; smaller ones come from a heap of which only the end is given back (`mallopt(3)`, "`M_MMAP_THRESHOLD`").
//! So what reading a tokenizer or a long prompt took would stay with the process.

/// Blocks of this size and more are the system's own: glibc's size at its start.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
const OWN_BLOCKS: libc::c_int = 128 << 10;

/// Has the C library give large blocks back to the system when they are freed. For a program, at its start: it holds for the whole process.
/// Nothing is done where the C library is not glibc.
#[allow(unsafe_code)]
pub fn give_back_freed_memory() {
    // SAFETY: it sets a number of glibc's own.
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    unsafe {
        // Refused, it stays as it was, which costs memory alone.
        let _ = libc::mallopt(libc::M_MMAP_THRESHOLD, OWN_BLOCKS);
    }
}
