//! Sigmoid linear units by what they are the gate of, on the registers of any instruction set.

use crate::attention::lanes::Lanes;

/// Numbers that are computed at once: the longest register has as many.
const PIECE: usize = 16;

/// Multiplies the units of `gate` by `up`, in place.
#[inline(always)]
pub(crate) fn multiply<L: Lanes>(gate: &mut [f32], up: &[f32]) {
    let (pieces, rest) = gate.as_chunks_mut::<PIECE>();
    let (up_pieces, up_rest) = up.as_chunks::<PIECE>();
    pieces.iter_mut().zip(up_pieces).for_each(|(gate, up)| piece::<L>(gate, up));
    let (mut last, mut last_up) = ([0.0; PIECE], [0.0; PIECE]);
    last.iter_mut().zip(rest.iter()).for_each(|(slot, gate)| *slot = *gate);
    last_up.iter_mut().zip(up_rest).for_each(|(slot, up)| *slot = *up);
    piece::<L>(&mut last, &last_up);
    rest.iter_mut().zip(last).for_each(|(slot, number)| *slot = number);
}

#[inline(always)]
fn piece<L: Lanes>(gate: &mut [f32; PIECE], up: &[f32; PIECE]) {
    for at in (0..PIECE).step_by(L::COUNT) {
        let x = L::load(gate, at);
        // At most e^88, which is still a number.
        let power = x.largest_of(L::splat(-88.0)).times(L::splat(-1.0));
        let unit = x.divided_by(L::splat(1.0).add(power.exp()));
        unit.times(L::load(up, at)).store(gate, at);
    }
}
