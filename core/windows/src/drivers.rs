//! The drivers of GPUs and NPUs, as the system has them registered.

use crate::registry;

/// What a driver is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DriverClass {
    /// Display adapters.
    Gpu,
    /// Compute accelerators: what Windows 11 shows as NPUs.
    Npu,
}

impl DriverClass {
    /// Its device setup class: "System-Defined Device Setup Classes Available to Vendors" in Microsoft's documentation.
    fn guid(self) -> &'static str {
        match self {
            Self::Gpu => "{4d36e968-e325-11ce-bfc1-08002be10318}",
            Self::Npu => "{f01a9d53-3ff6-48d2-9f97-c8a7004be10c}",
        }
    }
}

/// Each driver of the class, as in `Qualcomm(R) Hexagon(TM) NPU, 30.0.140.1000`. A driver stays registered when its
/// device is gone.
#[must_use]
pub fn drivers(class: DriverClass) -> Vec<String> {
    // Numbers have gaps where a driver was removed.
    (0..64).filter_map(|number| driver(class, number)).collect()
}

fn driver(class: DriverClass, number: u32) -> Option<String> {
    let key = format!(r"SYSTEM\CurrentControlSet\Control\Class\{}\{number:04}", class.guid());
    let name = registry::text(&key, "DriverDesc")?;
    let version = registry::text(&key, "DriverVersion");
    Some(version.map_or(name.clone(), |version| format!("{name}, {version}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_driver_that_is_named_has_a_name() {
        for class in [DriverClass::Gpu, DriverClass::Npu] {
            assert!(drivers(class).iter().all(|driver| !driver.is_empty()));
        }
    }
}
