//! Ctrl-C, or the system's request to end the program: once ends what is running, twice ends the program.

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
    /// Asked for once already.
    asked: bool,
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
            if std::mem::replace(&mut current.asked, true) {
                // Ending was asked for already and did not end the program.
                compiling::leave();
            }
            if current.suspends { current.token.suspend() } else { current.token.cancel() }
        });
        take_over.map_err(|error| Failure::Output(std::io::Error::other(error)))?;
        Ok(Self(current))
    }

    /// The token of the next piece of work, which Ctrl-C cancels from now on.
    pub(crate) fn token(&self) -> CancelToken {
        let mut current = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if current.taken {
            current.token = CancelToken::new();
            current.asked = false;
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
