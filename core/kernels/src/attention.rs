//! Attention over a cache: `y[r] = Σ_k softmax_k(q[r] · key[k]) · value[k]`, where a row `r` of a token sees the keys up to its own.
//!
//! Grouped queries (Ainslie et al., arXiv:2305.13245): all query heads that share a head of keys and values are rows beside each
//! other, so that a token reads each key and value once, whatever the number of query heads. The softmax is computed as the keys
//! come (Milakov and Gimelshein, arXiv:1805.02867), tile by tile, so nothing grows with the context, and parts of a context may be
//! computed apart and merged ([`Sums::merge`]).
//!
//! ```text
//! Heads        query heads, key heads, elements of a head
//! rotate       rotary position embedding of one head
//! Attention    queries of one head of keys and values, its cache, and what part of it is looked at
//! Sums         what was found so far: largest score, total weight and weighted values of each row
//! ```

use std::ops::Range;

pub(crate) mod lanes;
pub(crate) mod softmax;

use crate::error::{KernelError, length};
use crate::kernel::Kernel;
use crate::portable::Four;
#[cfg(target_arch = "x86_64")]
use crate::x86::{avx2, avx512};
use softmax::{Rows, Seen};

/// The heads of an attention.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Heads {
    /// Query heads.
    pub queries: usize,
    /// Heads of keys and values.
    pub keys: usize,
    /// Elements of a head: 32, 64, 96 or 128.
    pub dim: usize,
}

impl Heads {
    /// Checks the numbers.
    ///
    /// # Errors
    /// [`KernelError::Unsupported`] for elements that no kernel computes, or query heads that cannot share the others evenly.
    pub fn new(queries: u64, keys: u64, dim: u64) -> Result<Self, KernelError> {
        let unsupported = |what, found, expected| KernelError::Unsupported { what, found, expected };
        if !matches!(dim, 32 | 64 | 96 | 128) {
            return Err(unsupported("head_dim", dim, "32, 64, 96 or 128"));
        }
        if !(1..=1024).contains(&keys) {
            return Err(unsupported("kv_num_heads", keys, "1 to 1024"));
        }
        if queries == 0 || queries > 1024 || !queries.is_multiple_of(keys) {
            return Err(unsupported("num_heads", queries, "at most 1024, a multiple of kv_num_heads"));
        }
        let size =
            |found| usize::try_from(found).map_err(|_| unsupported("num_heads", queries, "at most 1024"));
        Ok(Self { queries: size(queries)?, keys: size(keys)?, dim: size(dim)? })
    }

    /// Query heads that share a head of keys.
    #[must_use]
    pub fn group(self) -> usize {
        self.queries / self.keys
    }
}

/// Turns one head by its position's angles: pair `i` are the elements `i` and `i + dim / 2` (Su et al., arXiv:2104.09864, in the
/// order of the halves).
pub fn rotate(head: &mut [f32], cosines: &[f32], sines: &[f32]) {
    let (first, second) = head.split_at_mut(head.len() / 2);
    for ((a, b), (cosine, sine)) in first.iter_mut().zip(second).zip(cosines.iter().zip(sines)) {
        (*a, *b) = (*a * cosine - *b * sine, *b * cosine + *a * sine);
    }
}

/// An element of the cache: float32, or int8 whose scales stand elsewhere.
pub trait Element: softmax::Loaded {}
impl Element for f32 {}
impl Element for i8 {}

/// Queries of one head of keys and values, and the part of its cache that they look at.
#[derive(Debug, Clone)]
pub struct Attention<'a, T> {
    /// Elements of a head.
    pub dim: usize,
    /// `[rows, dim]`: token by token the query heads of the group, already multiplied by the scale of the scores.
    pub queries: &'a [f32],
    /// Rows of a token.
    pub group: usize,
    /// Keys that the first token sees, its own included; each further one sees one more.
    pub seen: usize,
    /// `[capacity, dim]`.
    pub keys: &'a [T],
    /// `[capacity, dim]`.
    pub values: &'a [T],
    /// The keys that are looked at.
    pub range: Range<usize>,
}

/// What rows found so far.
#[derive(Debug, Clone, Default)]
pub struct Sums {
    dim: usize,
    largest: Vec<f32>,
    totals: Vec<f32>,
    weighted: Vec<f32>,
}

