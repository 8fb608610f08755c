//! Why a session could not be saved or restored.

use std::io;

use wheelwork_diagnostic::{Diagnosis, Diagnostic, Remedy, bug, choose, give, leave_out, retry, unsupported};

use wheelwork_package::vfs::is_not_ours;

use crate::decoder::DecoderError;

/// Why a session could not be saved or restored.
#[derive(Debug, thiserror::Error)]
#[allow(missing_docs)] // the fields are what the messages say
pub enum SnapshotError {
    /// The file system.
    #[error("the session file cannot be used: {0}")]
    Io(#[from] io::Error),
    /// The cache cannot be read.
    #[error("the session's cache cannot be saved: {0}")]
    Cache(#[from] DecoderError),
    /// The file is none of ours, or its first record is damaged.
    #[error("`{file}` is no session file: {fault}")]
    NotASession { file: String, fault: &'static str },
    /// Damage that is no torn end.
    #[error("`{file}` is damaged at byte {offset}: {messages} messages of it can be saved")]
    Damaged { file: String, offset: u64, messages: usize },
    /// A session that was read from a damaged file, kept in that very file.
    #[error("`{file}` is damaged and the only copy of what could not be read")]
    OnlyCopy { file: String },
    /// The form of a version before.
    #[error("`{file}` has the form {found}, which this version no longer reads")]
    OldForm { file: String, found: u8 },
    /// Another session, of this process or another, is kept in the file.
    #[error("`{file}` is in use: another session is kept in it")]
    InUse { file: String },
    /// An encrypted file, and no key.
    #[error("`{file}` is encrypted, and no key was given")]
    KeyNeeded { file: String },
    /// An encrypted file, and the key of another.
    #[error("`{file}` was encrypted with another key")]
    WrongKey { file: String },
    /// A key, and a file that anybody could have written.
    #[error("`{file}` is not encrypted, and a key was given")]
    NotEncrypted { file: String },
    /// The disk has failed the file before.
    #[error("`{file}` may lack what was saved before: the disk has failed to take it")]
    Lost { file: String },
    /// A record whose digest is right says what cannot be.
    #[error("`{file}` has a record at byte {offset} that this version cannot read: {fault}")]
    Record { file: String, offset: u64, fault: String },
    /// There is no turn to go on with.
    #[error("the session has no unfinished turn")]
    NothingToResume,
}

impl Diagnostic for SnapshotError {
    fn diagnosis(&self) -> Diagnosis {
        match self {
            Self::Io(error) if is_not_ours(error) => {
                retry("session_not_a_file", choose("another file, or move away what stands there"))
            }
            Self::Io(_) => retry("session_io", Remedy::CheckStorage),
            Self::Cache(error) => error.diagnosis(),
            Self::NotASession { file, .. } => {
                unsupported("not_a_session", give("a file that a session was saved to")).at(file)
            }
            Self::Damaged { file, .. } => retry("session_damaged", Remedy::Salvage).at(file),
            Self::OnlyCopy { file } => retry("session_only_copy", choose("another file")).at(file),
            Self::OldForm { file, .. } => unsupported("session_old_form", Remedy::UseItsVersion).at(file),
            Self::InUse { file } => {
                retry("session_in_use", choose("another file, or close the other session")).at(file)
            }
            Self::KeyNeeded { file } => retry("session_key_needed", give(KEY)).at(file),
            Self::WrongKey { file } => retry("wrong_session_key", give(KEY)).at(file),
            Self::NotEncrypted { file } => retry(
                "session_not_encrypted",
                leave_out("the key, if the file is yours; saved with a key, it is encrypted from then on"),
            )
            .at(file),
            Self::Lost { file } => {
                retry("session_file_lost", choose("a file to keep the session in, again")).at(file)
            }
            Self::Record { file, .. } => unsupported("session_record", Remedy::UseItsVersion).at(file),
            Self::NothingToResume => bug("nothing_to_resume", give("a message to answer instead")),
        }
    }
}

const KEY: &str = "the key that it was saved with";
