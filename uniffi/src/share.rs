//! Sharing a prefix, and ending that.

use std::sync::Arc;

use wheelwork::CancelToken;
use wheelwork::engine::Chat;

use crate::FfiError;
use crate::convert::count;
use crate::edge::safely;
use crate::job::{Item, Job, JobHandle};

/// A prefix that is being computed and shared. It goes on whether somebody reads or not; let go of, it is cancelled. Its
/// conversation is `busy` meanwhile.
#[derive(uniffi::Object)]
pub struct SharePrefixHandle {
    job: Job<SharedPrefix>,
}

/// What sharing a prefix did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, uniffi::Record)]
pub struct SharedPrefix {
    /// Tokens of the shared prefix.
    pub tokens: u32,
    /// Of these, tokens that had to be computed.
    pub computed_tokens: u32,
}

#[uniffi::export]
impl SharePrefixHandle {
    /// What was done, at the end; then nothing. Waits without a thread. One reader at a time.
    ///
    /// # Errors
    /// `prefix_cache_off` where the engine was opened without `prefix_cache_bytes`, `prefix_ends_with_user`,
    /// `prefix_too_large`, `prompt_too_long`, `busy` during a turn, `interrupted` after a cancel; the conversation goes on as
    /// before. `busy` for a second reader, too.
    pub async fn next(&self) -> Result<Option<SharedPrefix>, FfiError> {
        self.job.next().await
    }

    /// Ends it within a part of the prefix. The end can still be read. Microseconds, on any thread.
    pub fn cancel(&self) {
        safely("SharePrefixHandle.cancel", || (), || self.job.cancel());
    }
}

impl SharePrefixHandle {
    pub(crate) fn begin(chat: Chat) -> Result<Arc<Self>, FfiError> {
        let cancel = CancelToken::new();
        let job = Job::start(cancel.clone(), move |_| {
            let shared = chat.with(|session| session.share_prefix(&cancel))??;
            Ok(Some(shared.into()))
        })?;
        Ok(Arc::new(Self { job }))
    }

    pub(crate) fn job(&self) -> &JobHandle {
        self.job.handle()
    }
}

impl Item for SharedPrefix {
    fn replaces(&self, _: &Self) -> bool {
        false
    }
}

impl From<wheelwork::SharedPrefix> for SharedPrefix {
    fn from(shared: wheelwork::SharedPrefix) -> Self {
        let wheelwork::SharedPrefix { tokens, computed_tokens } = shared;
        Self { tokens: count(tokens), computed_tokens: count(computed_tokens) }
    }
}
