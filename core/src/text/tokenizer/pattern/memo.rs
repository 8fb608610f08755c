//! What is known of going on from an instruction at a place of the text.
//!
//! It holds wherever the search began, so it is kept from match to match; what lies before the current match is not asked
//! for again and given back.

use std::collections::VecDeque;

use wheelwork_package::budget::PATTERN_MEMO_BYTES;

/// What is known of an instruction at a place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Known {
    Nothing = 0,
    /// Nothing matches from there.
    Failed = 1,
    /// Within what is looked at: something matches from there.
    Matched = 2,
}

/// A table of two bits a slot and place.
pub(super) struct Memo {
    row_bytes: usize,
    /// The place of the first row.
    first: usize,
    cells: VecDeque<u8>,
}

impl Memo {
    pub(super) fn new(slots: usize) -> Self {
        Self { row_bytes: slots.div_ceil(4), first: 0, cells: VecDeque::new() }
    }

    pub(super) fn get(&self, slot: usize, at: usize) -> Known {
        let cell = self.cell(slot, at).and_then(|cell| self.cells.get(cell));
        match cell.map_or(0, |byte| byte >> (slot % 4 * 2) & 3) {
            0 => Known::Nothing,
            1 => Known::Failed,
            _ => Known::Matched,
        }
    }

    /// Notes it, unless there is no room: then it may be found out again, at the budget's expense. Gives how many bytes
    /// the table grew by.
    pub(super) fn set(&mut self, slot: usize, at: usize, known: Known) -> usize {
        let Some(cell) = self.cell(slot, at) else { return 0 };
        if cell >= PATTERN_MEMO_BYTES.as_usize() {
            return 0;
        }
        let before = self.cells.len();
        if cell >= before {
            self.cells.resize(cell + self.row_bytes, 0);
        }
        let shift = slot % 4 * 2;
        if let Some(byte) = self.cells.get_mut(cell) {
            *byte = *byte & !(3 << shift) | (known as u8) << shift;
        }
        self.cells.len() - before
    }

    /// Gives back the rows before a place.
    pub(super) fn forget_before(&mut self, at: usize) {
        let rows = at.saturating_sub(self.first);
        self.cells.drain(..rows.saturating_mul(self.row_bytes).min(self.cells.len()));
        self.first = self.first.max(at);
    }

    fn cell(&self, slot: usize, at: usize) -> Option<usize> {
        at.checked_sub(self.first)?.checked_mul(self.row_bytes)?.checked_add(slot / 4)
    }
}
