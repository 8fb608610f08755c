//! Quantising small checkpoints that the tests make themselves.

mod checkpoint;
mod graphs;
mod package;
mod refusals;
