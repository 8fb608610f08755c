//! Numbers across the language boundary.

/// A count; one beyond 32 bits is shown as the largest there is.
pub(crate) fn count(number: usize) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}

/// A limit; one that this machine cannot count to is none.
pub(crate) fn limit(number: u32) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}
