//! What a caller holds while a turn runs, to end it, to have its answer now or to have it saved.

mod answer_now;
mod cancel;
mod save_now;

pub use answer_now::AnswerNow;
pub(crate) use cancel::{Attached, Wish};
pub use cancel::{CancelToken, Interrupt};
pub use save_now::SaveNow;
