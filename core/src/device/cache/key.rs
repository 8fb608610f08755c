//! What a result depends on, as a labelled list, and the digest of that.

use std::fmt::Display;
use std::path::Path;

use wheelwork_package::container::Digest;

use crate::facts::ModelIdentity;

/// The digest of all that a result depends on: 32 hexadecimal digits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Key(String);

/// A labelled list of what a result depends on. The order counts.
#[derive(Debug)]
pub(crate) struct DependsOn(String);

impl Key {
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether a folder's name is that of a key, so that the folder is a result.
    pub(super) fn is_name(name: &str) -> bool {
        Digest::is_short(name)
    }
}

impl DependsOn {
    /// Of a kind of result, whose form on the disk has this version, and of our own version.
    pub(crate) fn new(kind: &str, layout: u32) -> Self {
        Self(String::new())
            .and("kind", kind)
            .and("layout", layout)
            .and("wheelwork", env!("CARGO_PKG_VERSION"))
    }

    /// And of a model, with what computes it.
    pub(crate) fn and_model(self, model: &ModelIdentity) -> Self {
        let ModelIdentity { model, variant, runtime, adapters } = model;
        let list = self.and("model", model).and("variant", variant).and("runtime", runtime);
        adapters.iter().fold(list, |list, adapter| list.and("adapter", adapter))
    }

    /// And of this.
    pub(crate) fn and(mut self, label: &str, value: impl Display) -> Self {
        let value = value.to_string();
        // With its length, so that no value passes for several.
        self.0.push_str(&format!("{label} {} {value}\n", value.len()));
        self
    }

    /// And of a provider's options. Paths say nothing of the result.
    pub(crate) fn and_options<'o>(self, options: impl IntoIterator<Item = &'o (String, String)>) -> Self {
        let told = options.into_iter().filter(|(_, value)| !Path::new(value).is_absolute());
        told.fold(self, |list, (name, value)| list.and("option", name).and("value", value))
    }

    /// And of libraries: another version differs in size or in the time of the last change.
    pub(crate) fn and_libraries<P: AsRef<Path>>(self, paths: impl IntoIterator<Item = P>) -> Self {
        paths.into_iter().fold(self, |list, path| {
            let metadata = fs_err::metadata(&path).ok();
            let changed = metadata.as_ref().and_then(|metadata| metadata.modified().ok());
            let bytes = metadata.map(|metadata| metadata.len());
            let name = path.as_ref().file_name().unwrap_or_default().display();
            list.and("library", format!("{name} {bytes:?} {changed:?}"))
        })
    }

    /// And of what kernels are chosen by.
    pub(crate) fn and_cpu(self) -> Self {
        self.and("cpu", cpu_features())
    }

    pub(crate) fn key(&self) -> Key {
        Key(Digest::of(self.0.as_bytes()).short())
    }
}

/// The CPU's features that matrix kernels are chosen by.
fn cpu_features() -> String {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_that_differ_have_keys_that_differ() {
        let list = || DependsOn::new("test", 1);
        let keys = [
            list().key(),
            DependsOn::new("test", 2).key(),
            list().and("a", "b").key(),
            list().and("a", "b\nc 1 d").key(),
            list().and("a", "b").and("c", "d").key(),
            list().and("c", "d").and("a", "b").key(),
        ];
        for (number, key) in keys.iter().enumerate() {
            assert_eq!(key.as_str().len(), 32);
            assert!(!keys[..number].contains(key), "{number}");
        }
        let path = std::env::temp_dir().display().to_string();
        let options = [("name".to_owned(), path)];
        assert_eq!(list().and_options(&options).key(), list().key());
    }
}
