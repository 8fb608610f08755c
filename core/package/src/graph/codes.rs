//! Codes of quantised matrices: where they stand, and that they use no more levels than the package's card states.
//!
//! `MatMulNBits` and `GatherBlockQuantized` know codes of 2, 4 and 8 bits. A matrix of 3, 5 or 6 bits stands in the next
//! wider ones, and the card says how many bits are used (`code_bits`). Whoever stores or computes with those bits alone relies on
//! it, so what it says is checked: against the graph when that is verified ([`check_stated`]), and against every code when a package
//! is packed, installed or verified ([`check_bytes`]).

use std::collections::{BTreeMap, HashMap};

use super::GraphError;
use super::proto::{Graph, Tensor};
use super::rules::MICROSOFT;
use super::tensors;

/// The only number of bits fewer than 16 that scales may be stated to have.
const SHORT_SCALE_BITS: u32 = 8;

/// Where the codes of a quantised matrix stand.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Codes {
    /// The initialiser's name.
    pub tensor: String,
    /// Bits that a code stands in.
    pub bits: u64,
    /// The codes, then the zero points where there are any as bytes.
    pub places: Vec<Place>,
}

/// What a package's card states of a variant's weights; of matrices by the names of the initialisers of their codes.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Stated {
    /// Bits of a code, where those are fewer than it stands in.
    pub codes: BTreeMap<String, u32>,
    /// Bits of a scale, where those are fewer than 16.
    pub scales: BTreeMap<String, u32>,
    /// Radians by which a position turns each pair of a head; empty where nothing is stated.
    pub frequencies: Vec<f64>,
}

/// A range of a file beside the graph.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// A plain name.
    pub file: String,
    /// First byte.
    pub offset: u64,
    /// Number of bytes.
    pub bytes: u64,
}

/// The codes of a verified graph, in the order of its nodes.
pub(super) fn of(graph: &Graph<'_>) -> Vec<Codes> {
    const UINT8: i64 = 2;
    let tensors: HashMap<&str, &Tensor<'_>> =
        graph.initializers.iter().map(|tensor| (tensor.name, tensor)).collect();
    let place = |name: &&str| {
        let tensor = tensors.get(*name).filter(|tensor| tensor.data_type == UINT8)?;
        let (file, offset) = tensors::place(tensor)?;
        let bytes = tensors::byte_len(tensor, tensors::elements(tensor).ok()?).ok()?;
        Some(Place { file: file.to_owned(), offset, bytes })
    };
    let mut found = Vec::new();
    for node in &graph.nodes {
        let inputs = match (node.domain, node.operator) {
            (MICROSOFT, "MatMulNBits") => [1, 3],
            (MICROSOFT, "GatherBlockQuantized") => [0, 3],
            _ => continue,
        };
        let names = inputs.map(|input| node.inputs.get(input));
        let [Some(tensor), _] = names else { continue };
        let Some(bits) = u64::try_from(node.int("bits").unwrap_or(4)).ok() else { continue };
        let places: Vec<_> = names.into_iter().flatten().filter_map(place).collect();
        if !places.is_empty() {
            found.push(Codes { tensor: (*tensor).to_owned(), bits, places });
        }
    }
    found
}

/// Holds what a card states against the matrices that a graph has: each is one of its tensors, whose codes have fewer bits than they
/// stand in, or whose scales have 8.
///
/// # Errors
/// [`GraphError::StatedBits`].
pub fn check_stated(codes: &[Codes], stated: &Stated) -> Result<(), GraphError> {
    let refused = |tensor: &str, bits, expected| GraphError::StatedBits {
        tensor: GraphError::text(tensor.as_bytes()),
        bits,
        expected,
    };
    let is_there = |tensor: &String| codes.iter().any(|codes| codes.tensor == *tensor);
    if let Some((tensor, &bits)) =
        stated.codes.iter().chain(&stated.scales).find(|(tensor, _)| !is_there(tensor))
    {
        return Err(refused(tensor, bits, "the codes of a matrix of the graph"));
    }
    if let Some((tensor, &bits)) = stated.scales.iter().find(|(_, bits)| **bits != SHORT_SCALE_BITS) {
        return Err(refused(tensor, bits, "8 where it speaks of scales"));
    }
    for (tensor, &bits) in &stated.codes {
        let mut own = codes.iter().filter(|codes| codes.tensor == *tensor);
        if own.any(|codes| bits == 0 || u64::from(bits) >= codes.bits) {
            return Err(refused(tensor, bits, "at least 1 and fewer than the codes stand in"));
        }
    }
    Ok(())
}

