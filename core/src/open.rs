//! From a folder to an open model.

mod facts;
mod model;
mod opening;
pub(crate) mod plan;
pub mod prepare;
mod score;
mod self_check;
mod static_opening;

pub use model::{Model, OpenOptions};
pub(crate) use opening::Opening;
