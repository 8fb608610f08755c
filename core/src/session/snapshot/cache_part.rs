//! Tokens with their keys and values, as they stand in a record.
//!
//! ```text
//! start u32 | count u32 | token u32 * count | packed_bytes u32 | packed | rest
//! ```
//!
//! `packed` is a zstd frame of those bytes of which something can be saved, or those bytes themselves where that is
//! shorter: of an int8 cache all, of a float32 cache the highest byte of each number, which is its sign and most of its
//! exponent. The other three are as good as noise, which costs time to look through, and stand in `rest` as they are.

use wheelwork_package::card::KvForm;
use wheelwork_package::compression;

use super::frame::PAYLOAD_LIMIT;

/// Tokens in front of a part, and its own.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct CachePart {
    pub start: usize,
    pub tokens: Vec<u32>,
}

impl CachePart {
    /// Puts a part with its keys and values, as [`crate::decoder::Decoder::read_kv`] gives them, into `payload`.
    pub(super) fn encode(start: usize, tokens: &[u32], kv: &[u8], form: KvForm, payload: &mut Vec<u8>) {
        payload.clear();
        for value in [number(start), number(tokens.len())].iter().chain(tokens) {
            payload.extend_from_slice(&value.to_le_bytes());
        }
        let highest = match form {
            KvForm::Float => kv.as_chunks::<4>().0.iter().map(|[.., highest]| *highest).collect(),
            KvForm::Int8 => kv.to_vec(),
        };
        let packed = compression::compress(&highest).filter(|packed| packed.len() < highest.len());
        let packed = packed.unwrap_or(highest);
        payload.extend_from_slice(&number(packed.len()).to_le_bytes());
        payload.extend_from_slice(&packed);
        if form == KvForm::Float {
            let (numbers, odd) = kv.as_chunks::<4>();
            payload.reserve(kv.len());
            numbers.iter().for_each(|[low @ .., _]| payload.extend_from_slice(low));
            payload.extend_from_slice(odd);
        }
    }

    /// The part, whose keys and values are put into `kv`.
    ///
    /// # Errors
    /// What of the payload cannot be. Nothing is allocated for what it says of itself beyond the limit of a record.
    pub(super) fn decode(
        payload: &[u8],
        form: KvForm,
        bytes_per_token: usize,
        kv: &mut Vec<u8>,
    ) -> Result<Self, &'static str> {
        const SHORT: &str = "its cache part is too short";
        let mut payload = payload;
        let start = take_number(&mut payload).ok_or(SHORT)?;
        let count = take_number(&mut payload).ok_or(SHORT)?;
        let tokens = count.checked_mul(4).and_then(|bytes| payload.split_off(..bytes)).ok_or(SHORT)?;
        let tokens = tokens.as_chunks::<4>().0.iter().map(|bytes| u32::from_le_bytes(*bytes)).collect();
        let packed_bytes = take_number(&mut payload).ok_or(SHORT)?;
        let packed = payload.split_off(..packed_bytes).ok_or(SHORT)?;

        let bytes = count.checked_mul(bytes_per_token).filter(|bytes| *bytes <= PAYLOAD_LIMIT);
        let bytes = bytes.ok_or("its cache part is larger than a record")?;
        let highest_bytes = match form {
            KvForm::Float => bytes / 4,
            KvForm::Int8 => bytes,
        };
        if payload.len() != bytes - highest_bytes {
            return Err("its cache part has another size than its tokens");
        }
        let mut unpacked = Vec::new();
        let highest = if packed.len() == highest_bytes {
            packed
        } else {
            unpacked.resize(highest_bytes, 0);
            if !compression::decompress(packed, &mut unpacked) {
                return Err("its cache part does not decompress to the size of its tokens");
            }
            &unpacked
        };
        kv.clear();
        kv.reserve(bytes);
        match form {
            KvForm::Float => {
                let (low, odd) = payload.split_at(3 * highest_bytes);
                for ([a, b, c], highest) in low.as_chunks::<3>().0.iter().zip(highest) {
                    kv.extend_from_slice(&[*a, *b, *c, *highest]);
                }
                kv.extend_from_slice(odd);
            }
            KvForm::Int8 => kv.extend_from_slice(highest),
        }
        Ok(Self { start, tokens })
    }
}

