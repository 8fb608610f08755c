//! The conversations of an engine, to be shut down with it.

use std::sync::{Mutex, Weak};

use crate::edge::lock;
use crate::{ChatHandle, FfiError};

/// Who is there; nobody can come any more once it was closed.
pub(crate) struct Roster(Mutex<Option<Vec<Weak<ChatHandle>>>>);

impl Roster {
    pub(crate) fn new() -> Self {
        Self(Mutex::new(Some(Vec::new())))
    }

    /// # Errors
    /// `closed`.
    pub(crate) fn add(&self, chat: Weak<ChatHandle>) -> Result<(), FfiError> {
        let mut chats = lock(&self.0);
        let chats = chats.as_mut().ok_or_else(FfiError::closed)?;
        chats.retain(|chat| chat.strong_count() > 0);
        chats.push(chat);
        Ok(())
    }

    /// Shuts all of them down.
    pub(crate) fn close(&self) {
        let chats = lock(&self.0).take();
        for chat in chats.iter().flatten().filter_map(Weak::upgrade) {
            chat.shut_down();
        }
    }
}
