//! Choosing a device: package variants + what the caller wants -> one provider with its variant, and why not the rest.

use wheelwork_package::OpenPackage;
use wheelwork_package::card::KvForm;

use super::detect::Refusal;
use super::placement::{DevicePreference, KernelSet, NotUsed, NotUsedReason, Placement, Prepared};
use super::provider::{Provider, Support};
use super::table::PROVIDERS;

/// What the caller wants.
#[derive(Debug, Clone, Copy)]
pub struct Request {
    /// The device.
    pub device: DevicePreference,
    /// A device other than [`DevicePreference::Auto`] is a condition; without it the best other device is taken and the
    /// request is listed in [`Placement::not_used`].
    pub strict: bool,
    /// Threads of the CPU provider.
    pub threads: usize,
}

/// No device fits the request.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("no device fits `{}`{}: {}", preference.name(), if *.strict { " (strict)" } else { "" }, told(.not_used))]
pub struct NoUsableDevice {
    /// What was asked for.
    pub preference: DevicePreference,
    /// Whether other devices were ruled out.
    pub strict: bool,
    /// Every provider with its reason.
    pub not_used: Vec<NotUsed>,
}

fn told(not_used: &[NotUsed]) -> String {
    let reasons = not_used.iter().map(ToString::to_string);
    format!("not {}", reasons.collect::<Vec<_>>().join(", not "))
}

/// Chooses a provider and its variant. `usable` tells whether the machine has what a provider needs for a variant; it is
/// asked in the table's order, and only for providers that fit otherwise.
///
/// # Errors
/// [`NoUsableDevice`] with every provider's reason.
pub fn plan(
    package: &OpenPackage,
    request: Request,
    usable: &mut dyn FnMut(&'static Provider, &str) -> Result<(), Refusal>,
) -> Result<Placement, NoUsableDevice> {
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
    Err(NoUsableDevice { preference: request.device, strict: request.strict, not_used })
}

/// The variant that a provider would run, or why it will not.
fn choose(
    package: &OpenPackage,
    provider: &'static Provider,
    request: Request,
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
