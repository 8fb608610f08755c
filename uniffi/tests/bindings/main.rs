//! The bindings as the other language calls them, with the real store and tiny-r1.
// A failed expectation is this file's way to speak.
#![allow(clippy::unwrap_used, clippy::panic, clippy::result_large_err)]

mod chats;
mod exports;
mod inputs;
mod logging;
mod opening;
mod store;
mod support;
mod threads;
mod values;
