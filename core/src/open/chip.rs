//! What this machine is to compiled graphs: its system-on-chip, and the libraries that compiled or would compile them.

use wheelwork_package::card::ContextBinary;

/// The provider's compiler on devices.
pub(super) const COMPILERS: [&str; 2] = ["libQnnHtpPrepare.so", "QnnHtpPrepare.dll"];

/// The binaries for a system-on-chip: by the compiler's number of it, which the caller named, else by its part number.
pub(super) fn matching<'b>(
    binaries: &'b [ContextBinary],
    named: Option<&str>,
    here: Option<&str>,
) -> Option<&'b ContextBinary> {
    binaries.iter().find(|binary| match (named, here) {
        (Some(number), _) => binary.soc_model.to_string() == number,
        (None, Some(here)) => here.starts_with(&binary.soc),
        (None, None) => false,
    })
}

/// Linux and Android tell the part number in lower case or upper, as in `SM8650`.
pub(super) fn system_on_chip() -> Option<String> {
    let read = |path: &str| std::fs::read_to_string(path).ok();
    let name = read("/sys/devices/soc0/machine").or_else(|| read("/sys/devices/soc0/chip_id"))?;
    Some(name.trim().to_lowercase())
}

#[cfg(test)]
mod tests {
    use wheelwork_package::card::Packing;

    use super::*;

    #[test]
    fn pk_11_binaries_of_another_system_on_chip_are_not_taken() {
        let binary = |soc: &str, soc_model| ContextBinary {
            soc: soc.to_owned(),
            arch: "v75".to_owned(),
            soc_model,
            parts: Vec::new(),
            compatibility: String::new(),
            sdk: String::new(),
            packing: Packing::PerGraph,
        };
        let binaries = [binary("sm8650", 57), binary("sm8750", 69)];
        let found = |named, here| matching(&binaries, named, here).map(|binary| binary.soc_model);
        assert_eq!(found(None, Some("sm8750p")), Some(69));
        assert_eq!(found(None, Some("sm8550")), None);
        assert_eq!(found(None, None), None, "a machine that tells nothing gets none by guess");
        assert_eq!(found(Some("57"), Some("sm8750")), Some(57), "the caller's word counts");
        assert_eq!(found(Some("60"), Some("sm8750")), None);
    }
}
