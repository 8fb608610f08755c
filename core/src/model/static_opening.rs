//! Opening a variant of static graphs on a plugin provider.
//!
//! ```text
//! files verified -> graphs loaded, no node on the processor -> self-check
//! ```
//!
//! Whatever does not work on the way is a reason not to use the provider, told as it is.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use wheelwork_package::card::{ContextBinary, GraphForm, GraphPart, LmHead, StaticGraphs};
use wheelwork_package::files::names;
use wheelwork_package::{OpenPackage, OpenVariant, PackageError};

use super::{OpenOptions, Opening, self_check};
use crate::Error;
use crate::decoder::{Decoder, DecoderError, StaticModel, StaticSource, Target};
use crate::provider::trial::Trial;
use crate::provider::{self, NotUsedReason, Provider, Refusal, SelfCheck};

/// What the simulator stands for where nothing is said: SM8650.
const SIMULATED: [(&str, &str); 2] = [("soc_model", "57"), ("htp_arch", "75")];

/// Static graphs that a provider has loaded and computed.
pub(super) struct Checked {
    pub(super) model: Arc<StaticModel>,
    pub(super) self_check: SelfCheck,
    pub(super) simulator: bool,
    /// Why compiled graphs that are for this system-on-chip were not taken, and others compiled now.
    pub(super) not_taken: Option<Refusal>,
}

/// Loads the static graphs of what is being opened, and compares what they compute.
pub(super) fn load(
    opening: &Opening,
    graphs: &StaticGraphs,
    options: &OpenOptions,
    trial: Option<&Trial>,
) -> Result<Checked, Refusal> {
    let row = provider::row(&opening.placement.provider).ok_or((NotUsedReason::NoDevice, None))?;
    let library = row.library.and_then(|library| {
        let path = library.find(&opening.runtime.path).ok()?;
        library.backend_beside(&path)
    });
    let attempt = Attempt { opening, graphs, options, row, backend: library };
    let (model, not_taken) = attempt.load()?;
    let self_check = match &graphs.self_check {
        None => SelfCheck::NotInPackage,
        Some(_) if options.skip_self_check => SelfCheck::Skipped,
        Some(_) if trial.is_some_and(Trial::has_passed_before) => SelfCheck::PassedBefore,
        Some(check) => {
            let mut decoder =
                model.decoder().map_err(|error| refusal(NotUsedReason::SelfCheckFailed, &error))?;
            let passed = self_check::of_package(&mut decoder, check)?;
            if let Some(trial) = trial {
                trial.remember_pass();
            }
            passed
        }
    };
    Ok(Checked { model, self_check, simulator: row.is_simulated_here(), not_taken })
}

/// The graphs of a variant on the processor.
pub(super) fn reference(path: &Path, variant: &str) -> Result<Box<dyn Decoder>, Error> {
    let package = wheelwork_package::open(path)?;
    let (description, graphs) = described(&package, variant).ok_or_else(|| PackageError::NoSuchVariant {
        wanted: variant.to_owned(),
        present: static_variants(&package),
    })?;
    let bytes = verified(&package, variant, &graphs.parts, graphs)?;
    let threads = OpenOptions::default().threads();
    let model = StaticModel::load(
        &wheelwork_ort::environment()?.environment,
        &StaticSource {
            folder: &description.folder,
            config: &description.config.model,
            graphs,
            parts: &graphs.parts,
            bytes: &bytes,
            target: &Target::Cpu { threads },
            context_length: graphs.context_length,
            threads,
        },
    )?;
    Ok(Box::new(model.decoder()?))
}

fn refusal(reason: NotUsedReason, detail: &impl ToString) -> Refusal {
    (reason, Some(detail.to_string()))
}

struct Attempt<'a> {
    opening: &'a Opening,
    graphs: &'a StaticGraphs,
    options: &'a OpenOptions,
    row: &'static Provider,
    /// What the provider loads by path.
    backend: Option<PathBuf>,
}

