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
//! 1. [`Model`] is an open package: immutable, shared. [`device`] chose its device and says why.
//! 2. [`Session`] is one conversation with its key-value cache.
//! 3. [`Generation`] is one turn: an iterator of [`Event`]s that stops when nobody asks for more.
//!
//! Inside a turn: [`chat`] turns messages into token ids, [`decoder`] computes logits, [`sampling`] picks a
//! token, [`detokenizer`] makes text, [`reasoning`] tells reasoning from answer, [`repetition`] and [`stop`] end it.
//!
//! For several sessions at once, from any thread, see [`engine`].
//!
//! While versions are 0.x, enums are exhaustive: who matches them learns of a new event or reason from the compiler.
//!
//! The crate opens no socket and logs nothing. It has three threads of its own: an [`engine`]'s, while there is one; while
//! an answer's form is compiled, one with a stack of 64 MiB, because the caller's may be too small for a stranger's
//! grammar; and one that compiles graphs for a device at its first use ([`Compilation`]). A [`Generation`] computes on the caller's. ONNX Runtime has its own ([`OpenOptions::threads`](field@OpenOptions::threads)).
#![forbid(unsafe_code)]

// Unit tests use what `core/testing` has, as a module: there, `wheelwork` is this crate without its tests.
#[cfg(test)]
extern crate self as wheelwork;
#[cfg(test)]
#[path = "../testing/src/lib.rs"]
#[allow(dead_code, unreachable_pub, unused_imports)]
mod testing;

mod control;
pub mod decoder;
pub mod device;
pub mod engine;
mod error;
mod event;
mod facts;
mod metrics;
mod open;
mod options;
pub mod sampling;
mod sequence;
mod session;
mod text;
mod turn;

pub use control::{AnswerNow, CancelToken, SaveNow};
pub use decoder::kv as kv_cache;
pub use device::compiled::{CompileStep, CompileWatch};
pub use device::{DevicePreference, KernelSet, Kernels, Placement, Prepared};
pub use error::Error;
pub use event::{Event, FinishReason, ReasoningEnd, ReasoningStart};
pub use facts::{ModelFacts, ModelIdentity, RuntimeFacts, runtime};
pub use metrics::{Timings, Usage};
pub use open::prepare::{
    self, CompactReport, PrepareReport, PrepareStep, compact, prepare, prepared_form, restore,
};
pub use open::{
    Available, Fit, MemoryCheck, MemoryPlan, Model, OpenOptions, OpenStep, OpenWatch, available_memory,
    examine, plan,
};
pub use options::{Budget, OnContextFull, OnLoop, OpenReasoning, Options, PromptLookup, Thinking};
pub use sequence::prefix_cache;
pub use sequence::{Compilation, CompilationState, SharedPrefix};
pub use session::snapshot::{self, Autosave, Restored, SessionFile, SessionKey};
pub use session::{Generation, Session};
pub use text::output::{OutputError, OutputFormat};
pub use text::tools::{Tool, ToolChoice, ToolFault};
pub use text::{chat, detokenizer, output, reasoning, repetition, stop, tokenizer, tools};
pub use wheelwork_diagnostic::{self as diagnostic, Class, Diagnostic, Remedy};
pub use wheelwork_package::card::KvForm;
