//! The softmax of rows over keys, tile by tile: for each instruction set the same lines on its own registers.
//!
//! A tile of keys is turned over, key by column, where many rows share that work; so the products of a tile need no sums across
//! a register. Few rows, as those of one token, multiply the keys as they stand.

use super::lanes::Lanes;

/// Keys of a tile.
const KEYS: usize = 32;
/// From so many rows on, tiles are turned over.
const MANY_ROWS: usize = 16;
/// Bytes that memory gives at once.
const LINE_BYTES: usize = 64;
/// Where the search for the largest score begins.
pub(crate) const LOWEST: f32 = -1e30;
/// The score of a key that is not seen: its weight is nothing beside any other, also where [`LOWEST`] is the largest score.
const HIDDEN: f32 = -3e38;

/// An element of the cache.
pub trait Loaded: Copy + Default + Send + Sync + 'static {
    /// It as a float.
    fn float(self) -> f32;
    #[doc(hidden)]
    #[allow(private_bounds, reason = "a register is nobody's affair outside")]
    fn load<L: Lanes, const N: usize>(from: &[Self; N], at: usize) -> L;
}

impl Loaded for f32 {
    #[inline(always)]
    fn float(self) -> f32 {
        self
    }

    #[inline(always)]
    #[allow(private_bounds, reason = "as above")]
    fn load<L: Lanes, const N: usize>(from: &[Self; N], at: usize) -> L {
        L::load(from, at)
    }
}

impl Loaded for i8 {
    #[inline(always)]
    fn float(self) -> f32 {
        f32::from(self)
    }

    #[inline(always)]
    #[allow(private_bounds, reason = "as above")]
    fn load<L: Lanes, const N: usize>(from: &[Self; N], at: usize) -> L {
        L::load_codes(from, at)
    }
}

/// Which keys rows see.
pub(crate) struct Seen {
    /// Rows of a token.
    pub(crate) group: usize,
    /// Keys of the whole context that the first token sees.
    pub(crate) first: usize,
    /// The place of the first key that is looked at.
    pub(crate) start: usize,
}

impl Seen {
    /// How many keys from `place` on a row sees.
    fn from(&self, row: usize, place: usize) -> usize {
        (self.first + row / self.group).saturating_sub(self.start + place)
    }
}

/// Rows with what they found, all of one length.
pub(crate) struct Rows<'r, const D: usize> {
    pub(crate) queries: &'r [[f32; D]],
    pub(crate) largest: &'r mut [f32],
    pub(crate) totals: &'r mut [f32],
    pub(crate) weighted: &'r mut [[f32; D]],
}

/// Some keys and values, and the keys turned over where that was worth it.
struct Tile<'t, T, const D: usize> {
    keys: &'t [[T; D]],
    /// Those of the next tile.
    next: &'t [[T; D]],
    values: &'t [[T; D]],
    columns: Option<&'t [[f32; KEYS]; D]>,
}

/// Adds to the rows what these keys and values bring. `V` registers of scores or values are computed at a time.
#[inline(always)]
pub(crate) fn attend<L: Lanes, T: Loaded, const V: usize, const D: usize>(
    keys: &[[T; D]],
    values: &[[T; D]],
    seen: &Seen,
    rows: &mut Rows<'_, D>,
) {
    let mut columns = [[0.0; KEYS]; D];
    let is_turned = rows.queries.len() >= MANY_ROWS;
    let mut ahead = keys.chunks(KEYS).skip(1);
    for (index, (keys, values)) in keys.chunks(KEYS).zip(values.chunks(KEYS)).enumerate() {
        if is_turned {
            turn_over(keys, &mut columns);
        }
        let tile = Tile {
            keys,
            next: ahead.next().unwrap_or_default(),
            values,
            columns: is_turned.then_some(&columns),
        };
        let seen = |row| seen.from(row, index * KEYS);
        let fours = rows.queries.len() / 4 * 4;
        blocks::<L, T, V, D, 4>(&tile, &seen, rows, 0);
        blocks::<L, T, V, D, 1>(&tile, &seen, rows, fours);
    }
}