impl Attempt<'_> {
    /// Loads compiled graphs where some fit, else those that the provider compiles now, with the reason.
    fn load(&self) -> Result<(Arc<StaticModel>, Option<Refusal>), Refusal> {
        let graphs = self.graphs;
        let binary = self.binary();
        let mut failed = None;
        if let Some(binary) = binary {
            let compiled = graphs.parts.iter().zip(&binary.parts).map(|(part, compiled)| GraphPart {
                prefill: compiled.prefill.clone(),
                decode: compiled.decode.clone(),
                ..part.clone()
            });
            let compiled: Vec<_> = compiled.collect();
            match self.load_parts(&compiled, Some(binary)) {
                Ok(model) => return Ok((model, None)),
                Err((reason, detail)) => {
                    let detail = detail.unwrap_or_else(|| reason.describe().to_owned());
                    failed =
                        Some((reason, Some(format!("its graphs compiled for {}: {detail}", binary.soc))));
                }
            }
        }
        if !self.can_compile() {
            let have: Vec<_> = graphs.context_binaries.iter().map(|binary| binary.soc.as_str()).collect();
            let have = if have.is_empty() { "none".to_owned() } else { have.join(", ") };
            return Err(failed.unwrap_or_else(|| {
                refusal(NotUsedReason::NoMatchingBinary, &format!("the package has {have}"))
            }));
        }
        Ok((self.load_parts(&graphs.parts, None)?, failed))
    }

    fn load_parts(
        &self,
        parts: &[GraphPart],
        binary: Option<&ContextBinary>,
    ) -> Result<Arc<StaticModel>, Refusal> {
        let Self { opening, graphs, .. } = *self;
        let (package, variant) = (&opening.package, opening.placement.variant.as_str());
        let damaged = |error: PackageError| refusal(NotUsedReason::Damaged, &error);
        let bytes = verified(package, variant, parts, graphs).map_err(damaged)?;
        // The provider loads binaries with flipped bits without a word.
        let binaries = binary.into_iter().flat_map(|binary| &binary.parts).flat_map(|part| &part.binaries);
        let files = parts.iter().flat_map(|part| [&part.prefill, &part.decode]).chain(binaries);
        let affinity = (graphs.form == GraphForm::Float).then_some(names::OP_AFFINITY);
        for file in files.map(String::as_str).chain(affinity) {
            package.check_content(variant, file).map_err(damaged)?;
        }
        let target = Target::Plugin { provider: self.row.ep, options: self.provider_options(binary) };
        let source = StaticSource {
            folder: opening.folder(),
            config: &opening.variant().config.model,
            graphs,
            parts,
            bytes: &bytes,
            target: &target,
            context_length: self.options.context_length.unwrap_or(graphs.context_length),
            threads: self.options.threads(),
        };
        StaticModel::load(&opening.runtime.environment, &source).map_err(|error| match error {
            DecoderError::Placement { .. } => refusal(NotUsedReason::TookNoNodes, &error),
            error => refusal(NotUsedReason::SessionFailed, &error),
        })
    }

    /// What the provider is told: ours first, so that the caller's win.
    fn provider_options(&self, binary: Option<&ContextBinary>) -> Vec<(String, String)> {
        let mut options: BTreeMap<&str, String> = BTreeMap::new();
        if let Some(backend) = &self.backend {
            options.insert("backend_path", backend.display().to_string());
        }
        if self.row.is_simulated_here() {
            options.extend(SIMULATED.map(|(name, value)| (name, value.to_owned())));
        }
        if let Some(binary) = binary {
            options.insert("soc_model", binary.soc_model.to_string());
            options.insert("htp_arch", binary.arch.trim_start_matches('v').to_owned());
        }
        if self.graphs.form == GraphForm::Float {
            // Without it the provider leaves attention to the processor.
            options
                .insert("op_affinity", self.opening.folder().join(names::OP_AFFINITY).display().to_string());
        }
        options
            .extend(self.options.provider_options.iter().map(|(name, value)| (name.as_str(), value.clone())));
        options.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
    }

    /// Whether the provider has its compiler: the simulator is one; on devices it is a library beside the backend.
    fn can_compile(&self) -> bool {
        let beside = self.backend.as_ref().and_then(|backend| backend.parent());
        let compilers = ["libQnnHtpPrepare.so", "QnnHtpPrepare.dll"];
        self.row.is_simulated_here()
            || beside.is_none_or(|folder| compilers.iter().any(|name| folder.join(name).is_file()))
    }

    /// Compiled graphs for the system-on-chip that the caller names or the system tells.
    fn binary(&self) -> Option<&ContextBinary> {
        let named = self.options.provider_options.iter().find(|(name, _)| name == "soc_model");
        let here = if self.row.is_simulated_here() { None } else { system_on_chip() };
        matching(&self.graphs.context_binaries, named.map(|(_, number)| number.as_str()), here.as_deref())
    }
}

