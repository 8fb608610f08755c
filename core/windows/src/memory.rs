//! Free memory.

use windows_sys::Win32::System::SystemInformation::{GlobalMemoryStatusEx, MEMORYSTATUSEX};

/// Bytes that this process may still take: physical memory that is free or can be given up, and no more than the system
/// will commit to. `None` where it does not say.
#[must_use]
#[allow(unsafe_code)]
pub fn available_bytes() -> Option<u64> {
    let mut status =
        MEMORYSTATUSEX { dwLength: size_of::<MEMORYSTATUSEX>().try_into().ok()?, ..Default::default() };
    // SAFETY: the structure is ours and states its own size.
    let is_told = unsafe { GlobalMemoryStatusEx(&raw mut status) } != 0;
    is_told.then(|| status.ullAvailPhys.min(status.ullAvailPageFile))
}

#[cfg(test)]
mod tests {
    #[test]
    fn some_memory_is_free() {
        assert!(super::available_bytes().unwrap() > 1 << 20);
    }
}
