//! Sessions on a provider other than the processor's own.
//!
//! The provider's library must be registered ([`wheelwork_ort::plugin`]). Which nodes it really took is asked of ONNX
//! Runtime afterwards, not assumed.

use std::sync::{Mutex, MutexGuard, PoisonError};

use ::ort::environment::Environment;
use ::ort::session::builder::SessionBuilder;

/// A provider, and how this runtime drives it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct OnDevice {
    /// ONNX Runtime's name of the provider.
    pub(crate) provider: &'static str,
    /// The provider's options.
    pub(crate) options: &'static [(&'static str, &'static str)],
    /// ONNX Runtime's name of the memory that caches stay in; `None` for the host's.
    pub(crate) memory: Option<&'static str>,
}

impl OnDevice {
    /// Puts the provider before the processor's own, and has ONNX Runtime record which node goes where.
    pub(super) fn add_to(
        self,
        builder: SessionBuilder,
        environment: &Environment,
    ) -> ::ort::Result<SessionBuilder> {
        let device = environment
            .devices()
            .find(|device| device.ep().is_ok_and(|name| name == self.provider))
            .ok_or_else(|| ::ort::Error::new(format!("{} offers no device", self.provider)))?;
        // ONNX Runtime drops options without the provider's name before them, and says nothing.
        let option = |(key, value): &(&str, &str)| (format!("{}.{key}", self.provider), (*value).to_owned());
        let options: Vec<_> = self.options.iter().map(option).collect();
        Ok(builder.with_devices([device], Some(&options))?)
    }
}

static DEVICE: Mutex<()> = Mutex::new(());

/// Keeps everybody else from the devices until the guard goes. All sessions of a provider share its queue of commands,
/// which is not made for several threads: a copy for one sequence breaks into the run of another ("CommandEncoder is
/// already finished", WebGPU provider 0.4.0). Not to be taken twice.
pub(super) fn alone() -> MutexGuard<'static, ()> {
    DEVICE.lock().unwrap_or_else(PoisonError::into_inner)
}
