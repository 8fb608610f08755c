//! How a command fails: any error of the libraries, told with its remedy.

use std::fmt::Display;
use std::io::IsTerminal;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use serde_json::json;
use wheelwork::FinishReason;
use wheelwork_calibrate::CalibrateError;
use wheelwork_calibrate::evaluate::EvaluateError;
use wheelwork_diagnostic::{Class, Diagnosis, Diagnostic, Remedy};
use wheelwork_package::container::pack::PackError;
use wheelwork_quantize::QuantizeError;

use crate::origin::HttpError;
use crate::remedy;
use crate::terminal::{columns, wrapped};

/// Why a command failed.
#[derive(Debug, thiserror::Error)]
#[allow(missing_docs)] // the fields are what the messages say
pub(crate) enum Failure {
    /// The person pressed Ctrl-C.
    #[error("interrupted")]
    Interrupted,
    /// An error of the libraries.
    #[error("{0}")]
    Library(Box<dyn Diagnostic>),
    /// The person pressed Ctrl-C, and the same command continues where this one ended.
    #[error("interrupted: what has arrived is kept")]
    Paused,
    /// The person pressed Ctrl-C, and the session's file holds the turn.
    #[error("interrupted: the session holds the turn as far as it came")]
    Suspended,
    /// An answer that is not whole, for scripts.
    #[error("the answer was cut{}: {}", held(*.is_held), cut_because(*.reason))]
    Cut { reason: FinishReason, is_held: bool },
    /// A conversation without a terminal and without a question.
    #[error("there is no question: standard input is empty and no terminal")]
    NothingAsked,
    /// What was verified is not what it should be.
    #[error("`{what}` is damaged: {}", .damage.join("; "))]
    Damaged { what: String, damage: Vec<String>, remedy: String },
    /// A `.wwpkg` file where a model is expected.
    #[error("`{}` is a package file that is not installed", .path.display())]
    NotInstalled { path: PathBuf },
    /// The name given with `--model` is neither a folder nor installed.
    #[error("there is no model `{name}`: no such folder, and none of that name in `{}`", .models_dir.display())]
    NoSuchModel { name: String, models_dir: PathBuf },
    /// A model's name on a hub.
    #[error("`{name}` is no folder here; it looks like a model's name on Hugging Face")]
    HubName { name: String },
    /// A file or folder that is a model of another kind.
    #[error("`{}` is {what}", .path.display())]
    OtherForm { path: PathBuf, what: &'static str, remedy: String },
    /// A path with nothing at its end.
    #[error("there is no `{}`", .path.display())]
    NoSuchPath { path: PathBuf },
    /// A name that this program keeps for itself.
    #[error("`{name}` ships inside this program: there is nothing to remove")]
    Shipped { name: String },
    /// The system names no folder for data.
    #[error("the system names no folder for models")]
    NoModelsDir,
    /// A file of the caller's.
    #[error("`{}` cannot be used: {detail}", .path.display())]
    InputFile { path: PathBuf, detail: String },
    /// A secret of the caller's that others can read.
    #[error("`{}` can be read by others: {permissions}", .path.display())]
    Exposed { path: PathBuf, permissions: String },
    /// A flag that the request would ignore.
    #[error(
        "`{flag}` is for `--quality balanced` and `best`, and for `--target qnn-htp`: nothing else calibrates"
    )]
    NeedsBest { flag: &'static str },
    /// Systems-on-chip without graphs to compile.
    #[error(
        "`--soc` compiles the graphs of `--target qnn-htp` and `--target qnn-htp-float`: neither is asked for"
    )]
    NeedsTarget,
    /// An evaluation that broke a limit, with `--gate`.
    #[error("the package breaks a limit of `{gate}`: {}", .broken.join(", "))]
    Gate { gate: String, broken: Vec<String> },
    /// A device whose answers are others than the CPU's.
    #[error("{equal} of {asked} answers are those of the CPU, expected at least {expected}")]
    AnswersDiffer { equal: usize, asked: usize, expected: usize },
    /// What `doctor` found.
    #[error("{count} of these keep models from running")]
    Unwell { count: usize },
    /// The terminal or the output pipe.
    #[error("the output cannot be written: {0}")]
    Output(#[from] std::io::Error),
}

