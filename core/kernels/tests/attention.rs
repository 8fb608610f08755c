//! Attention by every kernel of this CPU against sums in float64.
#![allow(clippy::unwrap_used)]

use std::ops::Range;

use proptest::prelude::*;
use wheelwork_kernels::{Attention, Element, Heads, Kernel, KernelError, Sums, rotate};

/// A small generator: the numbers need no more.
struct Numbers(u64);

impl Numbers {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        self.0 >> 33
    }

    fn float(&mut self, size: f32) -> f32 {
        ((self.next() % 20_001) as f32 / 10_000.0 - 1.0) * size
    }
}

/// Queries and a cache of one head.
struct Case<T> {
    dim: usize,
    group: usize,
    seen: usize,
    queries: Vec<f32>,
    keys: Vec<T>,
    values: Vec<T>,
}

fn case<T>(
    (dim, group, tokens, past): (usize, usize, usize, usize),
    numbers: &mut Numbers,
    element: fn(&mut Numbers) -> T,
) -> Case<T> {
    // From -0.5 to 0.5 in steps of 2^-6: float32 holds every sum of their products with codes, so that scores of a thousand are exact.
    let queries = (0..tokens * group * dim).map(|_| (numbers.next() % 65) as f32 / 64.0 - 0.5).collect();
    let mut cache = || (0..(past + tokens + 3) * dim).map(|_| element(numbers)).collect();
    let (keys, values) = (cache(), cache());
    Case { dim, group, seen: past + 1, queries, keys, values }
}

impl<T: Element + Into<f64>> Case<T> {
    fn tokens(&self) -> usize {
        self.queries.len() / self.dim / self.group
    }

    fn part(&self, range: Range<usize>) -> Attention<'_, T> {
        let Self { dim, group, seen, ref queries, ref keys, ref values } = *self;
        Attention { dim, queries, group, seen, keys, values, range }
    }

    /// All keys in some parts, merged.
    fn found(&self, kernel: Kernel, cuts: &[usize]) -> Vec<f32> {
        let end = self.seen + self.tokens() - 1;
        let mut all = Sums::default();
        all.begin(self.tokens() * self.group, self.dim);
        let starts = [0].into_iter().chain(cuts.iter().map(|cut| cut % (end + 1)));
        let mut edges: Vec<_> = starts.chain([end]).collect();
        edges.sort_unstable();
        for edges in edges.windows(2) {
            let mut sums = Sums::default();
            sums.begin(self.tokens() * self.group, self.dim);
            kernel.attend(&self.part(edges[0]..edges[1]), &mut sums).unwrap();
            all.merge(&sums);
        }
        all.results().flatten().copied().collect()
    }

    fn expected(&self) -> Vec<f64> {
        let floats = |cache: &[T]| cache.iter().map(|&element| element.into()).collect::<Vec<f64>>();
        let (keys, values) = (floats(&self.keys), floats(&self.values));
        let row = |(row, query): (usize, &[f32])| {
            let seen = self.seen + row / self.group;
            let score =
                |key: &[f64]| key.iter().zip(query).map(|(key, query)| key * f64::from(*query)).sum::<f64>();
            let scores: Vec<_> = keys.chunks(self.dim).take(seen).map(score).collect();
            let largest = scores.iter().copied().fold(f64::NEG_INFINITY, f64::max);
            let weights: Vec<_> = scores.iter().map(|score| (score - largest).exp()).collect();
            let total: f64 = weights.iter().sum();
            let mut sums = vec![0.0; self.dim];
            for (weight, value) in weights.iter().zip(values.chunks(self.dim)) {
                sums.iter_mut().zip(value).for_each(|(sum, value)| *sum += weight / total * value);
            }
            sums
        };
        self.queries.chunks(self.dim).enumerate().flat_map(row).collect()
    }

    /// The largest difference, in parts of the largest value.
    fn error(&self, kernel: Kernel, cuts: &[usize]) -> f64 {
        let (found, expected) = (self.found(kernel, cuts), self.expected());
        assert_eq!(found.len(), expected.len());
        let size = expected.iter().map(|value| value.abs()).fold(1e-30, f64::max);
        found
            .iter()
            .zip(&expected)
            .map(|(a, b)| (f64::from(*a) - b).abs() / size)
            .fold(0.0, |a, b| if b.is_nan() { f64::INFINITY } else { a.max(b) })
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(if cfg!(miri) { 2 } else { 150 }))]

    #[test]
    fn every_kernel_equals_float64_on_caches_of_floats_and_of_codes(
        seed: u64,
        dim in prop::sample::select(vec![32_usize, 64, 96, 128]),
        group in 1_usize..9,
        tokens in 1_usize..12,
        past in 0_usize..130,
        cuts in prop::collection::vec(0_usize..200, 0..3),
    ) {
        let mut numbers = Numbers(seed);
        let shape = (dim, group, tokens, past);
        let floats = case(shape, &mut numbers, |numbers| numbers.float(1.0));
        let codes = case(shape, &mut numbers, |numbers| numbers.next().to_le_bytes()[0].cast_signed());
        for kernel in Kernel::available() {
            prop_assert!(floats.error(kernel, &cuts) < 5e-6, "{kernel:?}, floats: {}", floats.error(kernel, &cuts));
            // One key has nearly all the weight.
            prop_assert!(codes.error(kernel, &cuts) < 2e-5, "{kernel:?}, codes: {}", codes.error(kernel, &cuts));
        }
    }
}

