//! Options of providers, checked by us: the providers themselves take anything misspelt without a word.

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
#[allow(missing_docs)] // the fields are what the messages say
pub enum OptionError {
    /// No option of that name.
    #[error("{provider} has no option `{name}`: there are {known}")]
    Unknown { provider: &'static str, name: String, known: String },
    /// A value that the option does not take.
    #[error("the option `{name}` of {provider} is `{value}`, expected {expected}")]
    Value { provider: &'static str, name: &'static str, value: String, expected: String },
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

/// Compares what a caller gives with the rules of a provider.
pub(super) fn check(
    provider: &'static str,
    rules: &'static [OptionRule],
    options: &[(String, String)],
) -> Result<(), OptionError> {
    for (name, value) in options {
        let Some(rule) = rules.iter().find(|rule| rule.name == name) else {
            let known: Vec<_> = rules.iter().map(|rule| rule.name).collect();
            return Err(OptionError::Unknown {
                provider,
                name: name.clone(),
                known: if known.is_empty() { "none".to_owned() } else { known.join(", ") },
            });
        };
        if !rule.values.takes(value) {
            return Err(OptionError::Value {
                provider,
                name: rule.name,
                value: value.clone(),
                expected: rule.values.describe(),
            });
        }
    }
    Ok(())
}
