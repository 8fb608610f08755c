//! Opening what strangers may have made: the one way in which a file of a package, a session, a key, a lock or a file that
//! the user names is opened.
//!
//! A path that should name a file may name a pipe that never answers, a device without an end, or a link that leads
//! somewhere else. So what stands there is looked at before it is opened, because opening alone waits for a pipe's writer
//! and wakes a device, and again once it is open, because by then the path may name something else. A size is
//! limited while reading, not by what the system says of it.

use std::fs::Metadata;
use std::io::{self, Read as _};
use std::path::Path;

use fs_err::{File, OpenOptions};

use super::error::{FileError, FileFault};

/// What a path may be that is a link itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Links {
    /// It is followed: the user named this very path.
    Followed,
    /// It is refused: the path is a name in a folder that a stranger may have made.
    Refused,
}

/// Opens a regular file for reading.
///
/// # Errors
/// [`FileFault::Io`] or [`FileFault::NotAFile`].
pub fn open_file(path: &Path, links: Links) -> Result<File, FileError> {
    let looked_at = match links {
        Links::Followed => fs_err::metadata(path),
        Links::Refused => fs_err::symlink_metadata(path),
    };
    check_regular(path, &looked_at.map_err(FileError::io(path))?)?;
    let mut options = OpenOptions::new();
    options.read(true);
    guard(&mut options, links);
    opened(path, &options)
}

/// Reads a regular file of at most `limit` bytes.
///
/// # Errors
/// [`FileFault`].
pub fn read_file(path: &Path, links: Links, limit: u64) -> Result<Vec<u8>, FileError> {
    read_open(open_file(path, links)?, path, limit)
}

fn read_open(file: File, path: &Path, limit: u64) -> Result<Vec<u8>, FileError> {
    let told = file.metadata().map_err(FileError::io(path))?.len();
    let mut bytes = Vec::new();
    if told <= limit {
        file.take(limit.saturating_add(1)).read_to_end(&mut bytes).map_err(FileError::io(path))?;
    }
    let bytes_there = told.max(bytes.len() as u64);
    if bytes_there > limit {
        let fault = FileFault::TooLarge { bytes: bytes_there, limit };
        return Err(FileError { path: path.to_owned(), fault });
    }
    Ok(bytes)
}

/// Reads a secret that the user named, of at most `limit` bytes; one that others may read is refused, as ssh does.
///
/// # Errors
/// [`FileFault`].
pub fn read_secret(path: &Path, limit: u64) -> Result<Vec<u8>, FileError> {
    let file = open_file(path, Links::Followed)?;
    match exposure_of(file.file()).map_err(FileError::io(path))? {
        None => read_open(file, path, limit),
        Some(permissions) => {
            Err(FileError { path: path.to_owned(), fault: FileFault::Exposed { permissions } })
        }
    }
}

/// Reads a text file that the user named, of at most `limit` bytes.
///
/// # Errors
/// [`FileFault`]; of [`FileFault::Io`] with [`io::ErrorKind::InvalidData`] what is no UTF-8.
pub fn read_text(path: &Path, limit: u64) -> Result<String, FileError> {
    let bytes = read_file(path, Links::Followed, limit)?;
    String::from_utf8(bytes)
        .map_err(|_| FileError::io(path)(io::Error::new(io::ErrorKind::InvalidData, "it is no UTF-8 text")))
}

/// Opens a file for writing, or makes it with these Unix permissions; its content stays. No link is followed, and a file
/// with a second name is refused: what is written into it would appear under that, too.
///
/// # Errors
/// [`FileFault`], but for [`FileFault::TooLarge`].
pub fn open_to_write(path: &Path, mode: u32) -> Result<File, FileError> {
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).truncate(false);
    set_mode(&mut options, mode);
    open_own(path, &mut options)
}

/// As [`open_to_write`], but the file has to be there.
///
/// # Errors
/// As [`open_to_write`].
pub fn open_existing_to_write(path: &Path) -> Result<File, FileError> {
    open_own(path, OpenOptions::new().read(true).write(true))
}

/// Whether anything stands at a path: a file, or what has to be refused because it is none.
///
/// # Errors
/// What the system says.
pub fn stands(path: &Path) -> Result<bool, FileError> {
    match fs_err::symlink_metadata(path) {
        Ok(_) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(FileError::io(path)(error)),
    }
}

/// The size of a regular file, which is not opened and no link.
///
/// # Errors
/// [`FileFault::Io`] or [`FileFault::NotAFile`].
pub fn file_bytes(path: &Path) -> Result<u64, FileError> {
    let metadata = fs_err::symlink_metadata(path).map_err(FileError::io(path))?;
    check_regular(path, &metadata)?;
    Ok(metadata.len())
}