/// Blocks of `R` rows, from a row on.
#[inline(always)]
fn blocks<L: Lanes, T: Loaded, const V: usize, const D: usize, const R: usize>(
    tile: &Tile<'_, T, D>,
    seen: &impl Fn(usize) -> usize,
    rows: &mut Rows<'_, D>,
    from: usize,
) {
    let queries = rows.queries.get(from..).unwrap_or_default().as_chunks::<R>().0;
    let largest = rows.largest.get_mut(from..).unwrap_or_default().as_chunks_mut::<R>().0;
    let totals = rows.totals.get_mut(from..).unwrap_or_default().as_chunks_mut::<R>().0;
    let weighted = rows.weighted.get_mut(from..).unwrap_or_default().as_chunks_mut::<R>().0;
    let found = largest.iter_mut().zip(totals).zip(weighted);
    for (index, (queries, ((largest, totals), weighted))) in queries.iter().zip(found).enumerate() {
        let seen = std::array::from_fn(|row| seen(from + index * R + row).min(tile.keys.len()));
        if seen != [0; R] {
            block::<L, T, V, D, R>(tile, queries, seen, largest, totals, weighted);
        }
    }
}

/// One block of rows; `seen` keys of the tile each.
#[inline(always)]
fn block<L: Lanes, T: Loaded, const V: usize, const D: usize, const R: usize>(
    tile: &Tile<'_, T, D>,
    queries: &[[f32; D]; R],
    seen: [usize; R],
    largest: &mut [f32; R],
    totals: &mut [f32; R],
    weighted: &mut [[f32; D]; R],
) {
    let mut scores = [[HIDDEN; KEYS]; R];
    match tile.columns {
        Some(columns) => products_by_columns::<L, V, D, R>(queries, columns, &mut scores),
        None => products_by_keys::<L, T, D, R>(queries, tile, &mut scores),
    }
    let found = scores.iter_mut().zip(seen).zip(largest.iter_mut().zip(totals).zip(weighted.iter_mut()));
    for ((scores, seen), ((largest, total), weighted)) in found {
        scores.iter_mut().skip(seen).for_each(|score| *score = HIDDEN);
        let mut highest = L::splat(*largest);
        for at in (0..KEYS).step_by(L::COUNT) {
            highest = highest.largest_of(L::load(scores, at));
        }
        let new = highest.largest();
        let mut sum = L::splat(0.0);
        for at in (0..KEYS).step_by(L::COUNT) {
            let weight = L::load(scores, at).add(L::splat(-new)).exp();
            sum = sum.add(weight);
            weight.store(scores, at);
        }
        if new > *largest {
            let faded = (*largest - new).exp();
            *total *= faded;
            for at in (0..D).step_by(L::COUNT) {
                L::load(weighted, at).times(L::splat(faded)).store(weighted, at);
            }
            *largest = new;
        }
        *total += sum.sum();
    }
    add_values::<L, T, V, D, R>(&scores, tile.values, weighted);
}

/// Scores of keys that stand in columns.
#[inline(always)]
fn products_by_columns<L: Lanes, const V: usize, const D: usize, const R: usize>(
    queries: &[[f32; D]; R],
    columns: &[[f32; KEYS]; D],
    scores: &mut [[f32; KEYS]; R],
) {
    for at in (0..KEYS).step_by(V * L::COUNT) {
        let mut sums = [[L::splat(0.0); V]; R];
        for (element, column) in columns.iter().enumerate() {
            let keys: [L; V] = std::array::from_fn(|part| L::load(column, at + part * L::COUNT));
            for (sums, query) in sums.iter_mut().zip(queries) {
                let query = L::splat(query.get(element).copied().unwrap_or_default());
                for (sum, keys) in sums.iter_mut().zip(keys) {
                    *sum = sum.add_product(query, keys);
                }
            }
        }
        for (scores, sums) in scores.iter_mut().zip(sums) {
            for (part, sum) in sums.into_iter().enumerate() {
                sum.store(scores, at + part * L::COUNT);
            }
        }
    }
}

