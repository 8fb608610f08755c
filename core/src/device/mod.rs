//! Which device runs the model: package variants + what the caller wants -> one choice, with reasons for the
//! rest.
//!
//! [`PROVIDERS`] is the table, [`detect()`] tells what of it this machine has, and [`plan()`] chooses. Planning is a pure
//! function, so that every decision can be tested, and is reported as [`Placement`] in the first event. Nothing falls
//! back in silence: [`Placement::not_used`] names each better device with the reason, and a strict request fails with
//! the same list. [`trial`] keeps providers away that took the process down.

pub(crate) mod cache;
pub mod compiled;
mod detect;
mod options;
mod placement;
mod plan;
mod provider;
mod table;
pub mod trial;

pub use cache::CacheError;
pub use detect::{Detected, DetectedDevice, Refusal, detect, detect_all};
pub use options::{OptionError, OptionRule, Values};
pub use placement::{
    Device, DevicePreference, KernelSet, Kernels, NotUsed, NotUsedReason, Placement, Prepared, SelfCheck,
};
pub use plan::{NoUsableDevice, Request, plan};
pub(crate) use provider::StaticDriver;
pub use provider::{PluginLibrary, Provider, Support};
pub(crate) use table::{CPU, row};
pub use table::{PROVIDERS, check_options};

pub use crate::decoder::graph_placement::{GraphPlacement, Share};
