//! How many names a file has.

use std::fs::File;
use std::io;
use std::os::windows::io::AsRawHandle as _;

use windows_sys::Win32::Storage::FileSystem::{BY_HANDLE_FILE_INFORMATION, GetFileInformationByHandle};

/// The number of hard links of an open file.
///
/// # Errors
/// What the system says.
#[allow(unsafe_code)]
pub fn names_of(file: &File) -> io::Result<u64> {
    let mut found = BY_HANDLE_FILE_INFORMATION::default();
    // SAFETY: the handle is open as long as the file is borrowed, and the structure is ours.
    if unsafe { GetFileInformationByHandle(file.as_raw_handle(), &raw mut found) } == 0 {
        return Err(io::Error::last_os_error());
    }
    Ok(found.nNumberOfLinks.into())
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn a_second_name_counts() {
        let folder = tempfile::tempdir().unwrap();
        let (one, two) = (folder.path().join("one"), folder.path().join("two"));
        fs::write(&one, "").unwrap();
        assert_eq!(names_of(&File::open(&one).unwrap()).unwrap(), 1);
        fs::hard_link(&one, &two).unwrap();
        assert_eq!(names_of(&File::open(&one).unwrap()).unwrap(), 2);
    }
}
