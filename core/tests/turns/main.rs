//! The loop from prompt to events, on a decoder that plays a script.
// A failed expectation is this file's way to speak.
#![allow(clippy::unwrap_used, clippy::panic)]

mod calls;
mod clocks;
mod context;
mod damage;
mod devices;
mod durable;
mod engine;
mod engine_rows;
mod events;
mod files;
mod forms;
mod kept;
#[path = "../common/limit.rs"]
mod limit;
mod lookup;
mod opening;
mod pace;
mod prefix;
mod support;
mod suspend;
mod thinking;
