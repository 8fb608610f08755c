//! Which device runs the model: package variants + what the caller wants -> one choice, with reasons for the
//! rest.
//!
//! [`PROVIDERS`] is the table, [`detect()`] tells what of it this machine has, and [`plan()`] chooses. Planning is a pure
//! function, so that every decision can be tested, and is reported as [`Placement`] in the first event. Nothing falls
//! back in silence: [`Placement::not_used`] names each better device with the reason, and a strict request fails with
//! the same list.

mod detect;
mod placement;
mod table;

use wheelwork_package::OpenPackage;
use wheelwork_package::card::KvForm;

use crate::Error;
use crate::prepare::Prepared;

pub use detect::{Refusal, detect};
pub use placement::{Device, DevicePreference, GraphPlacement, NotUsed, NotUsedReason, Placement, Share};
pub(crate) use table::CPU;
pub use table::{PROVIDERS, PluginLibrary, Provider, Support};

/// What the caller wants.
#[derive(Debug, Clone, Copy)]
pub struct Wish {
    /// The device.
    pub device: DevicePreference,
    /// A device other than [`DevicePreference::Auto`] is a condition; without it the best other device is taken and the
    /// wish is listed in [`Placement::not_used`].
    pub strict: bool,
    /// Threads of the processor's provider.
    pub threads: usize,
}

/// Chooses a provider and its variant. `usable` tells whether the machine has what a provider needs; it is asked in the
/// table's order, and only for providers that fit otherwise.
///
/// # Errors
/// [`Error::NoUsableDevice`] with every provider's reason.
pub fn plan(
    package: &OpenPackage,
    wish: Wish,
    usable: &mut dyn FnMut(&Provider) -> Result<(), Refusal>,
) -> Result<Placement, Error> {
    let mut not_used = Vec::new();
    let (wanted, others): (Vec<_>, Vec<_>) =
        PROVIDERS.iter().partition(|provider| wish.device.wants(provider.device));
    for (provider, is_wanted) in
        wanted.into_iter().map(|row| (row, true)).chain(others.into_iter().map(|row| (row, false)))
    {
        match choose(package, provider, wish, is_wanted, usable) {
            Ok(variant) => {
                return Ok(Placement {
                    device: provider.device,
                    provider: provider.ep.to_owned(),
                    variant,
                    threads: wish.threads,
                    // Known when the graph is loaded.
                    kv_cache: KvForm::Float,
                    prepared: Prepared::NotWanted,
                    graphs: Vec::new(),
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
    Err(Error::NoUsableDevice { preference: wish.device, strict: wish.strict, not_used })
}

/// The variant that a provider would run, or why it will not.
fn choose(
    package: &OpenPackage,
    provider: &Provider,
    wish: Wish,
    is_wanted: bool,
    usable: &mut dyn FnMut(&Provider) -> Result<(), Refusal>,
) -> Result<String, Refusal> {
    if !is_wanted && wish.strict {
        return Err((NotUsedReason::NotRequested, None));
    }
    match provider.support {
        Support::NotInThisBuild => return Err((NotUsedReason::NotInThisBuild, None)),
        Support::Unproven if wish.device == DevicePreference::Auto || !is_wanted => {
            return Err((NotUsedReason::Unproven, None));
        }
        Support::Unproven | Support::Supported => {}
    }
    let variant_of = |ep: &&str| {
        package.variants.iter().find(|(_, variant)| variant.target.ep == **ep).map(|(name, _)| name)
    };
    let variant = provider.variants.iter().find_map(variant_of).ok_or((NotUsedReason::NoVariant, None))?;
    usable(provider)?;
    Ok(variant.clone())
}

/// The row of a provider.
pub(crate) fn row(ep: &str) -> Option<&'static Provider> {
    PROVIDERS.iter().find(|provider| provider.ep == ep)
}
