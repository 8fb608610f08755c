//! Ctrl-C: once ends what is running, twice ends the program.

use std::sync::{Arc, Mutex, PoisonError};

use wheelwork::CancelToken;

use crate::failure::Failure;

/// What the next Ctrl-C cancels.
#[derive(Clone)]
pub(crate) struct Interrupt(Arc<Mutex<CancelToken>>);

impl Interrupt {
    /// Takes Ctrl-C (and SIGTERM) over from the system.
    pub(crate) fn install() -> Result<Self, Failure> {
        let current = Arc::new(Mutex::new(CancelToken::new()));
        let handler = Arc::clone(&current);
        let take_over = ctrlc::set_handler(move || {
            let token = handler.lock().unwrap_or_else(PoisonError::into_inner);
            if token.is_cancelled() {
                // Cancelling was asked for already and did not end the program.
                #[allow(clippy::exit)]
                std::process::exit(130);
            }
            token.cancel();
        });
        take_over.map_err(|error| Failure::Output(std::io::Error::other(error)))?;
        Ok(Self(current))
    }

    /// A fresh token that the next Ctrl-C cancels.
    pub(crate) fn token(&self) -> CancelToken {
        let token = CancelToken::new();
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = token.clone();
        token
    }
}