/// Scores of keys as they stand. What a token reads comes from memory: the values of this tile and the keys of the next one are asked
/// for meanwhile.
#[inline(always)]
fn products_by_keys<L: Lanes, T: Loaded, const D: usize, const R: usize>(
    queries: &[[f32; D]; R],
    tile: &Tile<'_, T, D>,
    scores: &mut [[f32; KEYS]; R],
) {
    for (index, key) in tile.keys.iter().enumerate() {
        for row in [tile.values.get(index), tile.next.get(index)].into_iter().flatten() {
            row.iter().step_by(LINE_BYTES / size_of::<T>()).for_each(L::ask_for);
        }
        let mut sums = [L::splat(0.0); R];
        for at in (0..D).step_by(L::COUNT) {
            let key: L = T::load(key, at);
            for (sum, query) in sums.iter_mut().zip(queries) {
                *sum = sum.add_product(L::load(query, at), key);
            }
        }
        for (scores, sum) in scores.iter_mut().zip(sums) {
            if let Some(score) = scores.get_mut(index) {
                *score = sum.sum();
            }
        }
    }
}

/// Adds the values by their weights.
#[inline(always)]
fn add_values<L: Lanes, T: Loaded, const V: usize, const D: usize, const R: usize>(
    weights: &[[f32; KEYS]; R],
    values: &[[T; D]],
    weighted: &mut [[f32; D]; R],
) {
    for at in (0..D).step_by(V * L::COUNT) {
        let mut sums: [[L; V]; R] = std::array::from_fn(|_| [L::splat(0.0); V]);
        for (sums, weighted) in sums.iter_mut().zip(weighted.iter()) {
            *sums = std::array::from_fn(|part| L::load(weighted, at + part * L::COUNT));
        }
        for (index, value) in values.iter().enumerate() {
            let value: [L; V] = std::array::from_fn(|part| T::load(value, at + part * L::COUNT));
            for (sums, weights) in sums.iter_mut().zip(weights) {
                let weight = L::splat(weights.get(index).copied().unwrap_or_default());
                for (sum, value) in sums.iter_mut().zip(value) {
                    *sum = sum.add_product(weight, value);
                }
            }
        }
        for (weighted, sums) in weighted.iter_mut().zip(sums) {
            for (part, sum) in sums.into_iter().enumerate() {
                sum.store(weighted, at + part * L::COUNT);
            }
        }
    }
}

/// Writes keys as columns, zeros behind the last: four keys by four elements at a time, which are registers.
#[inline(always)]
fn turn_over<T: Loaded, const D: usize>(keys: &[[T; D]], columns: &mut [[f32; KEYS]; D]) {
    if keys.len() < KEYS {
        *columns = [[0.0; KEYS]; D];
    }
    let (fours, rest) = keys.as_chunks::<4>();
    for (index, keys) in fours.iter().enumerate() {
        let keys = keys.each_ref().map(|key| key.as_chunks::<4>().0);
        for (columns, place) in columns.as_chunks_mut::<4>().0.iter_mut().zip(0..) {
            let part: [[f32; 4]; 4] =
                keys.map(|key| key.get(place).map_or([0.0; 4], |elements| elements.map(Loaded::float)));
            for (element, column) in columns.iter_mut().enumerate() {
                if let Some(slots) = column.as_chunks_mut::<4>().0.get_mut(index) {
                    *slots = part.map(|key| key[element]);
                }
            }
        }
    }
    for (index, key) in rest.iter().enumerate() {
        for (column, element) in columns.iter_mut().zip(key) {
            if let Some(slot) = column.get_mut(fours.len() * 4 + index) {
                *slot = element.float();
            }
        }
    }
}
