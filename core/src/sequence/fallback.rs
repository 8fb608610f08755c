//! What stands in for a device that fails in the middle of a turn.

use std::sync::Arc;

use crate::decoder::Decoder;
use crate::device::Placement;
use crate::error::Error;

/// Makes a decoder in place of one that failed, at most once a sequence.
#[derive(Clone)]
pub(crate) struct Fallback(Arc<Make>);

/// From where the sequence ran and what was said there, to where it runs now and an empty decoder.
type Make = dyn Fn(&Placement, String) -> Result<(Placement, Box<dyn Decoder>), Error> + Send + Sync;

impl Fallback {
    pub(crate) fn new(
        make: impl Fn(&Placement, String) -> Result<(Placement, Box<dyn Decoder>), Error> + Send + Sync + 'static,
    ) -> Self {
        Self(Arc::new(make))
    }

    /// Where the sequence runs instead, and an empty decoder there.
    pub(super) fn decoder(
        &self,
        failed: &Placement,
        message: String,
    ) -> Result<(Placement, Box<dyn Decoder>), Error> {
        (self.0)(failed, message)
    }
}
