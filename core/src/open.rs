//! From a folder to an open model.

mod described;
mod dynamic_opening;
mod examine;
mod facts;
mod memory;
mod model;
mod not_loaded;
mod opening;
mod options;
mod plan;
pub mod prepare;
mod score;
mod self_check;
mod static_opening;
mod watch;

pub use examine::examine;
pub use memory::{Available, Fit, MemoryPlan, available_memory};
pub use model::Model;
pub use options::{MemoryCheck, OpenOptions};
pub use plan::plan;
pub use watch::{OpenStep, OpenWatch};
