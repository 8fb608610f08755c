//! The gate of a feed-forward layer by every kernel of this CPU against float64.
#![allow(clippy::unwrap_used)]

use proptest::prelude::*;
use wheelwork_kernels::{Kernel, KernelError};

fn expected(gate: f32, up: f32) -> f64 {
    let x = f64::from(gate);
    x / (1.0 + (-x).exp()) * f64::from(up)
}

proptest! {
    #[test]
    fn every_kernel_finds_what_float64_does(
        numbers in prop::collection::vec((-120.0_f32..120.0, -1e3_f32..1e3), 0..100),
    ) {
        let (gate, up): (Vec<_>, Vec<_>) = numbers.iter().copied().unzip();
        for kernel in Kernel::available() {
            let mut found = gate.clone();
            kernel.gate(&mut found, &up).unwrap();
            for (found, (gate, up)) in found.iter().zip(&numbers) {
                let expected = expected(*gate, *up);
                let error = (f64::from(*found) - expected).abs();
                prop_assert!(error <= 1e-6 * expected.abs() + 1e-30, "{kernel:?}: {gate} by {up} is {found}, not {expected}");
            }
        }
    }
}

#[test]
fn what_is_no_number_or_has_no_end_stays_so() {
    for kernel in Kernel::available() {
        let mut found = [f32::NAN, f32::INFINITY, 0.0, -0.0, 1.0];
        kernel.gate(&mut found, &[1.0, 2.0, 3.0, 4.0, f32::NAN]).unwrap();
        assert!(found[0].is_nan() && found[4].is_nan(), "{kernel:?}");
        assert_eq!((found[1], found[2], found[3]), (f32::INFINITY, 0.0, 0.0), "{kernel:?}");
    }
}

#[test]
fn another_length_is_refused() {
    for kernel in Kernel::available() {
        let error = kernel.gate(&mut [1.0; 3], &[1.0; 4]).unwrap_err();
        assert!(matches!(error, KernelError::Length { found: 3, expected: 4, .. }), "{kernel:?}");
    }
}
