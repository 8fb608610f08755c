//! Element types of safetensors, and the three that weights may have.

/// The element types that weights may have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FloatType {
    /// 32-bit IEEE 754.
    F32,
    /// 16-bit IEEE 754.
    F16,
    /// The upper half of an `F32`.
    Bf16,
}

/// An element type as the header names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Dtype {
    pub name: &'static str,
    pub bytes: u64,
    pub float: Option<FloatType>,
}

impl FloatType {
    /// Size of one element in bytes.
    #[must_use]
    pub fn bytes(self) -> usize {
        match self {
            Self::F32 => 4,
            Self::F16 | Self::Bf16 => 2,
        }
    }

    /// Replaces `weights` with the little-endian elements of `bytes`. Exact: every value of the shorter types is one
    /// of `f32`.
    pub fn decode(self, bytes: &[u8], weights: &mut Vec<f32>) {
        weights.clear();
        match self {
            Self::F32 => weights.extend(bytes.as_chunks().0.iter().map(|&bytes| f32::from_le_bytes(bytes))),
            Self::F16 => weights
                .extend(bytes.as_chunks().0.iter().map(|&bytes| half::f16::from_le_bytes(bytes).to_f32())),
            Self::Bf16 => weights
                .extend(bytes.as_chunks().0.iter().map(|&bytes| half::bf16::from_le_bytes(bytes).to_f32())),
        }
    }
}

impl Dtype {
    /// Every type of whole bytes that the format knows; the others are quantised formats' (`F4`, `F6_E2M3`).
    pub(super) fn named(name: &str) -> Option<Self> {
        const KNOWN: [Dtype; 17] = [
            Dtype { name: "F32", bytes: 4, float: Some(FloatType::F32) },
            Dtype { name: "F16", bytes: 2, float: Some(FloatType::F16) },
            Dtype { name: "BF16", bytes: 2, float: Some(FloatType::Bf16) },
            Dtype { name: "F64", bytes: 8, float: None },
            Dtype { name: "C64", bytes: 8, float: None },
            Dtype { name: "I64", bytes: 8, float: None },
            Dtype { name: "U64", bytes: 8, float: None },
            Dtype { name: "I32", bytes: 4, float: None },
            Dtype { name: "U32", bytes: 4, float: None },
            Dtype { name: "I16", bytes: 2, float: None },
            Dtype { name: "U16", bytes: 2, float: None },
            Dtype { name: "I8", bytes: 1, float: None },
            Dtype { name: "U8", bytes: 1, float: None },
            Dtype { name: "BOOL", bytes: 1, float: None },
            Dtype { name: "F8_E4M3", bytes: 1, float: None },
            Dtype { name: "F8_E5M2", bytes: 1, float: None },
            Dtype { name: "F8_E8M0", bytes: 1, float: None },
        ];
        KNOWN.into_iter().find(|dtype| dtype.name == name)
    }
}
