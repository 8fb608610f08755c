//! Sizes in ledgers.

/// In tenths of a megabyte, rounded up: small enough to see what grows, and coarse enough not to change with everything.
pub(crate) fn at_most(bytes: u64) -> String {
    let tenths = bytes.div_ceil(100_000);
    format!("at most {}.{} MB", tenths / 10, tenths % 10)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_size_is_told_in_tenths_rounded_up() {
        assert_eq!(at_most(5_900_000), "at most 5.9 MB");
        assert_eq!(at_most(5_900_001), "at most 6.0 MB");
    }
}
