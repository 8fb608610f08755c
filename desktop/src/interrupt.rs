//! Ctrl-C, or the system's request to end the program: once ends what is running, twice ends the program; in a conversation
//! three times, so that an impatient second press does not cost it.

use std::sync::{Arc, Mutex, PoisonError};

use wheelwork::CancelToken;

use crate::compiling;
use crate::failure::Failure;

/// What the next Ctrl-C cancels.
#[derive(Clone)]
pub(crate) struct Interrupt(Arc<Mutex<Current>>);

#[derive(Default)]
struct Current {
    token: CancelToken,
    /// How often it was asked for.
    asked: u32,
    /// How often it may be asked for again before the program ends.
    patience: u32,
    /// Work that can go on later is left for later.
    suspends: bool,
    /// Some work has the token. Until then a Ctrl-C waits in it for the work that comes first.
    taken: bool,
}

impl Interrupt {
    /// Takes Ctrl-C (and SIGTERM) over from the system.
    pub(crate) fn install() -> Result<Self, Failure> {
        Self::with(Current::default())
    }

    /// As [`Interrupt::install`], for work that can go on in another process.
    pub(crate) fn install_suspending() -> Result<Self, Failure> {
        Self::with(Current { suspends: true, ..Current::default() })
    }

    fn with(current: Current) -> Result<Self, Failure> {
        let current = Arc::new(Mutex::new(current));
        let handler = Arc::clone(&current);
        let take_over = ctrlc::set_handler(move || {
            let mut current = handler.lock().unwrap_or_else(PoisonError::into_inner);
            current.asked += 1;
            if current.asked > 1 + current.patience {
                // Ending was asked for already and did not end the program.
                compiling::leave();
            }
            if current.asked > 1 {
                anstream::eprintln!("it is being stopped; Ctrl-C once more leaves wheelwork");
            }
            if current.suspends { current.token.suspend() } else { current.token.cancel() }
        });
        take_over.map_err(|error| Failure::Output(std::io::Error::other(error)))?;
        Ok(Self(current))
    }

    /// From here on the second Ctrl-C only tells that the third one leaves.
    pub(crate) fn leave_at_third(&self) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).patience = 1;
    }

    /// The token of the next piece of work, which Ctrl-C cancels from now on.
    pub(crate) fn token(&self) -> CancelToken {
        let mut current = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if current.taken {
            current.token = CancelToken::new();
            current.asked = 0;
        }
        current.taken = true;
        current.token.clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ctrl_c_before_the_first_work_is_not_lost() {
        let interrupt = Interrupt(Arc::default());
        interrupt.0.lock().unwrap().token.cancel();
        assert!(interrupt.token().is_cancelled());
        assert!(!interrupt.token().is_cancelled(), "the next work has a token of its own");
    }
}
