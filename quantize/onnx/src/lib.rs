//! ONNX graphs with external tensor data, written without the data ever being in memory.
//!
//! 1. [`Graph::new`], then [`Graph::input`], [`Graph::add`], [`Graph::constant`] and [`Graph::output`] build the
//!    graph from [`Node`]s and [`Value`]s.
//! 2. [`Graph::external`] declares a large initializer by type and shape and answers with its [`Extent`]: sizes are
//!    known before any data exists, so every offset is planned while the graph is built.
//! 3. [`Graph::finish`] checks the graph and gives the [`Model`]: its bytes, and the size of the data file.
//! 4. [`Edit`] makes a second graph of a finished one, over the same data file.
//!
//! Types and field numbers come from the ONNX schema itself (`schema/onnx.proto`, compiled by `build.rs`).
//! This crate must never see weights, schemes or checkpoints.
#![forbid(unsafe_code)]

mod attribute;
mod edit;
mod element;
mod error;
mod external;
mod graph;
mod node;

pub use attribute::Attribute;
pub use edit::{Edit, EditNode, GraphValue};
pub use element::{Dimension, ElementType};
pub use error::GraphError;
pub use external::{Extent, LARGE_BYTES, PAGE_BYTES, VECTOR_BYTES};
pub use graph::{External, Graph, Model, Value};
pub use node::Node;

/// The messages of the ONNX schema, as `prost` generates them.
pub mod proto {
    #![allow(missing_docs, unreachable_pub, clippy::all)]
    include!(concat!(env!("OUT_DIR"), "/onnx.rs"));
}
