//! What this build could run on.

use wheelwork::device::{PROVIDERS, Support};

use crate::Device;

/// One way to run a model.
#[derive(Debug, Clone, PartialEq, Eq, uniffi::Record)]
pub struct ProviderFacts {
    /// ONNX Runtime's name of the execution provider.
    pub provider: String,
    /// The device it drives.
    pub device: Device,
    /// What the device is, for a person.
    pub hardware: String,
    /// Whether this build has code for it. Whether the machine has the device shows in a [`crate::Placement`].
    pub in_this_build: bool,
}

/// Every execution provider that Wheelwork knows of, the best device first.
#[uniffi::export]
#[must_use]
pub fn devices() -> Vec<ProviderFacts> {
    let facts = PROVIDERS.iter().map(|provider| ProviderFacts {
        provider: provider.ep.to_owned(),
        device: provider.device.into(),
        hardware: provider.hardware.to_owned(),
        in_this_build: provider.support == Support::Supported,
    });
    facts.collect()
}