/// Finds the first byte with a code of more than `bits` bits, where each stands in `stored` bits, 2, 4 or 8.
#[must_use]
pub fn check_bytes(bytes: &[u8], stored: u64, bits: u32) -> Option<usize> {
    let unused = unused_bits(stored, bits);
    // Most bytes are good: a whole block at a time, then the place within it.
    const BLOCK: usize = 4096;
    let bad = |block: &[u8]| block.iter().fold(0, |all, byte| all | byte) & unused != 0;
    let block = bytes.chunks(BLOCK).position(bad)?;
    let within = bytes.get(block * BLOCK..)?.iter().position(|byte| byte & unused != 0)?;
    Some(block * BLOCK + within)
}

/// The bits of a byte that no code of `bits` bits sets.
fn unused_bits(stored: u64, bits: u32) -> u8 {
    let ones = |count: u32| u8::try_from((1_u32 << count.min(8)) - 1).unwrap_or(u8::MAX);
    let width = u32::try_from(stored).unwrap_or(8).clamp(1, 8);
    let unused = ones(width) & !ones(bits);
    (0..8 / width).fold(0, |all, code| all | unused << (code * width))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn codes(bits: u64) -> Vec<Codes> {
        vec![Codes { tensor: "a.codes".into(), bits, places: Vec::new() }]
    }

    #[test]
    fn pk_17_statements_that_cannot_be_are_refused() {
        let one = |name: &str, bits| BTreeMap::from([(name.to_owned(), bits)]);
        let stated = |name: &str, bits| Stated { codes: one(name, bits), ..Stated::default() };
        assert_eq!(check_stated(&codes(8), &stated("a.codes", 5)), Ok(()));
        assert_eq!(check_stated(&codes(4), &stated("a.codes", 3)), Ok(()));
        for (name, bits, stored) in [
            ("a.codes", 8, 8),
            ("a.codes", 5, 4),
            ("a.codes", 0, 8),
            ("a.codes", u32::MAX, 8),
            ("b.codes", 5, 8),
        ] {
            let error = check_stated(&codes(stored), &stated(name, bits)).unwrap_err();
            assert!(matches!(&error, GraphError::StatedBits { tensor, .. } if tensor == name), "{error}");
        }
        let scales = |name: &str, bits| Stated { scales: one(name, bits), ..Stated::default() };
        assert_eq!(check_stated(&codes(4), &scales("a.codes", 8)), Ok(()));
        for (name, bits) in [("a.codes", 16), ("a.codes", 0), ("b.codes", 8)] {
            let error = check_stated(&codes(4), &scales(name, bits)).unwrap_err();
            assert!(matches!(&error, GraphError::StatedBits { tensor, .. } if tensor == name), "{error}");
        }
    }

    #[test]
    fn pk_17_a_code_above_its_bits_is_found_wherever_it_stands() {
        for (stored, bits, good, bad) in
            [(8, 5, 31, 32), (8, 6, 63, 64), (4, 3, 0x77, 0x08), (4, 3, 0x77, 0x80)]
        {
            let mut bytes = vec![good; 10_000];
            assert_eq!(check_bytes(&bytes, stored, bits), None);
            for at in [0, 4095, 4096, 9999] {
                bytes[at] = bad;
                assert_eq!(check_bytes(&bytes, stored, bits), Some(at), "{bits} bits in {stored}");
                bytes[at] = good;
            }
        }
    }
}
