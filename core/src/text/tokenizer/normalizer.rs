//! What is done to a text before it is cut into words: Unicode's forms, replacements.
//!
//! Each step may make a text longer, and the next one multiplies that, so all that the steps write is counted against the
//! budget's bytes.

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::Value;
use unicode_normalization_alignments::UnicodeNormalization;
use wheelwork_package::budget::{Budget, Exhausted};

use super::pattern::{Program, Search};
use super::patterns::{PatternText, Patterns, StepFault};

/// The steps, as they stand in the file.
#[derive(Deserialize)]
#[serde(tag = "type")]
enum Described {
    #[serde(rename = "NFC")]
    Nfc,
    #[serde(rename = "NFD")]
    Nfd,
    #[serde(rename = "NFKC")]
    Nfkc,
    #[serde(rename = "NFKD")]
    Nfkd,
    Sequence {
        normalizers: Vec<Described>,
    },
    Replace {
        pattern: PatternText,
        content: String,
    },
    Prepend {
        prepend: String,
    },
}

enum Step {
    Form(Form),
    Replace { pattern: Program, content: String },
    Prepend(String),
}

/// Unicode's normalization forms.
#[derive(Clone, Copy)]
enum Form {
    Nfc,
    Nfd,
    Nfkc,
    Nfkd,
}

/// The steps in their order.
pub(super) struct Normalizer(Vec<Step>);

impl Normalizer {
    pub(super) fn new(described: Option<Value>, patterns: &mut Patterns) -> Result<Self, StepFault> {
        let mut steps = Vec::new();
        if let Some(described) = described {
            flatten(serde_json::from_value(described)?, patterns, &mut steps)?;
        }
        Ok(Self(steps))
    }

    /// The text as words are cut of it.
    pub(super) fn normalize<'t>(&self, text: &'t str, budget: &Budget) -> Result<Cow<'t, str>, Exhausted> {
        let mut text = Cow::Borrowed(text);
        for step in &self.0 {
            if let Some(next) = step.apply(&text, budget)? {
                text = Cow::Owned(next);
            }
        }
        Ok(text)
    }
}

fn flatten(described: Described, patterns: &mut Patterns, steps: &mut Vec<Step>) -> Result<(), StepFault> {
    steps.push(match described {
        Described::Nfc => Step::Form(Form::Nfc),
        Described::Nfd => Step::Form(Form::Nfd),
        Described::Nfkc => Step::Form(Form::Nfkc),
        Described::Nfkd => Step::Form(Form::Nfkd),
        Described::Replace { pattern, content } => {
            Step::Replace { pattern: patterns.compile("normalizer", &pattern)?, content }
        }
        Described::Prepend { prepend } => Step::Prepend(prepend),
        Described::Sequence { normalizers } => {
            return normalizers.into_iter().try_for_each(|step| flatten(step, patterns, steps));
        }
    });
    Ok(())
}

impl Step {
    /// `None` where it changes nothing.
    fn apply(&self, text: &str, budget: &Budget) -> Result<Option<String>, Exhausted> {
        let mut written = Written { text: String::new(), budget };
        match self {
            // No form changes these characters.
            Self::Form(_) if text.is_ascii() => return Ok(None),
            Self::Form(Form::Nfc) => text.nfc().try_for_each(|(char, _)| written.push(char))?,
            Self::Form(Form::Nfd) => text.nfd().try_for_each(|(char, _)| written.push(char))?,
            Self::Form(Form::Nfkc) => text.nfkc().try_for_each(|(char, _)| written.push(char))?,
            Self::Form(Form::Nfkd) => text.nfkd().try_for_each(|(char, _)| written.push(char))?,
            Self::Prepend(_) if text.is_empty() => return Ok(None),
            Self::Prepend(prepend) => {
                written.push_str(prepend)?;
                written.push_str(text)?;
            }
            Self::Replace { pattern, content } => {
                // The library finds nothing in an empty text.
                let mut search = Search::new(pattern, text, budget);
                let mut rest = 0;
                while !text.is_empty()
                    && let Some(found) = search.next()?
                {
                    written.push_str(&text[rest..found.start])?;
                    written.push_str(content)?;
                    rest = found.end;
                }
                written.push_str(&text[rest..])?;
            }
        }
        Ok(Some(written.text))
    }
}

/// What a step writes; each byte is taken from the budget.
struct Written<'b> {
    text: String,
    budget: &'b Budget,
}

impl Written<'_> {
    fn push(&mut self, char: char) -> Result<(), Exhausted> {
        self.budget.take_bytes(char.len_utf8() as u64)?;
        self.text.push(char);
        Ok(())
    }

    fn push_str(&mut self, text: &str) -> Result<(), Exhausted> {
        self.budget.take_bytes(text.len() as u64)?;
        self.text.push_str(text);
        Ok(())
    }
}
