//! A NEON register as [`Lanes`].

#[allow(clippy::wildcard_imports, reason = "an instruction set is used by its own names")]
use std::arch::aarch64::*;
use std::arch::asm;

use crate::attention::lanes::Lanes;

/// Four floats. Every 64-bit Arm has them.
#[derive(Clone, Copy)]
pub(super) struct Four(float32x4_t);

// SAFETY, of all of them: NEON is part of the architecture; loads and stores are within their slices, which are as long as a
// register.
#[allow(unsafe_code)]
impl Lanes for Four {
    const COUNT: usize = 4;

    #[inline(always)]
    fn splat(value: f32) -> Self {
        Self(unsafe { vdupq_n_f32(value) })
    }

    #[inline(always)]
    fn load<const N: usize>(from: &[f32; N], at: usize) -> Self {
        match from.get(at..at + 4) {
            Some(from) => Self(unsafe { vld1q_f32(from.as_ptr()) }),
            None => Self::splat(0.0),
        }
    }

    #[inline(always)]
    fn load_codes<const N: usize>(from: &[i8; N], at: usize) -> Self {
        let codes: [i8; 4] = from.get(at..).and_then(|from| from.first_chunk()).copied().unwrap_or_default();
        let both = i64::from(u32::from_le_bytes(codes.map(i8::cast_unsigned)));
        Self(unsafe {
            let wide = vmovl_s8(vreinterpret_s8_s64(vdup_n_s64(both)));
            vcvtq_f32_s32(vmovl_s16(vget_low_s16(wide)))
        })
    }

    #[inline(always)]
    fn store<const N: usize>(self, to: &mut [f32; N], at: usize) {
        if let Some(to) = to.get_mut(at..at + 4) {
            unsafe { vst1q_f32(to.as_mut_ptr(), self.0) }
        }
    }

    #[inline(always)]
    fn add_product(self, a: Self, b: Self) -> Self {
        Self(unsafe { vfmaq_f32(self.0, a.0, b.0) })
    }

    #[inline(always)]
    fn add(self, other: Self) -> Self {
        Self(unsafe { vaddq_f32(self.0, other.0) })
    }

    #[inline(always)]
    fn times(self, other: Self) -> Self {
        Self(unsafe { vmulq_f32(self.0, other.0) })
    }

    #[inline(always)]
    fn divided_by(self, other: Self) -> Self {
        Self(unsafe { vdivq_f32(self.0, other.0) })
    }

    #[inline(always)]
    fn largest_of(self, other: Self) -> Self {
        Self(unsafe { vmaxq_f32(self.0, other.0) })
    }

    #[inline(always)]
    fn rounded(self) -> Self {
        Self(unsafe { vrndnq_f32(self.0) })
    }

    #[inline(always)]
    fn scaled_by_power(self, power: Self) -> Self {
        Self(unsafe {
            let exponent = vaddq_s32(vcvtnq_s32_f32(power.0), vdupq_n_s32(127));
            vmulq_f32(self.0, vreinterpretq_f32_s32(vshlq_n_s32::<23>(exponent)))
        })
    }

    #[inline(always)]
    fn ask_for<T>(element: &T) {
        unsafe { asm!("prfm pldl1keep, [{0}]", in(reg) element, options(nostack, readonly, preserves_flags)) }
    }

    #[inline(always)]
    fn sum(self) -> f32 {
        unsafe { vaddvq_f32(self.0) }
    }

    #[inline(always)]
    fn largest(self) -> f32 {
        unsafe { vmaxvq_f32(self.0) }
    }
}
