//! What the CPU is called.

use crate::registry;

/// The CPU's name, as in `Snapdragon(R) X Elite - X1E80100 - Qualcomm(R) Oryon(TM) CPU`. `None` where the system
/// does not say.
#[must_use]
pub fn cpu_name() -> Option<String> {
    registry::text(r"HARDWARE\DESCRIPTION\System\CentralProcessor\0", "ProcessorNameString")
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_cpu_has_a_name() {
        assert!(super::cpu_name().is_some_and(|name| !name.is_empty()));
    }
}
