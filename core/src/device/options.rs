//! Options of providers, checked by us: the providers themselves take anything misspelt without a word.

use super::placement::DevicePreference;
use super::table::{PROVIDERS, Provider, Support};

/// An option that a caller may set.
#[derive(Debug, Clone, Copy)]
pub struct OptionRule {
    /// As the provider calls it.
    pub name: &'static str,
    /// What it takes.
    pub values: Values,
}

/// What an option takes.
#[derive(Debug, Clone, Copy)]
pub enum Values {
    /// One of these words.
    OneOf(&'static [&'static str]),
    /// A whole number from the first to the second.
    Number(u32, u32),
    /// Any text that is not empty.
    Text,
}

/// Why an option is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum OptionError {
    /// No option of that name.
    #[error("{provider} has no option `{name}`: there are {known}")]
    Unknown {
        /// The provider.
        provider: &'static str,
        /// What was given.
        name: String,
        /// What it has.
        known: String,
    },
    /// A value that the option does not take.
    #[error("the option `{name}` of {provider} is `{value}`, expected {expected}")]
    Value {
        /// The provider.
        provider: &'static str,
        /// The option.
        name: &'static str,
        /// What was given.
        value: String,
        /// What it takes.
        expected: String,
    },
}

impl OptionRule {
    pub(super) const fn new(name: &'static str, values: Values) -> Self {
        Self { name, values }
    }
}

impl Values {
    fn takes(self, value: &str) -> bool {
        match self {
            Self::OneOf(words) => words.contains(&value),
            Self::Number(least, most) => {
                let digits = !value.is_empty() && value.bytes().all(|byte| byte.is_ascii_digit());
                digits && value.parse().is_ok_and(|number: u32| (least..=most).contains(&number))
            }
            Self::Text => !value.is_empty() && !value.contains('\0'),
        }
    }

    fn describe(self) -> String {
        match self {
            Self::OneOf(words) => words.join(" or "),
            Self::Number(least, most) => format!("a number from {least} to {most}"),
            Self::Text => "a text".to_owned(),
        }
    }
}

/// Checks options before any provider sees them: one that can be wanted must have them all. Where another one runs in
/// its place, they are not used.
///
/// # Errors
/// [`OptionError`], of the first such provider.
pub fn check_options(device: DevicePreference, options: &[(String, String)]) -> Result<(), OptionError> {
    let driven = PROVIDERS.iter().filter(|row| row.support != Support::NotInThisBuild);
    let mut refused = None;
    for provider in driven.filter(|row| device.wants(row.device)) {
        match provider.check_options(options) {
            Ok(()) => return Ok(()),
            Err(error) => refused = refused.or(Some(error)),
        }
    }
    refused.map_or(Ok(()), Err)
}

impl Provider {
    /// Checks options before the provider sees them.
    ///
    /// # Errors
    /// [`OptionError`], the first one.
    pub fn check_options(&self, options: &[(String, String)]) -> Result<(), OptionError> {
        for (name, value) in options {
            let Some(rule) = self.options.iter().find(|rule| rule.name == name) else {
                let known: Vec<_> = self.options.iter().map(|rule| rule.name).collect();
                return Err(OptionError::Unknown {
                    provider: self.ep,
                    name: name.clone(),
                    known: if known.is_empty() { "none".to_owned() } else { known.join(", ") },
                });
            };
            if !rule.values.takes(value) {
                return Err(OptionError::Value {
                    provider: self.ep,
                    name: rule.name,
                    value: value.clone(),
                    expected: rule.values.describe(),
                });
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(name: &str, value: &str) -> Result<(), OptionError> {
        let qnn = crate::device::table::row("QNNExecutionProvider").unwrap();
        qnn.check_options(&[(name.to_owned(), value.to_owned())])
    }

    #[test]
    fn options_are_those_of_a_provider_of_the_wanted_device() {
        let options = [("soc_model".to_owned(), "57".to_owned())];
        for device in [DevicePreference::Npu, DevicePreference::Auto] {
            assert_eq!(check_options(device, &options), Ok(()));
        }
        let error = check_options(DevicePreference::Cpu, &options).unwrap_err().to_string();
        assert!(error.contains("CPUExecutionProvider has no option"), "{error}");
        assert_eq!(check_options(DevicePreference::Cpu, &[]), Ok(()));
    }

    #[test]
    fn a_misspelt_option_or_value_is_refused_and_the_right_ones_are_named() {
        assert_eq!(check("soc_model", "57"), Ok(()));
        assert!(check("soc_modell", "57").unwrap_err().to_string().contains("soc_model,"));
        assert!(check("htp_arch", "74").unwrap_err().to_string().contains("73 or 75"));
        assert!(check("soc_model", "-1").is_err());
        assert!(check("soc_model", "+1").is_err());
        assert!(check("profiling_file_path", "").is_err());
    }
}