impl Sums {
    /// Forgets what was found; for so many rows of `dim` elements.
    pub fn begin(&mut self, rows: usize, dim: usize) {
        self.dim = dim;
        for (sums, count, value) in [
            (&mut self.largest, rows, softmax::LOWEST),
            (&mut self.totals, rows, 0.0),
            (&mut self.weighted, rows * dim, 0.0),
        ] {
            sums.clear();
            sums.resize(count, value);
        }
    }

    /// Adds what the same rows found in another part of the context.
    pub fn merge(&mut self, other: &Self) {
        let rows = self
            .largest
            .iter_mut()
            .zip(&mut self.totals)
            .zip(self.weighted.chunks_exact_mut(self.dim.max(1)));
        let others =
            other.largest.iter().zip(&other.totals).zip(other.weighted.chunks_exact(self.dim.max(1)));
        for (((largest, total), weighted), ((their_largest, their_total), theirs)) in rows.zip(others) {
            let new = largest.max(*their_largest);
            let (mine, their) = ((*largest - new).exp(), (their_largest - new).exp());
            *total = *total * mine + their_total * their;
            weighted.iter_mut().zip(theirs).for_each(|(slot, value)| *slot = *slot * mine + value * their);
            *largest = new;
        }
    }

    /// The results: `[rows, dim]`, row by row.
    pub fn results(&mut self) -> impl Iterator<Item = &[f32]> {
        self.weighted.chunks_exact_mut(self.dim.max(1)).zip(&self.totals).map(|(row, total)| {
            row.iter_mut().for_each(|slot| *slot /= total);
            &*row
        })
    }
}

impl Kernel {
    /// Adds to `sums`, which were begun for as many rows, what the queries find.
    ///
    /// # Errors
    /// [`KernelError::Length`] where slices do not fit each other, [`KernelError::Unsupported`] for a length of heads that no
    /// kernel computes, [`KernelError::NotOnThisCpu`].
    pub fn attend<T: Element>(
        self,
        attention: &Attention<'_, T>,
        sums: &mut Sums,
    ) -> Result<(), KernelError> {
        match attention.dim {
            32 => self.attend_heads_of::<T, 32>(attention, sums),
            64 => self.attend_heads_of::<T, 64>(attention, sums),
            96 => self.attend_heads_of::<T, 96>(attention, sums),
            128 => self.attend_heads_of::<T, 128>(attention, sums),
            other => Err(KernelError::Unsupported {
                what: "head_dim",
                found: u64::try_from(other).unwrap_or(u64::MAX),
                expected: "32, 64, 96 or 128",
            }),
        }
    }

    fn attend_heads_of<T: Element, const D: usize>(
        self,
        attention: &Attention<'_, T>,
        sums: &mut Sums,
    ) -> Result<(), KernelError> {
        let Attention { queries, group, seen, keys, values, range, .. } = attention;
        let (queries, rest) = queries.as_chunks::<D>();
        length("queries", queries.len() * D + rest.len(), queries.len() * D)?;
        length("sums", sums.largest.len(), queries.len())?;
        length("sums of values", sums.weighted.len(), queries.len() * D)?;
        let ((keys, _), (values, _)) = (keys.as_chunks::<D>(), values.as_chunks::<D>());
        let looked_at = |cache: &'_ [[T; D]]| cache.len().min(range.end);
        length("keys", looked_at(keys), range.end)?;
        length("values", looked_at(values), range.end)?;
        let part = |cache| <[[T; D]]>::get(cache, range.clone()).unwrap_or_default();
        let seen = Seen { group: (*group).max(1), first: *seen, start: range.start };
        let (weighted, _) = sums.weighted.as_chunks_mut::<D>();
        let mut rows = Rows { queries, largest: &mut sums.largest, totals: &mut sums.totals, weighted };
        let (keys, values) = (part(keys), part(values));
        match self {
            #[cfg(target_arch = "x86_64")]
            Self::Avx512Vnni => avx512::attend(keys, values, &seen, &mut rows),
            #[cfg(target_arch = "x86_64")]
            Self::Avx2 | Self::AvxVnni => avx2::attend(keys, values, &seen, &mut rows),
            #[cfg(target_arch = "aarch64")]
            Self::DotProduct => {
                crate::aarch64::attend(keys, values, &seen, &mut rows);
                Ok(())
            }
            Self::Portable => {
                softmax::attend::<Four, T, 2, D>(keys, values, &seen, &mut rows);
                Ok(())
            }
            #[allow(unreachable_patterns)]
            _ => Err(KernelError::NotOnThisCpu),
        }
    }
}
