//! How a command fails: any error of the libraries, told with its remedy.

use std::borrow::Cow;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use serde_json::json;
use wheelwork_package::{Class, Diagnostic};

use crate::origin::HttpError;

/// Why a command failed.
#[derive(Debug, thiserror::Error)]
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
    /// What was verified is not what it should be.
    #[error("`{what}` is damaged: {}", .damage.join("; "))]
    Damaged {
        /// The file or the model.
        what: String,
        /// Each fault.
        damage: Vec<String>,
        /// What to do.
        remedy: String,
    },
    /// A `.wwpkg` file where a model is expected.
    #[error("`{}` is a package file that is not installed", .path.display())]
    NotInstalled {
        /// The file.
        path: PathBuf,
    },
    /// The name given with `--model` is neither a folder nor installed.
    #[error("there is no model `{name}`: no such folder, and none of that name in `{}`", .models_dir.display())]
    NoSuchModel {
        /// What was given.
        name: String,
        /// Where installed models are looked for.
        models_dir: PathBuf,
    },
    /// The system names no folder for data.
    #[error("the system names no folder for models")]
    NoModelsDir,
    /// A file of the caller's.
    #[error("`{}` cannot be used: {detail}", .path.display())]
    InputFile {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        detail: String,
    },
    /// A flag that the request would ignore.
    #[error("`{flag}` is for `--quality best` and `--target qnn-htp`: nothing else calibrates")]
    NeedsBest {
        /// The flag.
        flag: &'static str,
    },
    /// Systems-on-chip without graphs to compile.
    #[error(
        "`--soc` compiles the graphs of `--target qnn-htp` and `--target qnn-htp-float`: neither is asked for"
    )]
    NeedsTarget,
    /// An evaluation that broke a limit, with `--gate`.
    #[error("the package breaks a limit of `{gate}`: {}", .broken.join(", "))]
    Gate {
        /// Whose limits.
        gate: String,
        /// Each broken limit with its figure.
        broken: Vec<String>,
    },
    /// A device whose answers are others than the CPU's.
    #[error("{equal} of {asked} answers are those of the CPU, expected at least {expected}")]
    AnswersDiffer {
        /// Answers that are.
        equal: usize,
        /// Problems.
        asked: usize,
        /// What the caller expects.
        expected: usize,
    },
    /// The terminal or the output pipe.
    #[error("the output cannot be written: {0}")]
    Output(#[from] std::io::Error),
}

/// A blanket conversion would collide with that of `std::io::Error`.
macro_rules! library_errors {
    ($($error:ty),+ $(,)?) => {$(
        impl From<$error> for Failure {
            fn from(error: $error) -> Self {
                Self::Library(Box::new(error))
            }
        }
    )+};
}

library_errors!(
    wheelwork::Error,
    wheelwork::chat::ChatError,
    wheelwork::tokenizer::TokenizerError,
    wheelwork_calibrate::CalibrateError,
    wheelwork_calibrate::context_binary::ContextError,
    wheelwork_calibrate::evaluate::EvaluateError,
    wheelwork_package::PackageError,
    wheelwork_package::container::ContainerError,
    wheelwork_package::container::pack::PackError,
    wheelwork_package::signature::SignatureError,
    wheelwork_package::store::StoreError,
    HttpError,
    wheelwork_quantize::QuantizeError,
);

impl Failure {
    /// A file of the caller's that cannot be used, for the reason that the system gives.
    pub(crate) fn input_file(path: &Path, error: &std::io::Error) -> Self {
        Self::InputFile { path: path.to_owned(), detail: error.to_string() }
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
            anstream::eprintln!("{bold}wheelwork: {self}{reset}");
            anstream::eprintln!("  what to do: {}", self.remedy());
        }
        ExitCode::from(if matches!(self, Self::Interrupted | Self::Paused) { 130 } else { 1 })
    }

    /// `{"error": {code, class, message, remedy, place}}`.
    pub(crate) fn to_json(&self) -> serde_json::Value {
        json!({
            "error": {
                "code": self.code(), "class": self.class().as_str(), "message": self.to_string(),
                "remedy": self.remedy(), "place": self.place(),
            }
        })
    }

    fn code(&self) -> &'static str {
        match self {
            Self::Interrupted => "interrupted",
            Self::Library(error) => error.code(),
            Self::Paused => "paused",
            Self::Damaged { .. } => "damaged",
            Self::NotInstalled { .. } => "package_not_installed",
            Self::NoSuchModel { .. } => "no_such_model",
            Self::NoModelsDir => "no_models_dir",
            Self::InputFile { .. } => "input_file",
            Self::NeedsBest { .. } => "needs_quality_best",
            Self::NeedsTarget => "needs_target",
            Self::Gate { .. } => "gate",
            Self::AnswersDiffer { .. } => "answers_differ",
            Self::Output(_) => "output",
        }
    }

    fn class(&self) -> Class {
        match self {
            Self::Library(error) => error.class(),
            Self::Damaged { .. } => Class::Reinstall,
            _ => Class::Retry,
        }
    }

    fn remedy(&self) -> Cow<'static, str> {
        match self {
            Self::Interrupted => "run it again when it suits".into(),
            Self::Library(error) => error.remedy(),
            Self::Paused => "run the same command again: it continues where this one ended".into(),
            Self::Damaged { remedy, .. } => remedy.clone().into(),
            Self::NotInstalled { path } => {
                format!("install it first: `wheelwork install {}`", path.display()).into()
            }
            Self::NoSuchModel { .. } => {
                "give a package folder, or make one: `wheelwork quantize CHECKPOINT --out NAME.ortpackage`"
                    .into()
            }
            Self::NoModelsDir => "set WHEELWORK_MODELS_DIR or pass --models-dir".into(),
            Self::NeedsBest { .. } => "add `--quality best`, or leave the flag out".into(),
            Self::NeedsTarget => "add one of the targets, or leave `--soc` out".into(),
            Self::Gate { .. } => {
                "quantise with a better `--quality` or more bits, or judge by limits of your own: `--gate=kl=0.1`"
                    .into()
            }
            Self::AnswersDiffer { .. } => {
                "see which problems differ; compare the logits first, and take another `--target`".into()
            }
            Self::InputFile { .. } => "correct the file; see --help for its form".into(),
            Self::Output(_) => "check the disk and the terminal".into(),
        }
    }

    fn place(&self) -> Option<String> {
        match self {
            Self::Library(error) => error.place(),
            Self::NoSuchModel { name, .. } => Some(name.clone()),
            Self::Damaged { what, .. } => Some(what.clone()),
            Self::InputFile { path, .. } | Self::NotInstalled { path } => Some(path.display().to_string()),
            _ => None,
        }
    }
}
