//! Giving up a read that has begun.

use std::os::windows::io::AsRawHandle as _;
use std::thread::JoinHandle;

use windows_sys::Win32::System::IO::CancelSynchronousIo;

/// Ends what a thread is reading or writing, with an error there; nothing where it does neither at this instant.
#[allow(unsafe_code)]
pub fn end_read<T>(thread: &JoinHandle<T>) {
    // SAFETY: the handle is open as long as the thread's is borrowed.
    let _ = unsafe { CancelSynchronousIo(thread.as_raw_handle()) };
}
