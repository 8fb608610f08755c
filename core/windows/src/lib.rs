//! What the standard library does not ask Windows for. Elsewhere this crate is empty.
//!
//! Each file is one question to the system, with the unsafe call that asks it and a safe function around it; what they are
//! asked for is decided where they are used.
#![cfg(windows)]

mod cpu;
mod drivers;
mod memory;
mod names;
mod private;
mod reading;
mod registry;

pub use cpu::cpu_name;
pub use drivers::{DriverClass, drivers};
pub use memory::available_bytes;
pub use names::names_of;
pub use private::{is_private, keep_private};
pub use reading::end_read;
