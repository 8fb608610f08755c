//! Why an answer can't be held to a form.

use wheelwork_diagnostic::{
    Diagnosis, Diagnostic, Remedy, bug, choose, correct, report_with, retry, shorten, unsupported,
};
use wheelwork_package::budget::Exhausted;

/// Why an answer can't be held to a form. `detail` may quote the form, never an answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[allow(missing_docs)] // the fields are what the messages say
pub enum OutputError {
    /// A form that is too long.
    #[error("the output's form has {bytes} bytes, expected at most {limit}")]
    TooLarge { bytes: usize, limit: usize },
    /// Brackets within brackets.
    #[error("the output's form is nested {depth} deep, expected at most {limit}")]
    TooDeep { depth: usize, limit: usize },
    /// A grammar of too many rules and terminals.
    #[error("the grammar has {definitions} definitions, expected at most {limit}")]
    TooManyDefinitions { definitions: usize, limit: usize },
    /// The form would take more work to compile than is granted.
    #[error("the output's form is too much to compile: {0}")]
    Compiling(Exhausted),
    /// A schema whose text is not JSON; line and column count from 1.
    #[error("the schema is not JSON: it breaks off in line {line}, column {column}")]
    NotJson { line: usize, column: usize },
    /// The form has a fault, or says what can't be held.
    #[error("the {kind} can't be used: {detail}")]
    Invalid { kind: &'static str, detail: String },
    /// A vocabulary that no trie can be made of.
    #[error("the tokenizer's {bytes} bytes of tokens are too many to match: expected at most {limit}")]
    Vocabulary { bytes: usize, limit: usize },
    /// One token would have taken more work than is granted.
    #[error("the form needs more work than is granted for one token, after {tokens} tokens of the answer")]
    TooComplex { tokens: usize },
    /// The vocabulary has no token that goes on as the form wants.
    #[error("no token goes on with the answer as its form wants, after {tokens} tokens of it")]
    DeadEnd { tokens: usize },
    /// A token that the form does not allow, for instance in a turn from a file; counted from 0.
    #[error("token {position} of the answer is not what its form allows")]
    NotAllowed { position: usize },
    /// llguidance panicked.
    #[error("matching the output's form failed within its library")]
    Library,
}

impl Diagnostic for OutputError {
    fn diagnosis(&self) -> Diagnosis {
        match self {
            Self::TooLarge { .. } => retry("output_too_large", shorten(CONSTRAINT)),
            Self::TooDeep { .. } => retry("output_too_deep", shorten(CONSTRAINT)),
            Self::TooManyDefinitions { .. } => retry("output_too_many_definitions", shorten(CONSTRAINT)),
            Self::Compiling(limit) => {
                let place = match limit {
                    Exhausted::Limit(limit) => limit.name,
                    Exhausted::Cancelled => "the form",
                };
                retry("output_too_much_to_compile", shorten(CONSTRAINT)).at(place)
            }
            Self::NotJson { .. } => retry("output_not_json", correct("the schema's JSON")),
            Self::Invalid { .. } => retry(
                "output_invalid",
                correct("the output constraint; docs/structured-output.md lists what it may say"),
            ),
            Self::Vocabulary { .. } => unsupported(
                "output_vocabulary",
                choose("a model with a smaller vocabulary, or no output constraint"),
            ),
            Self::TooComplex { .. } => retry(
                "output_too_complex",
                shorten("the output constraint: shorter repetitions, fewer alternatives"),
            ),
            Self::DeadEnd { .. } => retry(
                "output_dead_end",
                correct("the output constraint: allow characters that the model has tokens for"),
            ),
            Self::NotAllowed { .. } => retry("output_not_allowed", Remedy::Retry),
            Self::Library => bug("output_library", report_with("the output constraint")),
        }
    }
}

const CONSTRAINT: &str = "the output constraint, or split it over several turns";
