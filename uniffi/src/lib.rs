//! Wheelwork across the language boundary: `core`'s engine as records, enums, objects and one error, for Kotlin and Swift.
//!
//! 1. [`EngineHandle::open`] opens a model; [`devices`] says beforehand what this machine has.
//! 2. [`EngineHandle::chat`] or [`EngineHandle::restore`] starts a conversation, a [`ChatHandle`].
//! 3. [`ChatHandle::ask`] begins a turn, a [`TurnHandle`].
//! 4. [`TurnHandle::next`] gives its events one by one: nothing is computed far beyond what was asked for.
//!
//! The crate holds conversions and the panic edge and decides nothing. What people use are the layers above it, which
//! follow their own language (`uniffi/kotlin`): hence "handle". There are no callbacks: no code of an app runs on a
//! thread of ours.
#![forbid(unsafe_code)]

mod chat;
mod convert;
mod devices;
mod edge;
mod engine;
mod error;
mod event;
#[cfg(feature = "faults")]
pub mod faults;
mod form;
mod message;
mod open;
mod options;
mod pace;
mod placement;
mod roster;
mod turn;

pub use chat::{Autosave, ChatHandle};
pub use devices::{ProviderFacts, devices};
pub use engine::{EngineHandle, RestoredChat};
pub use error::{ErrorClass, FfiError};
pub use event::{Event, FinishReason, ReasoningEnd, ReasoningStart, Timings, Usage};
pub use form::{OutputFormat, Tool, ToolChoice, ToolFault};
pub use message::{Message, Role};
pub use open::{DevicePreference, KvForm, MemoryCheck, OpenOptions};
pub use options::{OnContextFull, OnLoop, OpenReasoning, Options, Priority, Thinking};
pub use pace::{Battery, Conditions, Pace, Thermal};
pub use placement::{Device, GraphPlacement, KernelSet, NotUsed, Placement, SelfCheck, Share};
pub use turn::TurnHandle;

uniffi::setup_scaffolding!("wheelwork");
