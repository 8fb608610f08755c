//! What a caller says while turns run: to end one, to have its answer now or to have it saved, and how fast to compute.

mod answer_now;
mod cancel;
pub mod pace;
mod save_now;

pub use answer_now::AnswerNow;
pub(crate) use cancel::{Attached, StopRequest};
pub use cancel::{CancelToken, Interrupt};
pub use save_now::SaveNow;