fn number(value: usize) -> u32 {
    u32::try_from(value).expect("a record is far below 4 GiB, and so is a context in tokens")
}

fn take_number(payload: &mut &[u8]) -> Option<usize> {
    let (bytes, rest) = payload.split_first_chunk()?;
    *payload = rest;
    usize::try_from(u32::from_le_bytes(*bytes)).ok()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn form() -> impl Strategy<Value = KvForm> {
        prop_oneof![Just(KvForm::Float), Just(KvForm::Int8)]
    }

    /// Numbers such as a model makes, or bytes that nothing can be saved of; so many a token.
    fn kv(tokens: usize, bytes_per_token: usize, is_noise: bool, seed: u32) -> Vec<u8> {
        let noise =
            (0..).map(|index: u32| (index ^ seed).wrapping_mul(2_654_435_761).rotate_left(index % 31));
        let bytes = noise.flat_map(|noise| match is_noise {
            true => noise.to_le_bytes(),
            false => (f32::from_bits(0x3f80_0000 | noise >> 9) - 1.5).to_le_bytes(),
        });
        bytes.take(tokens * bytes_per_token).collect()
    }

    #[test]
    fn a_part_of_a_models_numbers_is_shorter_than_they_are() {
        let kv = kv(100, 1024, false, 7);
        let mut payload = Vec::new();
        CachePart::encode(0, &[1; 100], &kv, KvForm::Float, &mut payload);
        assert!(payload.len() < kv.len() * 9 / 10, "{} of {}", payload.len(), kv.len());
    }

    #[test]
    fn a_part_that_says_that_it_is_huge_allocates_nothing() {
        let mut payload = Vec::new();
        CachePart::encode(0, &[1; 100], &[0; 100 * 64], KvForm::Int8, &mut payload);
        let mut kv = Vec::new();
        let decoded = CachePart::decode(&payload, KvForm::Int8, PAYLOAD_LIMIT, &mut kv);
        assert_eq!(decoded, Err("its cache part is larger than a record"));
        let decoded = CachePart::decode(&payload, KvForm::Int8, 63, &mut kv);
        assert_eq!(decoded, Err("its cache part does not decompress to the size of its tokens"));
        assert_eq!(kv.capacity(), 0);
    }

    proptest! {
        #[test]
        fn what_is_encoded_is_decoded(
            start in 0_usize..1000, tokens in prop::collection::vec(any::<u32>(), 0..40),
            bytes_per_token in 0_usize..70, form in form(), is_noise: bool, seed: u32,
        ) {
            let kv = kv(tokens.len(), bytes_per_token, is_noise, seed);
            let (mut payload, mut decoded) = (vec![9], vec![9]);
            CachePart::encode(start, &tokens, &kv, form, &mut payload);
            let part = CachePart::decode(&payload, form, bytes_per_token, &mut decoded).unwrap();
            prop_assert_eq!(part, CachePart { start, tokens });
            prop_assert_eq!(decoded, kv);
        }

        #[test]
        fn any_bytes_give_a_part_or_an_error(
            head in prop::collection::vec(0_u32..9, 0..6), tail in prop::collection::vec(any::<u8>(), 0..60),
            bytes_per_token in 0_usize..70, form in form(),
        ) {
            let payload: Vec<u8> = head.into_iter().flat_map(u32::to_le_bytes).chain(tail).collect();
            let mut kv = Vec::new();
            if let Ok(part) = CachePart::decode(&payload, form, bytes_per_token, &mut kv) {
                prop_assert_eq!(kv.len(), part.tokens.len() * bytes_per_token);
            }
        }
    }
}
