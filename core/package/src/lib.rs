//! The package format: what `quantize` writes and what the runtime reads.
//!
//! ```text
//! NAME.ortpackage/
//!   manifest.json       which variants there are, and for which execution provider   -> manifest
//!   wheelwork.json      what genai does not know: recipe, errors, hashes, token ids   -> card
//!   cpu/                one folder a variant, each a complete genai model folder
//!     genai_config.json                                                               -> genai_config
//!     model.onnx  model.onnx.data                              graph contract         -> tensors
//!     tokenizer.json  tokenizer_config.json  generation_config.json                   -> generation
//! ```
//!
//! A folder that has `genai_config.json` at its root, as onnxruntime-genai's model builder makes it, is a
//! package of one variant: [`open`] takes both forms.
//!
//! This crate knows files and names. It must never see ONNX Runtime, the protobuf crate or a tokenizer.
#![forbid(unsafe_code)]

pub mod budget;
pub mod card;
pub mod compact;
pub mod compression;
pub mod container;
pub mod disk;
mod error;
pub mod files;
mod fingerprint;
pub mod genai_config;
pub mod generation;
pub mod graph;
pub mod json;
mod licences;
pub mod manifest;
mod open;
pub mod packing;
pub mod signature;
pub mod store;
pub mod tensors;
pub mod tokenizer_file;
pub mod vfs;

pub use card::Card;
pub use error::PackageError;
pub use genai_config::GenaiConfig;
pub use generation::GenerationDefaults;
pub use graph::GraphError;
pub use licences::{LICENCE_BYTES, Licence};
pub use manifest::Manifest;
pub use open::{OpenPackage, OpenVariant, open};
