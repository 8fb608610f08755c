//! Which device runs the model: package variants + what the caller wants -> one choice, with reasons for the
//! rest.
//!
//! [`PROVIDERS`] is the table, [`detect()`] tells what of it this machine has, and [`plan()`] chooses. Planning is a pure
//! function, so that every decision can be tested, and is reported as [`Placement`] in the first event. Nothing falls
//! back in silence: [`Placement::not_used`] names each better device with the reason, and a strict request fails with
//! the same list. [`trial`] keeps providers away that took the process down.

pub mod compiled;
mod detect;
mod options;
mod placement;
mod provider;
mod table;
pub mod trial;

use wheelwork_package::OpenPackage;
use wheelwork_package::card::KvForm;

use crate::error::Error;
use crate::open::prepare::Prepared;

pub use detect::{Refusal, detect};
pub use options::{OptionError, OptionRule, Values};
pub use placement::{Device, DevicePreference, KernelSet, NotUsed, NotUsedReason, Placement, SelfCheck};
pub(crate) use provider::StaticDriver;
pub use provider::{PluginLibrary, Provider, Support};
pub(crate) use table::{CPU, row};
pub use table::{PROVIDERS, check_options};

pub use crate::decoder::graph_placement::{GraphPlacement, Share};

/// What the caller wants.
#[derive(Debug, Clone, Copy)]
pub struct DeviceRequest {
    /// The device.
    pub device: DevicePreference,
    /// A device other than [`DevicePreference::Auto`] is a condition; without it the best other device is taken and the
    /// request is listed in [`Placement::not_used`].
    pub strict: bool,
    /// Threads of the CPU provider.
    pub threads: usize,
}

/// Chooses a provider and its variant. `usable` tells whether the machine has what a provider needs for a variant; it is
/// asked in the table's order, and only for providers that fit otherwise.
///
/// # Errors
/// [`Error::NoUsableDevice`] with every provider's reason.
pub fn plan(
    package: &OpenPackage,
    request: DeviceRequest,
    usable: &mut dyn FnMut(&'static Provider, &str) -> Result<(), Refusal>,
) -> Result<Placement, Error> {
    let mut not_used = Vec::new();
    let (wanted, others): (Vec<_>, Vec<_>) =
        PROVIDERS.iter().partition(|provider| request.device.wants(provider.device));
    for (provider, is_wanted) in
        wanted.into_iter().map(|row| (row, true)).chain(others.into_iter().map(|row| (row, false)))
    {
        match choose(package, provider, request, is_wanted, usable) {
            Ok(variant) => {
                return Ok(Placement {
                    device: provider.device,
                    provider: provider.ep.to_owned(),
                    kernels: KernelSet::OnnxRuntime,
                    variant,
                    threads: request.threads,
                    // Known when the graph is loaded.
                    kv_cache: KvForm::Float,
                    prepared: Prepared::NotWanted,
                    simulator: false,
                    graphs: Vec::new(),
                    self_check: None,
                    not_used,
                });
            }
            Err((reason, detail)) => not_used.push(NotUsed {
                provider: provider.ep.to_owned(),
                device: provider.device,
                reason,
                detail,
            }),
        }
    }
    Err(Error::NoUsableDevice { preference: request.device, strict: request.strict, not_used })
}

/// The variant that a provider would run, or why it will not.
fn choose(
    package: &OpenPackage,
    provider: &'static Provider,
    request: DeviceRequest,
    is_wanted: bool,
    usable: &mut dyn FnMut(&'static Provider, &str) -> Result<(), Refusal>,
) -> Result<String, Refusal> {
    if !is_wanted && request.strict {
        return Err((NotUsedReason::NotRequested, None));
    }
    match provider.support {
        Support::NotInThisBuild => return Err((NotUsedReason::NotInThisBuild, None)),
        Support::Unproven if request.device == DevicePreference::Auto || !is_wanted => {
            return Err((NotUsedReason::Unproven, None));
        }
        Support::Unproven | Support::Supported => {}
    }
    let made_for =
        |ep: &'static str| package.variants.iter().filter(move |(_, variant)| variant.target.ep == ep);
    let mut refusals = Vec::new();
    for (variant, _) in provider.variants.iter().copied().flat_map(made_for) {
        match usable(provider, variant) {
            Ok(()) => return Ok(variant.clone()),
            Err(refusal) => refusals.push((variant, refusal)),
        }
    }
    match &refusals[..] {
        [] => Err((NotUsedReason::NoVariant, None)),
        [(_, refusal)] => Err(refusal.clone()),
        [(_, (reason, _)), ..] => {
            let told = refusals.iter().map(|(variant, (reason, detail))| match detail {
                Some(detail) => format!("{variant}: {detail}"),
                None => format!("{variant}: {}", reason.describe()),
            });
            Err((*reason, Some(told.collect::<Vec<_>>().join("; "))))
        }
    }
}
