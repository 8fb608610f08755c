//! The gate of a feed-forward layer: `silu(gate) · up`, where `silu(x) = x / (1 + e^-x)` (Shazeer, arXiv:2002.05202).

pub(crate) mod silu;

use crate::error::{KernelError, length};
use crate::kernel::Kernel;
use crate::portable::Four;
#[cfg(target_arch = "x86_64")]
use crate::x86::{avx2, avx512};

impl Kernel {
    /// Multiplies the sigmoid linear units of `gate` by `up`, in place; relative error below 1e-6. Below -88 a unit is `x / e^88`,
    /// which is next to nothing.
    ///
    /// # Errors
    /// [`KernelError::Length`] where one slice is longer than the other, [`KernelError::NotOnThisCpu`].
    pub fn gate(self, gate: &mut [f32], up: &[f32]) -> Result<(), KernelError> {
        length("activations of the gate", gate.len(), up.len())?;
        match self {
            #[cfg(target_arch = "x86_64")]
            Self::Avx512Vnni => avx512::gate(gate, up),
            #[cfg(target_arch = "x86_64")]
            Self::Avx2 | Self::AvxVnni => avx2::gate(gate, up),
            #[cfg(target_arch = "aarch64")]
            Self::DotProduct => {
                crate::aarch64::gate(gate, up);
                Ok(())
            }
            Self::Portable => {
                silu::multiply::<Four>(gate, up);
                Ok(())
            }
            #[allow(unreachable_patterns)]
            _ => Err(KernelError::NotOnThisCpu),
        }
    }
}