/// A blanket conversion would collide with that of `std::io::Error`. What stands behind `=>` is a Ctrl-C.
macro_rules! library_errors {
    ($($error:ty $(=> $cancelled:pat)?),+ $(,)?) => {$(
        impl From<$error> for Failure {
            fn from(error: $error) -> Self {
                $(if matches!(error, $cancelled) {
                    return Self::Interrupted;
                })?
                Self::Library(Box::new(error))
            }
        }
    )+};
}

library_errors!(
    wheelwork::Error,
    wheelwork::chat::ChatError,
    wheelwork::tokenizer::TokenizerError,
    CalibrateError => CalibrateError::Cancelled | CalibrateError::Quantize(QuantizeError::Cancelled),
    wheelwork_calibrate::context_binary::ContextError,
    EvaluateError => EvaluateError::Cancelled | EvaluateError::Reference(CalibrateError::Cancelled),
    wheelwork_package::PackageError,
    wheelwork_package::container::ContainerError,
    PackError => PackError::Cancelled,
    wheelwork_package::signature::SignatureError,
    wheelwork_package::store::StoreError,
    HttpError,
    QuantizeError,
);

impl Failure {
    /// A file of the caller's that cannot be used.
    pub(crate) fn input_file(path: &Path, detail: impl Display) -> Self {
        Self::InputFile { path: path.to_owned(), detail: detail.to_string() }
    }

    /// Tells the failure on stderr; returns the exit code.
    pub(crate) fn report(&self, json: bool) -> ExitCode {
        if let Self::Output(error) = self
            && error.kind() == std::io::ErrorKind::BrokenPipe
        {
            // The reader has seen enough, as `head` does.
            return ExitCode::SUCCESS;
        }
        if json {
            anstream::eprintln!("{}", self.to_json());
        } else {
            let (bold, reset) = (anstyle::Style::new().bold(), anstyle::Reset);
            // In a pipe a sentence is a line, so that it can be searched for.
            let is_seen = std::io::stderr().is_terminal();
            let broken = |text: String| if is_seen { wrapped(&text, columns(), 2) } else { text };
            anstream::eprintln!("{bold}{}{reset}", broken(format!("wheelwork: {self}")));
            let remedy = broken(format!("  what to do: {}", self.told().remedy));
            anstream::eprintln!("  {}", remedy.trim_start());
        }
        ExitCode::from(match self {
            Self::Interrupted | Self::Paused | Self::Suspended => 130,
            Self::Cut { .. } => 3,
            _ => 1,
        })
    }

    /// `{"error": {code, class, message, remedy, remedy_kind, place}}`.
    pub(crate) fn to_json(&self) -> serde_json::Value {
        let Told { code, class, kind, remedy, place } = self.told();
        json!({
            "error": {
                "code": code, "class": class.as_str(), "message": self.to_string(),
                "remedy": remedy, "remedy_kind": kind, "place": place,
            }
        })
    }

