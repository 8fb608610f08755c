//! What a session takes over instead of computing it: from its own cache, and from the model's prefix cache.

use std::sync::Arc;

use crate::control::CancelToken;
use crate::error::Error;
use crate::sequence::prefix_cache::{BLOCK_TOKENS, PrefixCache, PrefixError};
use crate::session::Session;
use crate::text::chat::{Message, Role};

/// Tokens of a prompt that stand in the cache before it is computed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Reused {
    /// All of them.
    pub(crate) tokens: usize,
    /// Of these, tokens that came from the prefix cache.
    pub(crate) prefix_tokens: usize,
}

/// What [`Session::share_prefix`] did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SharedPrefix {
    /// Tokens of the shared beginning.
    pub tokens: usize,
    /// Of these, tokens that had to be computed.
    pub computed_tokens: usize,
}

impl Session {
    /// The same session with shared beginnings to take from and to add to. [`crate::Model::session`] does this; here for
    /// decoders of one's own: the cache must hold nothing of another model.
    #[must_use]
    pub fn with_prefix_cache(mut self, cache: Arc<PrefixCache>) -> Self {
        self.prefix_cache = Some(cache);
        self
    }

    /// Computes the messages so far and keeps their keys and values for all sessions of the model, so that the next one
    /// that begins with them need not compute them. For system messages and examples, never for what a person wrote:
    /// how long another session takes for its first token tells whether its beginning is known.
    ///
    /// What is kept ends where a user's message would begin. It is found by its token ids, whichever way a later prompt
    /// came by them, and also where a prompt shares only a part of it. Takes as long as a turn's prefill where it is not
    /// known yet; an app may call it ahead, in the background.
    ///
    /// # Errors
    /// [`Error::Prefix`]; [`Error::PromptTooLong`]; [`Error::Decoder`], which is
    /// [`crate::decoder::DecoderError::Interrupted`] for a cancelled call. The session goes on as before.
    pub fn share_prefix(&mut self, cancel: &CancelToken) -> Result<SharedPrefix, Error> {
        let cache = Arc::clone(self.prefix_cache.as_ref().ok_or(PrefixError::Off)?);
        if self.messages.last().is_some_and(|message| message.role == Role::User) {
            return Err(PrefixError::EndsWithUser.into());
        }
        let ids = self.beginning()?;
        let (tokens, limit) = (ids.len(), self.facts.context_length);
        if tokens >= limit {
            return Err(Error::PromptTooLong { tokens, limit });
        }
        cache.check_size(tokens, self.decoder.kv_bytes_per_token())?;
        let reused = self.take_over(&ids)?;
        self.prefill(ids.get(reused.tokens..).unwrap_or_default(), cancel)?;
        cache.store(&ids, &*self.decoder)?;
        Ok(SharedPrefix { tokens, computed_tokens: tokens - reused.tokens })
    }

    /// As [`Session::take_over`], with at least one token left to compute, because only a run gives logits.
    pub(crate) fn reuse(&mut self, ids: &[u32]) -> Result<Reused, Error> {
        self.take_over(ids.split_last().map_or(&[], |(_, before)| before))
    }

    /// Rewinds the cache to what it shares with `ids`, and appends what the prefix cache knows beyond that.
    fn take_over(&mut self, ids: &[u32]) -> Result<Reused, Error> {
        let own = common_tokens(&self.cached, ids);
        self.rewind(own);
        let filled = match &self.prefix_cache {
            Some(cache) => cache.fill(ids, &mut *self.decoder),
            None => Ok(own),
        };
        // After an error, too, the cache holds some first tokens of `ids`.
        let tokens = self.decoder.len();
        if tokens != own {
            // Blocks are written whole, also over tokens of the session's own.
            self.rewind_journal(tokens.min(own - own % BLOCK_TOKENS));
            self.cached.clear();
            self.cached.extend_from_slice(ids.get(..tokens).unwrap_or_default());
        }
        filled?;
        Ok(Reused { tokens, prefix_tokens: tokens - own })
    }

    /// The tokens that every prompt begins with that goes on from the messages so far with a user's message.
    fn beginning(&self) -> Result<Vec<u32>, Error> {
        let prompt_with = |text| {
            let messages = [&self.messages[..], &[Message::user(text)]].concat();
            self.facts.template.prompt(&self.facts.tokenizer, &messages)
        };
        // Two messages that begin with different tokens, whatever the tokenizer.
        let mut ids = prompt_with("a")?.ids;
        ids.truncate(common_tokens(&ids, &prompt_with("7")?.ids));
        Ok(ids)
    }
}

fn common_tokens(a: &[u32], b: &[u32]) -> usize {
    a.iter().zip(b).take_while(|(a, b)| a == b).count()
}
