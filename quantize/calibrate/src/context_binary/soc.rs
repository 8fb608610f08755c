//! Systems-on-chip that the compiler knows, with its numbers for them.
//!
//! Found by compiling for each and reading what the binary says of itself (QAIRT 2.51). The architecture alone is not
//! enough for the compiler: it takes half of the fast memory then, and an unknown one silently means v68.

/// A system-on-chip.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Soc {
    /// Qualcomm's part number in lower case.
    pub name: &'static str,
    /// The compiler's number.
    pub soc_model: u32,
    /// Version of the NPU's architecture, as in 75 for v75.
    pub arch: u32,
}

/// Every system-on-chip that can be named.
#[rustfmt::skip]
pub const SOCS: &[Soc] = &[
    soc("sm8350", 30, 68), soc("sm8450", 36, 69), soc("sm8550", 43, 73), soc("sm8635", 68, 73),
    soc("sm8650", 57, 75), soc("sm8750", 69, 79), soc("sm8845", 97, 81), soc("sm8850", 87, 81),
    soc("sm7450", 41, 68), soc("sm7475", 54, 68), soc("sm7550", 64, 73), soc("sm7635", 73, 73),
    soc("sm7675", 70, 73), soc("sm7750", 86, 73),
    soc("sc8280x", 37, 68), soc("sc8380xp", 60, 73), soc("sc8440xp", 94, 81), soc("sc8480xp", 88, 81),
    soc("sa8255", 52, 73), soc("qcs8550", 66, 73), soc("qcs9100", 77, 73), soc("qcs8300", 82, 75),
    soc("cq8725s", 104, 79),
];

impl Soc {
    /// By part number, in upper or lower case.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        SOCS.iter().find(|soc| soc.name.eq_ignore_ascii_case(name)).copied()
    }
}

const fn soc(name: &'static str, soc_model: u32, arch: u32) -> Soc {
    Soc { name, soc_model, arch }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_numbers_are_unique() {
        for (index, soc) in SOCS.iter().enumerate() {
            assert_eq!(Soc::named(&soc.name.to_uppercase()), Some(*soc));
            assert!(SOCS.iter().skip(index + 1).all(|other| other.soc_model != soc.soc_model), "{soc:?}");
        }
        assert_eq!(Soc::named("sm9999"), None);
    }
}