/// Refuses what is no folder; a link to one is none.
///
/// # Errors
/// [`FileFault::Io`] or [`FileFault::NotOurs`].
pub fn check_folder(path: &Path) -> Result<(), FileError> {
    let metadata = fs_err::symlink_metadata(path).map_err(FileError::io(path))?;
    if metadata.is_dir() {
        return Ok(());
    }
    Err(FileError::not_ours(path, format!("it is {}, expected a folder", describe(&metadata))))
}

/// Unix permissions of a file that `options` makes, from its first moment on; nothing elsewhere.
pub(crate) fn set_mode(options: &mut OpenOptions, mode: u32) {
    #[cfg(unix)]
    fs_err::os::unix::fs::OpenOptionsExt::mode(options, mode);
    #[cfg(not(unix))]
    let _ = (options, mode);
}

/// How many names a file has; 1 where the system does not tell.
pub(crate) fn names_of(file: &std::fs::File) -> io::Result<u64> {
    #[cfg(unix)]
    return Ok(std::os::unix::fs::MetadataExt::nlink(&file.metadata()?));
    #[cfg(windows)]
    return wheelwork_windows::names_of(file);
    #[cfg(not(any(unix, windows)))]
    return file.metadata().map(|_| 1);
}

/// The permissions of a file that others than its owner may read or write.
#[cfg(unix)]
fn exposure_of(file: &std::fs::File) -> io::Result<Option<String>> {
    let mode = std::os::unix::fs::MetadataExt::mode(&file.metadata()?) & 0o777;
    Ok((mode & 0o077 != 0).then(|| format!("its permissions are {mode:03o}, expected 600")))
}

#[cfg(windows)]
fn exposure_of(file: &std::fs::File) -> io::Result<Option<String>> {
    let is_private = wheelwork_windows::is_private(file)?;
    Ok((!is_private).then(|| "its access list lets in others than its owner and administrators".to_owned()))
}

#[cfg(not(any(unix, windows)))]
fn exposure_of(_: &std::fs::File) -> io::Result<Option<String>> {
    Ok(None)
}

fn open_own(path: &Path, options: &mut OpenOptions) -> Result<File, FileError> {
    match fs_err::symlink_metadata(path) {
        Ok(metadata) => check_regular(path, &metadata)?,
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(FileError::io(path)(error)),
    }
    guard(options, Links::Refused);
    let file = opened(path, options)?;
    match names_of(file.file()).map_err(FileError::io(path))? {
        0 | 1 => Ok(file),
        names => Err(FileError::not_ours(path, format!("it has {names} names"))),
    }
}

fn opened(path: &Path, options: &OpenOptions) -> Result<File, FileError> {
    let file = options.open(path).map_err(FileError::io(path))?;
    check_regular(path, &file.metadata().map_err(FileError::io(path))?)?;
    Ok(file)
}

fn check_regular(path: &Path, metadata: &Metadata) -> Result<(), FileError> {
    if metadata.is_file() {
        return Ok(());
    }
    let fault = FileFault::NotAFile { found: describe(metadata) };
    Err(FileError { path: path.to_owned(), fault })
}

fn describe(metadata: &Metadata) -> &'static str {
    let kind = metadata.file_type();
    if kind.is_symlink() {
        return "a link";
    }
    if kind.is_dir() {
        return "a folder";
    }
    if kind.is_file() {
        return "a file";
    }
    #[cfg(unix)]
    {
        use std::os::unix::fs::FileTypeExt as _;
        if kind.is_fifo() {
            return "a pipe";
        }
        if kind.is_socket() {
            return "a socket";
        }
    }
    "a device"
}

/// Should the path have become something else since it was looked at: no link is followed, and no open waits.
#[cfg(unix)]
fn guard(options: &mut OpenOptions, links: Links) {
    use fs_err::os::unix::fs::OpenOptionsExt as _;
    use rustix::fs::OFlags;
    let mut flags = OFlags::NONBLOCK | OFlags::NOCTTY;
    if links == Links::Refused {
        flags |= OFlags::NOFOLLOW;
    }
    options.custom_flags(flags.bits().cast_signed());
}

#[cfg(windows)]
fn guard(options: &mut OpenOptions, links: Links) {
    use fs_err::os::windows::fs::OpenOptionsExt as _;
    /// Opens a link itself instead of its target.
    const FILE_FLAG_OPEN_REPARSE_POINT: u32 = 0x0020_0000;
    if links == Links::Refused {
        options.custom_flags(FILE_FLAG_OPEN_REPARSE_POINT);
    }
}

