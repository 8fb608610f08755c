//! The kernels of this CPU.

use std::ops::Range;

#[cfg(target_arch = "aarch64")]
use crate::aarch64;
use crate::activations::{Activations, RowsToFill};
use crate::error::{KernelError, length};
use crate::instances::{each_panel, for_rows};
use crate::portable::multiply as multiply_portably;
use crate::shape::COLUMNS;
use crate::tile::PANEL_ROWS;
use crate::weights::Weights;
#[cfg(target_arch = "x86_64")]
use crate::x86::{avx2, avx512};

/// An instruction set with a kernel.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kernel {
    /// None in particular.
    Portable,
    /// x86-64 with AVX2, FMA and F16C.
    Avx2,
    /// The same with AVX-VNNI.
    AvxVnni,
    /// x86-64 with AVX-512 VNNI.
    Avx512Vnni,
    /// Arm 64-bit with the dot product instructions.
    DotProduct,
}

/// Every kernel, the best first.
const ALL: [Kernel; 5] =
    [Kernel::Avx512Vnni, Kernel::AvxVnni, Kernel::Avx2, Kernel::DotProduct, Kernel::Portable];

impl Kernel {
    /// Those of this CPU, the best first.
    #[must_use]
    pub fn available() -> Vec<Self> {
        ALL.into_iter().filter(|kernel| kernel.is_here()).collect()
    }

    /// The best one of this CPU.
    #[must_use]
    pub fn best() -> Self {
        ALL.into_iter().find(|kernel| kernel.is_here()).unwrap_or(Self::Portable)
    }

    /// For records and reports.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Portable => "portable",
            Self::Avx2 => "avx2",
            Self::AvxVnni => "avx-vnni",
            Self::Avx512Vnni => "avx512-vnni",
            Self::DotProduct => "dot-product",
        }
    }

    fn is_here(self) -> bool {
        match self {
            Self::Portable => true,
            #[cfg(target_arch = "x86_64")]
            Self::Avx2 => avx2::is_here(),
            #[cfg(target_arch = "x86_64")]
            Self::AvxVnni => avx2::has_vnni(),
            #[cfg(target_arch = "x86_64")]
            Self::Avx512Vnni => avx512::is_here(),
            #[cfg(target_arch = "aarch64")]
            Self::DotProduct => aarch64::is_here(),
            #[allow(unreachable_patterns)]
            _ => false,
        }
    }

    /// How many rows a panel of so many has: all of a few, or as many as the registers hold.
    #[must_use]
    pub fn panel_rows(self, rows: usize) -> usize {
        let many = match self {
            Self::Avx512Vnni => 6,
            _ => 4,
        };
        if rows <= PANEL_ROWS { rows.max(1) } else { many }
    }

    /// Fills some rows of activations from as many rows of K floats.
    ///
    /// # Errors
    /// [`KernelError`].
    pub fn quantize(self, rows: RowsToFill<'_>, x: &[f32]) -> Result<(), KernelError> {
        rows.check(x)?;
        match self {
            #[cfg(target_arch = "x86_64")]
            Self::Avx2 | Self::AvxVnni => avx2::quantize(rows, x),
            #[cfg(target_arch = "x86_64")]
            Self::Avx512Vnni => avx512::quantize(rows, x),
            _ => {
                rows.quantize(x);
                Ok(())
            }
        }
    }

    /// Multiplies all rows by some tiles of a matrix. `results` has for each row of activations the columns of these tiles:
    /// 16 a tile, fewer in the matrix's last.
    ///
    /// # Errors
    /// [`KernelError::Length`] where the slices do not fit each other, [`KernelError::NotOnThisCpu`].
    pub fn multiply(
        self,
        weights: &Weights<'_>,
        tiles: Range<usize>,
        activations: &Activations,
        results: &mut [&mut [f32]],
    ) -> Result<(), KernelError> {
        let shape = weights.shape();
        if !activations.fit(shape) {
            return Err(KernelError::Length { what: "activations", found: 0, expected: shape.k() });
        }
        length("rows of results", results.len(), activations.rows())?;
        let columns = |tile: usize| (tile * COLUMNS).min(shape.n());
        let (first, end) = (columns(tiles.start), columns(tiles.end));
        for row in results.iter() {
            length("columns of results", row.len(), end.saturating_sub(first))?;
        }
        match self {
            #[cfg(target_arch = "x86_64")]
            Self::Avx512Vnni => avx512::multiply(weights, tiles, activations, results),
            #[cfg(target_arch = "x86_64")]
            Self::Avx2 => avx2::multiply(weights, tiles, activations, results),
            #[cfg(target_arch = "x86_64")]
            Self::AvxVnni => avx2::multiply_with_vnni(weights, tiles, activations, results),
            #[cfg(target_arch = "aarch64")]
            Self::DotProduct => aarch64::multiply(weights, tiles, activations, results),
            Self::Portable => {
                each_panel!((weights, tiles, activations) => results, |tile, panel, found| {
                    for_rows!(panel.rows, multiply_portably(shape, &tile, &panel, &mut found));
                });
                Ok(())
            }
            #[allow(unreachable_patterns)]
            _ => Err(KernelError::NotOnThisCpu),
        }
    }
}