    fn told(&self) -> Told {
        match self {
            Self::Library(error) => {
                let Diagnosis { code, class, remedy, place } = error.diagnosis();
                Told { code, class, kind: remedy.kind(), remedy: remedy::worded(&remedy), place }
            }
            Self::Interrupted => Told::new("interrupted", "retry", "run it again when it suits"),
            Self::Paused => Told::new(
                "paused",
                "continue",
                "run the same command again: it continues where this one ended",
            ),
            Self::Suspended => Told::new("suspended", "continue", "go on with `--resume` instead of a prompt"),
            Self::Cut { reason, .. } => Told::new("answer_cut", "set", uncut(*reason)),
            Self::NothingAsked => {
                Told::new("nothing_asked", "give", "give a question, as in `wheelwork chat \"12 + 30 = ?\"`")
            }
            Self::Damaged { what, remedy, .. } => {
                Told { class: Class::Reinstall, ..Told::new("damaged", "repair", remedy).at(what) }
            }
            Self::NotInstalled { path } => {
                let remedy = format!("install it first: `wheelwork install {}`", path.display());
                Told::new("package_not_installed", "install", remedy).at(path.display())
            }
            Self::NoSuchModel { name, .. } => Told::new(
                "no_such_model",
                "give_package",
                "`wheelwork list` shows the installed ones; make a package with `wheelwork quantize CHECKPOINT --out \
                 NAME.ortpackage`",
            )
            .at(name),
            Self::HubName { name } => {
                let folder = name.rsplit('/').next().unwrap_or(name);
                let remedy = format!(
                    "nothing is fetched by itself: `pip install huggingface_hub`, `hf download {name} --local-dir {folder}`, then \
                     `wheelwork quantize {folder} --out {folder}.ortpackage`"
                );
                Told::new("no_such_model", "get", remedy).at(name)
            }
            Self::OtherForm { path, remedy, .. } => {
                Told::new("model_of_another_form", "give_package", remedy).at(path.display())
            }
            Self::NoSuchPath { path } => Told::new(
                "no_such_model",
                "give_package",
                "correct the path, or make a package: `wheelwork quantize CHECKPOINT --out NAME.ortpackage`",
            )
            .at(path.display()),
            Self::Shipped { name } => Told::new(
                "shipped_model",
                "use_as_it_is",
                "leave it; what it takes on the disk stands in the folder for models and is made anew when it is missing",
            )
            .at(name),
            Self::NoModelsDir => {
                Told::new("no_models_dir", "set", "set WHEELWORK_MODELS_DIR or pass --models-dir")
            }
            Self::InputFile { path, .. } => {
                Told::new("input_file", "correct_file", remedy::worded(&Remedy::CorrectFile))
                    .at(path.display())
            }
            Self::Exposed { path, .. } => {
                let path_shown = path.display();
                let command = if cfg!(windows) {
                    format!("icacls \"{path_shown}\" /inheritance:r /grant:r \"%USERNAME%:F\"")
                } else {
                    format!("chmod 600 {path_shown}")
                };
                let remedy = format!("keep it for yourself: `{command}`");
                Told::new("key_exposed", "set", remedy).at(path.display())
            }
            Self::NeedsBest { .. } => Told::new(
                "needs_quality_best",
                "set",
                "take `--quality balanced` or `best`, or leave the flag out",
            ),
            Self::NeedsTarget => {
                Told::new("needs_target", "set", "add one of the targets, or leave `--soc` out")
            }
            Self::Gate { .. } => Told::new(
                "gate",
                "requantize",
                "quantise with a better `--quality` or more bits, or judge by limits of your own: `--gate=kl=0.1`",
            ),
            Self::AnswersDiffer { .. } => Told::new(
                "answers_differ",
                "check",
                "see which problems differ; compare the logits first, and take another `--target`",
            ),
            Self::Unwell { .. } => Told::new("unwell", "set", "do what stands below each line that is marked `bad`"),
            Self::Output(_) => Told::new("output", "check_storage", "check the disk and the terminal"),
        }
    }
}

/// What a cut means for an answer that was held to a form.
fn held(is_held: bool) -> &'static str {
    if is_held { " and need not keep its output constraint" } else { "" }
}

/// Why an answer is not whole.
fn cut_because(reason: FinishReason) -> &'static str {
    match reason {
        FinishReason::Length => "the limit of tokens was reached",
        FinishReason::ContextFull => "the context is full",
        FinishReason::Repetition => "the model repeated itself without end",
        FinishReason::Cancelled | FinishReason::Suspended | FinishReason::Stop => "it was stopped",
    }
}

/// What makes it whole.
fn uncut(reason: FinishReason) -> &'static str {
    match reason {
        FinishReason::ContextFull => {
            "ask for less, limit the reasoning with `--think`, or open a longer context"
        }
        FinishReason::Repetition => {
            "try another `--seed` or a higher `--temperature`, or limit the reasoning with `--think`"
        }
        _ => {
            "raise `--max-tokens`, or limit the reasoning with `--think` so that tokens are left for the answer"
        }
    }
}

/// What is told beside the message: a [`Diagnosis`] in the command's words.
struct Told {
    code: &'static str,
    class: Class,
    /// [`Remedy::kind`].
    kind: &'static str,
    remedy: String,
    place: Option<String>,
}

impl Told {
    fn new(code: &'static str, kind: &'static str, remedy: impl Into<String>) -> Self {
        Self { code, class: Class::Retry, kind, remedy: remedy.into(), place: None }
    }

    fn at(self, place: impl Display) -> Self {
        Self { place: Some(place.to_string()), ..self }
    }
}