#[test]
fn a_key_beyond_all_others_takes_all_and_scores_of_any_size_stay_finite() {
    for kernel in Kernel::available() {
        let mut case = case((64, 2, 1, 99), &mut Numbers(1), |numbers| numbers.float(1.0));
        case.queries.iter_mut().for_each(|query| *query = 1e4);
        for (at, key) in case.keys.chunks_exact_mut(64).enumerate() {
            key.fill(if at == 77 { 1e4 } else { -1e4 });
        }
        let found = case.found(kernel, &[40]);
        assert_eq!(found[..64], case.values[77 * 64..78 * 64], "{kernel:?}");
    }
}

#[test]
fn a_turned_head_has_the_pairs_of_its_halves_turned() {
    let mut head = [1.0, 2.0, 3.0, 4.0];
    // A quarter turn and none.
    rotate(&mut head, &[0.0, 1.0], &[1.0, 0.0]);
    assert_eq!(head, [-3.0, 2.0, 1.0, 4.0]);
}

#[test]
fn lengths_and_heads_that_do_not_fit_are_refused() {
    let case = case((32, 1, 2, 5), &mut Numbers(1), |numbers| numbers.float(1.0));
    let mut sums = Sums::default();
    let kernel = Kernel::best();
    sums.begin(1, 32);
    let length = |what, found, expected| Err(KernelError::Length { what, found, expected });
    assert_eq!(kernel.attend(&case.part(0..7), &mut sums), length("sums", 1, 2));
    sums.begin(2, 32);
    assert_eq!(kernel.attend(&case.part(0..11), &mut sums), length("keys", 10, 11));
    assert_eq!(kernel.attend(&case.part(7..11), &mut sums), length("keys", 10, 11));
    let ragged = Attention { queries: &case.queries[1..], ..case.part(0..7) };
    assert_eq!(kernel.attend(&ragged, &mut sums), length("queries", 63, 32));
    let odd = Attention { dim: 40, ..case.part(0..7) };
    assert!(matches!(kernel.attend(&odd, &mut sums), Err(KernelError::Unsupported { found: 40, .. })));
    // A part that is empty, or that nobody sees, changes nothing.
    let before = sums.clone();
    kernel.attend(&case.part(3..3), &mut sums).unwrap();
    kernel.attend(&case.part(8..9), &mut sums).unwrap();
    assert_eq!(format!("{sums:?}"), format!("{before:?}"));

    assert_eq!(Heads::new(12, 2, 128).unwrap().group(), 6);
    for (queries, keys, dim) in [(12, 5, 64), (0, 1, 64), (2, 0, 64), (4096, 4096, 64), (4, 4, 80)] {
        assert!(Heads::new(queries, keys, dim).is_err());
    }
}
