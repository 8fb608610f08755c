//! `manifest.json`: the published ONNX Runtime model-package layout with one component, `model`.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// The only schema version that we write and read.
pub const SCHEMA_VERSION: &str = "1.0";
/// ONNX Runtime's name of the provider that every machine has.
pub const CPU_PROVIDER: &str = "CPUExecutionProvider";

/// `manifest.json`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    /// Always [`SCHEMA_VERSION`].
    pub schema_version: String,
    /// The components; ours is named `model`.
    pub components: Components,
}

/// The components of a package.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Components {
    /// The decoder with everything it needs.
    pub model: Component,
}

/// A component: the same model built for different execution providers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Component {
    /// The variants by name; the name is also the variant's folder.
    pub variants: BTreeMap<String, Variant>,
}

/// One build of the model.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Variant {
    /// ONNX Runtime's name of the execution provider, as in `CPUExecutionProvider`.
    pub ep: String,
    /// `cpu`, `gpu` or `npu`.
    pub device: String,
    /// Opaque to us: the execution provider scores it against the machine.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub compatibility_string: Option<String>,
}

impl Manifest {
    /// A manifest of the given variants.
    #[must_use]
    pub fn new(variants: BTreeMap<String, Variant>) -> Self {
        Self {
            schema_version: SCHEMA_VERSION.to_owned(),
            components: Components { model: Component { variants } },
        }
    }
}
