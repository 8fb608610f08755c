//! What a prepared form depends on, and where it stands.
//!
//! KEY = SHA-256, 32 digits of it, over: the layout's and our own version, ONNX Runtime's build, the CPU's
//! features that its kernels are chosen by, the optimisation level, the graph's bytes, and name, size and content of
//! every weights file. Content is the card's digest, or the time of the last change where there is no card. Threads are
//! not in it: the packed bytes do not depend on them, and the logits of the probe are compared at every open.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use wheelwork_package::container::Digest;
use wheelwork_package::graph::Verified;

use super::PrepareError;
use crate::open::Opening;

/// Raised when the files of a prepared form change.
const LAYOUT: u32 = 1;

/// A graph to prepare, and where to.
pub(crate) struct Subject {
    /// The folder of all prepared forms of this graph.
    pub(super) base: PathBuf,
    pub(super) key: String,
    /// The package's graph.
    pub(super) graph: PathBuf,
    pub(super) verified: Verified,
}

impl Subject {
    /// `None` where there is no place for a prepared form.
    pub(crate) fn of(opening: &Opening, cache_dir: Option<&Path>) -> Result<Option<Self>, PrepareError> {
        let package = fs_err::canonicalize(&opening.package.root)
            .map_err(PrepareError::io("find", &opening.package.root))?;
        let Some(place) = place(&package, cache_dir) else { return Ok(None) };
        let base = place.join(format!("{}.{}", opening.placement.variant, opening.graph_file));
        let graph = opening.folder().join(&opening.graph_file);
        let key = key(opening, &graph)?;
        Ok(Some(Self { base, key, graph, verified: opening.verified.clone() }))
    }

    /// The folder of the prepared form.
    pub(super) fn folder(&self) -> PathBuf {
        self.base.join(&self.key)
    }

    /// The folder that the graph stands in.
    pub(super) fn package_folder(&self) -> &Path {
        self.graph.parent().unwrap_or(Path::new("."))
    }
}

/// `ID.N/prepared` beside `ID.N/package` of an installed model, else a folder of the cache.
pub(crate) fn place(package: &Path, cache_dir: Option<&Path>) -> Option<PathBuf> {
    let version = package.parent()?;
    let is_installed = package.ends_with("package")
        && version.join("record.json").is_file()
        && version.ancestors().nth(3)?.ends_with(".wheelwork");
    if is_installed {
        return Some(version.join("prepared"));
    }
    let id = short(package.as_os_str().as_encoded_bytes());
    Some(cache_dir?.join(id))
}

fn key(opening: &Opening, graph: &Path) -> Result<String, PrepareError> {
    let mut text = String::new();
    let graph_bytes = fs_err::read(graph).map_err(PrepareError::io("read", graph))?;
    let records =
        opening.package.card.as_ref().and_then(|card| card.variants.get(&opening.placement.variant));
    // Writing to a string does not fail.
    let _ = writeln!(
        text,
        "{LAYOUT}\n{}\n{}\n{}\nall\n{}",
        env!("CARGO_PKG_VERSION"),
        opening.runtime.build_info,
        features(),
        Digest::of(&graph_bytes)
    );
    for name in opening.verified.files.keys() {
        let path = opening.folder().join(name);
        let metadata = fs_err::metadata(&path).map_err(PrepareError::io("look at", &path))?;
        let content = match records.into_iter().flatten().find(|record| record.name == *name) {
            Some(record) => record.sha256.clone(),
            None => format!("{:?}", metadata.modified().map_err(PrepareError::io("look at", &path))?),
        };
        let _ = writeln!(text, "{name} {} {content}", metadata.len());
    }
    Ok(short(text.as_bytes()))
}

fn short(bytes: &[u8]) -> String {
    Digest::of(bytes).to_string().chars().take(32).collect()
}

/// The CPU's features that matrix kernels are chosen by.
fn features() -> String {
    let mut found = vec![std::env::consts::ARCH];
    #[cfg(target_arch = "x86_64")]
    {
        let features = [
            ("avx2", is_x86_feature_detected!("avx2")),
            ("fma", is_x86_feature_detected!("fma")),
            ("f16c", is_x86_feature_detected!("f16c")),
            ("avxvnni", is_x86_feature_detected!("avxvnni")),
            ("avx512f", is_x86_feature_detected!("avx512f")),
            ("avx512bw", is_x86_feature_detected!("avx512bw")),
            ("avx512dq", is_x86_feature_detected!("avx512dq")),
            ("avx512vl", is_x86_feature_detected!("avx512vl")),
            ("avx512vnni", is_x86_feature_detected!("avx512vnni")),
            ("avx512bf16", is_x86_feature_detected!("avx512bf16")),
        ];
        found.extend(features.into_iter().filter(|(_, is_there)| *is_there).map(|(name, _)| name));
    }
    #[cfg(target_arch = "aarch64")]
    {
        let features = [
            ("dotprod", std::arch::is_aarch64_feature_detected!("dotprod")),
            ("i8mm", std::arch::is_aarch64_feature_detected!("i8mm")),
            ("fp16", std::arch::is_aarch64_feature_detected!("fp16")),
            ("bf16", std::arch::is_aarch64_feature_detected!("bf16")),
            ("sve", std::arch::is_aarch64_feature_detected!("sve")),
        ];
        found.extend(features.into_iter().filter(|(_, is_there)| *is_there).map(|(name, _)| name));
    }
    found.join(" ")
}
