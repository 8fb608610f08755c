//! Static graphs that are compiled already, as a card describes them.

use serde::{Deserialize, Serialize};

/// Graphs compiled ahead of time for one system-on-chip. Sizes and digests of the files stand in
/// [`crate::Card::variants`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ContextBinary {
    /// Qualcomm's part number in lower case, as in `sm8650`.
    pub soc: String,
    /// The CPU's architecture, as in `v75`.
    pub arch: String,
    /// The compiler's number of the system-on-chip.
    pub soc_model: u32,
    /// The compiled parts, as [`super::StaticGraphs::parts`]: files with one `EPContext` node each.
    pub parts: Vec<CompiledPart>,
    /// What the execution provider says of where they run, as it stands in the compiled graphs.
    pub compatibility: String,
    /// Version of the compiler's libraries; a runtime must not be older.
    pub sdk: String,
    /// How the graphs are put into binaries.
    #[serde(default, skip_serializing_if = "Packing::is_per_graph")]
    pub packing: Packing,
}

/// How compiled graphs are put into binaries. The simulator loads only the first way, so that the other is unproven until
/// a device has loaded it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Packing {
    /// One a graph.
    #[default]
    PerGraph,
    /// One for both graphs of a part, which hold their weights once. Their sessions have to be a group
    /// (`ep.share_ep_contexts`).
    SharedWeights,
}

impl Packing {
    // By reference, as serde calls it.
    #[allow(clippy::trivially_copy_pass_by_ref)]
    fn is_per_graph(&self) -> bool {
        *self == Self::PerGraph
    }
}

/// A part, compiled.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CompiledPart {
    /// The graph file that takes [`super::StaticGraphs::prefill_tokens`] tokens.
    pub prefill: String,
    /// The graph file that takes one token.
    pub decode: String,
    /// The binaries that both graph files name.
    pub binaries: Vec<String>,
}

impl CompiledPart {
    /// Every file that this part names.
    pub fn files(&self) -> impl Iterator<Item = &str> {
        let graphs = [self.prefill.as_str(), self.decode.as_str()];
        graphs.into_iter().chain(self.binaries.iter().map(String::as_str))
    }
}

impl ContextBinary {
    pub(super) fn check(&self) -> Result<(), String> {
        let expected = if self.packing == Packing::SharedWeights { 1 } else { 2 };
        match self.parts.iter().map(|part| part.binaries.len()).find(|found| *found != expected) {
            None => Ok(()),
            Some(found) => {
                Err(format!("a part compiled for `{}` has {found} binaries, expected {expected}", self.soc))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_has_as_many_binaries_as_its_packing_says() {
        let packed = |packing, binaries: usize| {
            let part = CompiledPart {
                prefill: "p.onnx".to_owned(),
                decode: "d.onnx".to_owned(),
                binaries: vec!["b.bin".to_owned(); binaries],
            };
            ContextBinary {
                soc: "sm8650".to_owned(),
                arch: "v75".to_owned(),
                soc_model: 57,
                parts: vec![part; 2],
                compatibility: String::new(),
                sdk: String::new(),
                packing,
            }
        };
        for (packing, binaries) in [(Packing::PerGraph, 2), (Packing::SharedWeights, 1)] {
            let binary = packed(packing, binaries);
            assert_eq!(binary.check(), Ok(()));
            let json = serde_json::to_string(&binary).unwrap();
            assert_eq!(json.contains("packing"), packing != Packing::PerGraph, "{json}");
            assert_eq!(serde_json::from_str::<ContextBinary>(&json).unwrap(), binary);
            assert!(packed(packing, 3 - binaries).check().unwrap_err().contains("sm8650"));
        }
    }
}