/// The binaries for a system-on-chip: by the compiler's number of it, which the caller named, else by its part number.
fn matching<'b>(
    binaries: &'b [ContextBinary],
    named: Option<&str>,
    here: Option<&str>,
) -> Option<&'b ContextBinary> {
    binaries.iter().find(|binary| match (named, here) {
        (Some(number), _) => binary.soc_model.to_string() == number,
        (None, Some(here)) => here.starts_with(&binary.soc),
        (None, None) => false,
    })
}

/// Linux and Android tell the part number in lower case or upper, as in `SM8650`.
fn system_on_chip() -> Option<String> {
    let read = |path: &str| std::fs::read_to_string(path).ok();
    let name = read("/sys/devices/soc0/machine").or_else(|| read("/sys/devices/soc0/chip_id"))?;
    Some(name.trim().to_lowercase())
}

fn described<'p>(package: &'p OpenPackage, variant: &str) -> Option<(&'p OpenVariant, &'p StaticGraphs)> {
    let graphs = package.card.as_ref()?.static_graphs.get(variant)?;
    Some((package.variant(variant).ok()?, graphs))
}

fn static_variants(package: &OpenPackage) -> String {
    let names = package.card.iter().flat_map(|card| card.static_graphs.keys());
    names.map(String::as_str).collect::<Vec<_>>().join(", ")
}

/// Verifies every graph file and tells how many bytes each reads.
fn verified(
    package: &OpenPackage,
    variant: &str,
    parts: &[GraphPart],
    graphs: &StaticGraphs,
) -> Result<BTreeMap<String, u64>, PackageError> {
    let head = match &graphs.lm_head {
        LmHead::Graph => None,
        LmHead::Cpu(file) => Some(file),
    };
    let files = parts.iter().flat_map(|part| [&part.prefill, &part.decode]).chain(head);
    files.map(|file| Ok((file.clone(), package.verify_graph(variant, file)?.weight_bytes))).collect()
}

#[cfg(test)]
mod tests {
    use wheelwork_package::card::Packing;

    use super::*;

    #[test]
    fn pk_11_binaries_of_another_system_on_chip_are_not_taken() {
        let binary = |soc: &str, soc_model| ContextBinary {
            soc: soc.to_owned(),
            arch: "v75".to_owned(),
            soc_model,
            parts: Vec::new(),
            compatibility: String::new(),
            sdk: String::new(),
            packing: Packing::PerGraph,
        };
        let binaries = [binary("sm8650", 57), binary("sm8750", 69)];
        let found = |named, here| matching(&binaries, named, here).map(|binary| binary.soc_model);
        assert_eq!(found(None, Some("sm8750p")), Some(69));
        assert_eq!(found(None, Some("sm8550")), None);
        assert_eq!(found(None, None), None, "a machine that tells nothing gets none by guess");
        assert_eq!(found(Some("57"), Some("sm8750")), Some(57), "the caller's word counts");
        assert_eq!(found(Some("60"), Some("sm8750")), None);
    }
}
