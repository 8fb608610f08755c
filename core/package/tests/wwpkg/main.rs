//! The container, its signature and the store, from outside: by row of the reliability table, then by fault.
// Clippy takes helpers of tests for production code.
#![allow(clippy::unwrap_used, clippy::panic)]

mod container;
mod faults;
#[cfg(unix)]
mod foreign;
mod frozen;
mod full_disk;
mod head;
mod install;
mod kill;
mod maintain;
mod memory;
#[cfg(feature = "pack")]
mod pack;
mod power_loss;
mod provenance;
mod signature;
mod support;
