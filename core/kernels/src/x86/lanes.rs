//! The registers of AVX2 and AVX-512 as [`Lanes`]. Whoever uses them has found out that the CPU has them.

#[allow(clippy::wildcard_imports, reason = "an instruction set is used by its own names")]
use std::arch::x86_64::*;

use crate::attention::lanes::Lanes;

/// Eight floats, with AVX2 and FMA.
#[derive(Clone, Copy)]
pub(super) struct Eight(__m256);

/// Sixteen floats, with AVX-512 F, BW and VL.
#[derive(Clone, Copy)]
pub(super) struct Sixteen(__m512);

/// The methods that are one instruction each. Inlined into a function that has the instruction set.
macro_rules! lanes {
    ($name:ident, $count:literal,
        [$splat:ident, $load:ident, $store:ident, $fma:ident, $add:ident, $mul:ident, $div:ident, $max:ident],
        $codes:ident, $rounded:ident, $power:ident, $sum:ident, $largest:ident) => {
        // SAFETY, of all of them: whoever has made one is in a function with the instruction set; loads and stores are within
        // their slices, which are as long as a register.
        #[allow(unsafe_code)]
        impl Lanes for $name {
            const COUNT: usize = $count;

            #[inline(always)]
            fn splat(value: f32) -> Self {
                Self(unsafe { $splat(value) })
            }

            #[inline(always)]
            fn load<const N: usize>(from: &[f32; N], at: usize) -> Self {
                match from.get(at..at + $count) {
                    Some(from) => Self(unsafe { $load(from.as_ptr()) }),
                    None => Self::splat(0.0),
                }
            }

            #[inline(always)]
            fn load_codes<const N: usize>(from: &[i8; N], at: usize) -> Self {
                match from.get(at..at + $count) {
                    Some(from) => Self(unsafe { $codes(from.as_ptr()) }),
                    None => Self::splat(0.0),
                }
            }

            #[inline(always)]
            fn store<const N: usize>(self, to: &mut [f32; N], at: usize) {
                if let Some(to) = to.get_mut(at..at + $count) {
                    unsafe { $store(to.as_mut_ptr(), self.0) }
                }
            }

            #[inline(always)]
            fn add_product(self, a: Self, b: Self) -> Self {
                Self(unsafe { $fma(a.0, b.0, self.0) })
            }

            #[inline(always)]
            fn add(self, other: Self) -> Self {
                Self(unsafe { $add(self.0, other.0) })
            }

            #[inline(always)]
            fn times(self, other: Self) -> Self {
                Self(unsafe { $mul(self.0, other.0) })
            }

            #[inline(always)]
            fn divided_by(self, other: Self) -> Self {
                Self(unsafe { $div(self.0, other.0) })
            }

            #[inline(always)]
            fn largest_of(self, other: Self) -> Self {
                Self(unsafe { $max(self.0, other.0) })
            }

            #[inline(always)]
            fn rounded(self) -> Self {
                Self(unsafe { $rounded(self.0) })
            }

            #[inline(always)]
            fn scaled_by_power(self, power: Self) -> Self {
                Self(unsafe { $power(self.0, power.0) })
            }

            #[inline(always)]
            fn ask_for<T>(element: &T) {
                unsafe { _mm_prefetch::<_MM_HINT_T0>(std::ptr::from_ref(element).cast()) }
            }

            #[inline(always)]
            fn sum(self) -> f32 {
                unsafe { $sum(self.0) }
            }

            #[inline(always)]
            fn largest(self) -> f32 {
                unsafe { $largest(self.0) }
            }
        }
    };
}

#[target_feature(enable = "avx2,fma")]
#[inline]
#[allow(unsafe_code, reason = "a load")]
unsafe fn eight_codes(from: *const i8) -> __m256 {
    // SAFETY: the caller's slice has eight.
    _mm256_cvtepi32_ps(_mm256_cvtepi8_epi32(unsafe { _mm_loadl_epi64(from.cast()) }))
}

#[target_feature(enable = "avx2,fma")]
#[inline]
fn eight_rounded(value: __m256) -> __m256 {
    _mm256_round_ps::<{ _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC }>(value)
}

#[target_feature(enable = "avx2,fma")]
#[inline]
fn eight_by_power(value: __m256, power: __m256) -> __m256 {
    let exponent = _mm256_add_epi32(_mm256_cvtps_epi32(power), _mm256_set1_epi32(127));
    _mm256_mul_ps(value, _mm256_castsi256_ps(_mm256_slli_epi32::<23>(exponent)))
}

#[target_feature(enable = "avx2,fma")]
#[inline]
fn eight_sum(value: __m256) -> f32 {
    let four = _mm_add_ps(_mm256_castps256_ps128(value), _mm256_extractf128_ps::<1>(value));
    let two = _mm_add_ps(four, _mm_movehl_ps(four, four));
    _mm_cvtss_f32(_mm_add_ss(two, _mm_shuffle_ps::<1>(two, two)))
}

#[target_feature(enable = "avx2,fma")]
#[inline]
fn eight_largest(value: __m256) -> f32 {
    let four = _mm_max_ps(_mm256_castps256_ps128(value), _mm256_extractf128_ps::<1>(value));
    let two = _mm_max_ps(four, _mm_movehl_ps(four, four));
    _mm_cvtss_f32(_mm_max_ss(two, _mm_shuffle_ps::<1>(two, two)))
}

lanes!(
    Eight,
    8,
    [
        _mm256_set1_ps,
        _mm256_loadu_ps,
        _mm256_storeu_ps,
        _mm256_fmadd_ps,
        _mm256_add_ps,
        _mm256_mul_ps,
        _mm256_div_ps,
        _mm256_max_ps
    ],
    eight_codes,
    eight_rounded,
    eight_by_power,
    eight_sum,
    eight_largest
);

#[target_feature(enable = "avx512f")]
#[inline]
#[allow(unsafe_code, reason = "a load")]
unsafe fn sixteen_codes(from: *const i8) -> __m512 {
    // SAFETY: the caller's slice has sixteen.
    _mm512_cvtepi32_ps(_mm512_cvtepi8_epi32(unsafe { _mm_loadu_si128(from.cast()) }))
}

#[target_feature(enable = "avx512f")]
#[inline]
fn sixteen_rounded(value: __m512) -> __m512 {
    _mm512_roundscale_ps::<_MM_FROUND_TO_NEAREST_INT>(value)
}

lanes!(
    Sixteen,
    16,
    [
        _mm512_set1_ps,
        _mm512_loadu_ps,
        _mm512_storeu_ps,
        _mm512_fmadd_ps,
        _mm512_add_ps,
        _mm512_mul_ps,
        _mm512_div_ps,
        _mm512_max_ps
    ],
    sixteen_codes,
    sixteen_rounded,
    _mm512_scalef_ps,
    _mm512_reduce_add_ps,
    _mm512_reduce_max_ps
);
