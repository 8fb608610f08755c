//! What is known of a model besides its graph.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use wheelwork_ort::{LibraryError, Runtime};
use wheelwork_package::GenerationDefaults;
use wheelwork_package::card::ControlTokens;

use crate::text::chat::ChatTemplate;
use crate::text::tokenizer::Tokenizer;

/// A prompt's tokens are counted up to so many times the context length: an error that names their number is more use than
/// one that does not, and beyond that the number is no use either.
pub(crate) const COUNTED_CONTEXTS: usize = 8;

/// What is known of a model besides its graph: all that sessions need to turn messages into tokens and
/// tokens into events.
pub struct ModelFacts {
    /// The package's name.
    pub name: String,
    /// Text to ids and back.
    pub tokenizer: Tokenizer,
    /// Messages to text.
    pub template: ChatTemplate,
    /// Ids that the runtime acts on.
    pub tokens: ControlTokens,
    /// Sampling defaults.
    pub defaults: GenerationDefaults,
    /// The longest sequence in tokens.
    pub context_length: usize,
    /// What reasoning ends with where the runtime ends it, without line ends around it; empty for the closing tag
    /// alone.
    pub closing_phrase: String,
    /// SHA-256 over the names, sizes and digests of the variant's files, in lowercase hexadecimal; see
    /// [`wheelwork_package::OpenPackage::fingerprint`]: two models with the same one take each other's caches.
    pub fingerprint: String,
    /// What ONNX Runtime says of its build, and which kernels of ours compute beside it.
    pub runtime: String,
}

/// What is derived from a model belongs to: keys and values, session files, files made on this machine. Equal identities
/// take each other's.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ModelIdentity {
    /// [`ModelFacts::fingerprint`].
    pub model: String,
    /// The package's variant.
    pub variant: String,
    /// ONNX Runtime's build.
    pub runtime: String,
    /// Identifiers of the adapters that are applied, in their order. No package has any yet.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub adapters: Vec<String>,
}

/// The process's ONNX Runtime.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RuntimeFacts {
    /// `MAJOR.MINOR.PATCH`.
    pub version: String,
    /// The file that was loaded, as it was given to the system's loader.
    pub path: PathBuf,
    /// What the library says of its build.
    pub build: String,
}

impl RuntimeFacts {
    pub(crate) fn of(runtime: &Runtime) -> Self {
        let Runtime { environment: _, path, build_info, version } = runtime;
        Self { version: version.to_string(), path: path.clone(), build: build_info.clone() }
    }
}

/// The process's ONNX Runtime, which is loaded if need be: some ten milliseconds.
///
/// # Errors
/// [`LibraryError`], with every place that was tried. A failed call can be repeated.
pub fn runtime() -> Result<RuntimeFacts, LibraryError> {
    Ok(RuntimeFacts::of(&wheelwork_ort::environment()?))
}

impl ModelFacts {
    /// Whether the model reasons. If not, [`crate::Options::thinking`] changes nothing.
    #[must_use]
    pub fn reasons(&self) -> bool {
        self.template.reasons(&self.tokenizer)
    }

    /// What keys and values of a variant belong to.
    #[must_use]
    pub fn identity(&self, variant: &str) -> ModelIdentity {
        ModelIdentity::new(&self.fingerprint, variant, &self.runtime)
    }
}

impl ModelIdentity {
    pub(crate) fn new(fingerprint: &str, variant: &str, runtime: &str) -> Self {
        Self {
            model: fingerprint.to_owned(),
            variant: variant.to_owned(),
            runtime: runtime.to_owned(),
            adapters: Vec::new(),
        }
    }
}
