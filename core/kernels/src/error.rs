//! Why nothing was multiplied.

/// Why nothing was multiplied.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KernelError {
    /// A matrix that no kernel computes.
    Unsupported {
        /// What of it.
        what: &'static str,
        /// Its value.
        found: u64,
        /// What is computed.
        expected: &'static str,
    },
    /// A slice is not as long as the shape says.
    Length {
        /// Which one.
        what: &'static str,
        /// Its length.
        found: usize,
        /// The length by the shape.
        expected: usize,
    },
    /// The shape's bits of a scale do not have it exactly.
    Scale {
        /// Its place among the scales that were given.
        index: usize,
    },
    /// A code or a zero point uses more bits than the shape has.
    Code {
        /// Its byte's place among the codes, or among the zero points.
        index: usize,
    },
    /// The CPU lacks the instruction set.
    NotOnThisCpu,
}

impl std::fmt::Display for KernelError {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Unsupported { what, found, expected } => {
                write!(formatter, "the matrix has {what} = {found}, expected {expected}")
            }
            Self::Length { what, found, expected } => {
                write!(formatter, "the {what} have {found} elements, expected {expected} by the shape")
            }
            Self::Scale { index } => {
                write!(formatter, "scale {index} has more bits than those of the matrix")
            }
            Self::Code { index } => write!(formatter, "byte {index} has a code of more bits than the matrix"),
            Self::NotOnThisCpu => formatter.write_str("the CPU lacks the kernel's instructions"),
        }
    }
}

impl std::error::Error for KernelError {}

/// Compares a length.
pub(crate) fn length(what: &'static str, found: usize, expected: usize) -> Result<(), KernelError> {
    if found == expected { Ok(()) } else { Err(KernelError::Length { what, found, expected }) }
}
