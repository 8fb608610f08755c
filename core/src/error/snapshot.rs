//! Why a session could not be saved or restored.

use std::borrow::Cow;
use std::io;

use wheelwork_package::{Class, Diagnostic};

use crate::decoder::DecoderError;

/// Why a session could not be saved or restored.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SnapshotError {
    /// The file system.
    #[error("the session file cannot be used: {0}")]
    Io(#[from] io::Error),
    /// The cache cannot be read.
    #[error("the session's cache cannot be saved: {0}")]
    Cache(#[from] DecoderError),
    /// The file is none of ours, or its first record is damaged.
    #[error("`{file}` is no session file: {fault}")]
    NotASession {
        /// The file.
        file: String,
        /// What is wrong.
        fault: &'static str,
    },
    /// The form of a version before.
    #[error("`{file}` has the form {found}, which this version no longer reads")]
    OldForm {
        /// The file.
        file: String,
        /// The number of its form.
        found: u8,
    },
    /// Another session, of this process or another, is kept in the file.
    #[error("`{file}` is in use: another session is kept in it")]
    InUse {
        /// The file.
        file: String,
    },
    /// An encrypted file, and no key.
    #[error("`{file}` is encrypted, and no key was given")]
    KeyNeeded {
        /// The file.
        file: String,
    },
    /// An encrypted file, and the key of another.
    #[error("`{file}` was encrypted with another key")]
    WrongKey {
        /// The file.
        file: String,
    },
    /// A key, and a file that anybody could have written.
    #[error("`{file}` is not encrypted, and a key was given")]
    NotEncrypted {
        /// The file.
        file: String,
    },
    /// The disk has failed the file before.
    #[error("`{file}` may lack what was saved before: the disk has failed to take it")]
    Lost {
        /// The file.
        file: String,
    },
    /// A record whose digest is right says what cannot be.
    #[error("`{file}` has a record at byte {offset} that this version cannot read: {fault}")]
    Record {
        /// The file.
        file: String,
        /// Where the record starts.
        offset: u64,
        /// What is wrong.
        fault: String,
    },
    /// There is no turn to go on with.
    #[error("the session has no unfinished turn")]
    NothingToResume,
}

impl Diagnostic for SnapshotError {
    fn code(&self) -> &'static str {
        match self {
            Self::Io(_) => "session_io",
            Self::Cache(error) => error.code(),
            Self::NotASession { .. } => "not_a_session",
            Self::OldForm { .. } => "session_old_form",
            Self::InUse { .. } => "session_in_use",
            Self::KeyNeeded { .. } => "session_key_needed",
            Self::WrongKey { .. } => "wrong_session_key",
            Self::NotEncrypted { .. } => "session_not_encrypted",
            Self::Lost { .. } => "session_file_lost",
            Self::Record { .. } => "session_record",
            Self::NothingToResume => "nothing_to_resume",
        }
    }

    fn class(&self) -> Class {
        match self {
            Self::Io(_)
            | Self::InUse { .. }
            | Self::KeyNeeded { .. }
            | Self::WrongKey { .. }
            | Self::NotEncrypted { .. }
            | Self::Lost { .. } => Class::Retry,
            Self::Cache(error) => error.class(),
            Self::NotASession { .. } | Self::OldForm { .. } | Self::Record { .. } => Class::Unsupported,
            Self::NothingToResume => Class::Bug,
        }
    }

    fn remedy(&self) -> Cow<'static, str> {
        match self {
            Self::Cache(error) => error.remedy(),
            Self::Io(_) => "check the path, its permissions and the free space".into(),
            Self::NotASession { .. } => "name a file that a session was saved to".into(),
            Self::OldForm { .. } => "open it with the version that wrote it, or start a new session".into(),
            Self::InUse { .. } => "close the other session, or keep this one in another file".into(),
            Self::KeyNeeded { .. } | Self::WrongKey { .. } => "give the key that it was saved with".into(),
            Self::NotEncrypted { .. } => {
                "open it without a key, if it is yours; saved with a key, it is encrypted from then on".into()
            }
            Self::Lost { .. } => "keep the session in a file again".into(),
            Self::Record { .. } => "open it with the version that wrote it, or start a new session".into(),
            Self::NothingToResume => "ask instead".into(),
        }
    }

    fn place(&self) -> Option<String> {
        match self {
            Self::NotASession { file, .. }
            | Self::OldForm { file, .. }
            | Self::InUse { file }
            | Self::KeyNeeded { file }
            | Self::WrongKey { file }
            | Self::NotEncrypted { file }
            | Self::Lost { file }
            | Self::Record { file, .. } => Some(file.clone()),
            Self::Cache(error) => error.place(),
            Self::Io(_) | Self::NothingToResume => None,
        }
    }
}
