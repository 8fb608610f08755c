//! Wheelwork runs a packaged reasoning model on the device and streams its reasoning and its answer apart.
//!
//! ```no_run
//! use wheelwork::{Event, Model};
//!
//! fn main() -> Result<(), wheelwork::Error> {
//!     let model = Model::open("tiny-r1.ortpackage")?;
//!     let mut session = model.session()?;
//!     for event in session.ask("478 + 256 = ?", &Default::default())? {
//!         match event? {
//!             Event::ReasoningDelta { text } => eprint!("{text}"),
//!             Event::AnswerDelta { text } => print!("{text}"),
//!             _ => {}
//!         }
//!     }
//!     Ok(())
//! }
//! ```
//!
//! From the outside in:
//!
//! 1. [`Model`] is an open package: immutable, shared. [`provider`] chose its device and says why.
//! 2. [`Session`] is one conversation with its key-value cache.
//! 3. [`Generation`] is one turn: an iterator of [`Event`]s that stops when nobody asks for more.
//!
//! Inside a turn: [`chat`] turns messages into token ids, [`decoder`] computes logits, [`sampling`] picks a
//! token, [`detokenizer`] makes text, [`reasoning`] tells reasoning from answer, [`repetition`] and [`stop`] end it.
//!
//! For several sessions at once, from any thread, see [`engine`].
//!
//! The crate opens no socket and logs nothing. It has three threads of its own: an [`engine`]'s, while there is one; while
//! an answer's form is compiled, one with a stack of 64 MiB, because the caller's may be too small for a stranger's
//! grammar; and one that compiles graphs for a device at its first use ([`Compilation`]). A [`Generation`] computes on the caller's. ONNX Runtime has its own ([`OpenOptions::threads`](field@OpenOptions::threads)).
#![forbid(unsafe_code)]

mod answer_now;
mod cancel;
pub mod chat;
mod compiled;
pub mod decoder;
pub mod detokenizer;
pub mod engine;
mod error;
mod event;
mod generate;
pub mod kv_cache;
mod lookup;
mod metrics;
mod model;
mod options;
pub mod output;
mod plan;
pub mod prefix_cache;
pub mod prepare;
pub mod provider;
pub mod reasoning;
pub mod repetition;
pub mod sampling;
mod save_now;
mod score;
mod session;
pub mod snapshot;
pub mod stop;
pub mod tokenizer;
pub mod tools;

pub use answer_now::AnswerNow;
pub use cancel::CancelToken;
pub use compiled::{CompileStep, CompileWatch};
pub use error::Error;
pub use event::{Event, FinishReason, ReasoningEnd};
pub use generate::Generation;
pub use lookup::PromptLookup;
pub use metrics::{Timings, Usage};
pub use model::{Compilation, CompilationState, Model, ModelFacts, OpenOptions};
pub use options::{Budget, OnLoop, Options, Thinking};
pub use output::{OutputError, OutputFormat};
pub use plan::{Available, Fit, MemoryCheck, MemoryPlan, plan};
pub use prepare::{PrepareReport, PrepareStep, Prepared, prepare, prepared_form};
pub use provider::{DevicePreference, Placement};
pub use save_now::SaveNow;
pub use session::{OnContextFull, Session, SharedPrefix};
pub use snapshot::{Autosave, Restored, SessionFile, SessionKey};
pub use tools::{Tool, ToolChoice, ToolFault};
pub use wheelwork_package::card::KvForm;
pub use wheelwork_package::{Class, Diagnostic};
