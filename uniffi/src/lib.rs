//! Wheelwork across the language boundary: `core`'s engine as records, enums, objects and one error, for Kotlin and Swift.
//!
//! 0. [`StoreHandle`] holds the models of a device: [`StoreHandle::install`] brings one, [`PrepareHandle`] makes it take less
//!    memory, [`memory_plan`], [`package_facts`] and [`detect_devices`] say beforehand what it takes, what it is and what it
//!    could run on.
//! 1. [`OpenHandle`] opens a model, step by step, or [`EngineHandle::open`] at once.
//! 2. [`EngineHandle::chat`] or [`EngineHandle::restore`] starts a conversation, a [`ChatHandle`].
//! 3. [`ChatHandle::ask`] begins a turn, a [`TurnHandle`].
//! 4. [`TurnHandle::next`] waits for its next event, [`TurnHandle::waiting`] gives those that wait, [`TurnHandle::gathered`] waits
//!    until some do, or [`TurnHandle::stop_gathering`] says that it is enough: nothing is computed far beyond what was asked for.
//!
//! What takes long is a handle to pull from, in one manner: `next()` gives what there is to tell, then the end, then nothing;
//! `cancel()` ends it within a step; letting go of it cancels, and leaves nothing half done. What is no turn has a thread of
//! its own while it works (`job`).
//!
//! The crate holds conversions and the panic edge and decides nothing. What people use are the layers above it, which
//! follow their own language (`android/wheelwork`): hence "handle". There are no callbacks: no code of an app runs on a
//! thread of ours.
#![forbid(unsafe_code)]

mod chat;
mod compilation;
mod convert;
mod devices;
mod edge;
mod engine;
mod error;
mod evaluation;
mod event;
#[cfg(feature = "faults")]
pub mod faults;
mod form;
mod job;
mod memory;
mod message;
mod open;
mod opening;
mod options;
mod pace;
mod package;
mod pipe;
mod placement;
mod prepare;
mod roster;
mod share;
mod source;
mod store;
mod transfer;
#[cfg(feature = "faults")]
mod trip;
mod trust;
mod turn;

pub use chat::{Autosave, ChatHandle};
pub use compilation::{CompilationEvent, CompilationHandle, CompilationState};
pub use devices::{
    DetectedDevice, DetectedProvider, OnnxRuntime, ProviderFacts, ProviderSupport, Unusable,
    allow_devices_again, detect_devices, devices, onnx_runtime,
};
pub use engine::{EngineHandle, PrefixUsage, RestoredChat};
pub use error::{ErrorClass, FfiError};
pub use evaluation::{Divergence, Estimate, Evaluation, Gate, NamedTaskScore, Repetition, TaskScore, Tasks};
pub use event::{Event, FinishReason, ReasoningEnd, ReasoningStart, Timings, Usage};
pub use form::{OutputFormat, Tool, ToolChoice, ToolFault};
pub use memory::{AvailableMemory, Fit, MemoryPlan, memory_plan};
pub use message::{Message, Role, ToolCall};
pub use open::{DevicePreference, EngineOptions, Kernels, KvForm, MemoryCheck, OpenOptions};
pub use opening::{OpenEvent, OpenHandle};
pub use options::{OnContextFull, OnLoop, OpenReasoning, Options, Priority, PromptLookup, Thinking};
pub use pace::{Battery, Conditions, Pace, Thermal};
pub use package::{Licence, PackageFacts, Provenance, VariantFacts, package_facts};
pub use pipe::PackagePipe;
pub use placement::{
    Device, GraphPlacement, KernelSet, NotUsed, NotUsedReason, Placement, Prepared, SelfCheck, Share,
};
pub use prepare::{
    AttentionChoice, PrepareEvent, PrepareHandle, PrepareReport, ProductChoice, ProductTime, prepared_form,
};
pub use share::{SharePrefixHandle, SharedPrefix};
pub use source::PackageSource;
pub use store::{
    GarbageReport, InstallOptions, InstalledModel, InstalledPackage, PackageHead, PartialModel,
    StoreContents, StoreHandle,
};
pub use transfer::{
    Damage, InstallEvent, InstallHandle, InstallReport, StoreStep, VerifyEvent, VerifyHandle, VerifyReport,
};
pub use trust::{PublicKey, SignaturePolicy, SignatureState, public_key, trust_key, trusted_keys};
pub use turn::TurnHandle;

uniffi::setup_scaffolding!("wheelwork");