#[cfg(not(any(unix, windows)))]
fn guard(_: &mut OpenOptions, _: Links) {}

#[cfg(unix)]
#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;
    use std::path::PathBuf;

    use rustix::fs::{CWD, FileType, Mode, mknodat};

    use super::*;

    struct Scene(tempfile::TempDir);

    impl Scene {
        fn new() -> Self {
            let folder = tempfile::tempdir().unwrap();
            fs_err::write(folder.path().join("file"), "content").unwrap();
            fs_err::create_dir(folder.path().join("folder")).unwrap();
            let scene = Self(folder);
            mknodat(CWD, scene.path("pipe"), FileType::Fifo, Mode::RUSR | Mode::WUSR, 0).unwrap();
            std::os::unix::net::UnixListener::bind(scene.path("socket")).unwrap();
            symlink(scene.path("file"), scene.path("link")).unwrap();
            symlink(scene.path("nowhere"), scene.path("dangling")).unwrap();
            symlink(scene.path("dangling-loop"), scene.path("dangling-loop")).unwrap();
            symlink("/dev/zero", scene.path("zeros")).unwrap();
            scene
        }

        fn path(&self, name: &str) -> PathBuf {
            self.0.path().join(name)
        }
    }

    #[test]
    fn fi_01_only_regular_files_are_opened_and_a_link_only_where_the_user_named_it() {
        let scene = Scene::new();
        let found = |name: &str, links| match read_file(&scene.path(name), links, 100) {
            Ok(bytes) => String::from_utf8(bytes).unwrap(),
            Err(FileError { fault: FileFault::NotAFile { found }, path }) => {
                assert_eq!(path, scene.path(name));
                found.to_owned()
            }
            Err(error) => error.to_string(),
        };
        for (name, expected) in
            [("file", "content"), ("folder", "a folder"), ("pipe", "a pipe"), ("socket", "a socket")]
        {
            assert_eq!(found(name, Links::Refused), expected);
            assert_eq!(found(name, Links::Followed), expected);
        }
        for (name, followed) in [("link", "content"), ("zeros", "a device")] {
            assert_eq!(found(name, Links::Refused), "a link");
            assert_eq!(found(name, Links::Followed), followed);
        }
        for name in ["dangling", "dangling-loop"] {
            assert_eq!(found(name, Links::Refused), "a link");
            assert!(found(name, Links::Followed).contains(name));
        }
    }

    #[test]
    fn fi_01_a_size_is_limited_while_reading() {
        let scene = Scene::new();
        assert_eq!(read_file(&scene.path("file"), Links::Refused, 7).unwrap(), b"content");
        let error = read_file(&scene.path("file"), Links::Refused, 6).unwrap_err();
        assert!(matches!(error.fault, FileFault::TooLarge { bytes: 7, limit: 6 }), "{error}");
        // A file that says that it is empty and has text all the same.
        if Path::new("/proc/self/status").exists() {
            let error = read_file(Path::new("/proc/self/status"), Links::Followed, 6).unwrap_err();
            assert!(matches!(error.fault, FileFault::TooLarge { bytes: 7, limit: 6 }), "{error}");
        }
    }

    #[test]
    fn fi_02_nothing_is_written_through_a_link_or_a_second_name_and_nothing_is_cut_short() {
        let scene = Scene::new();
        for name in ["link", "dangling", "dangling-loop", "zeros", "pipe", "socket", "folder"] {
            let error = open_to_write(&scene.path(name), 0o600).unwrap_err();
            assert!(matches!(error.fault, FileFault::NotAFile { .. }), "{name}: {error}");
        }
        assert!(!scene.path("nowhere").exists());
        fs_err::hard_link(scene.path("file"), scene.path("second")).unwrap();
        let error = open_to_write(&scene.path("second"), 0o600).unwrap_err();
        assert!(matches!(error.fault, FileFault::NotOurs { .. }), "{error}");
        fs_err::remove_file(scene.path("second")).unwrap();
        open_to_write(&scene.path("file"), 0o600).unwrap();
        assert_eq!(fs_err::read_to_string(scene.path("file")).unwrap(), "content");
        assert!(open_existing_to_write(&scene.path("none")).is_err());
        open_to_write(&scene.path("new"), 0o600).unwrap();
        assert!(stands(&scene.path("new")).unwrap() && stands(&scene.path("dangling")).unwrap());
        assert!(!stands(&scene.path("none")).unwrap());
    }
}
