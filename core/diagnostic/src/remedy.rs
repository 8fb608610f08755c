//! What to do about an error, as a value.

use std::borrow::Cow;
use std::fmt;

/// What to do about an error.
///
/// `Display` gives one imperative sentence that names no command, flag or function. The variants with a phrase are for
/// a person to act on; their functions ([`give`], [`check`], ...) keep a row short. A `device` is `cpu`, `gpu` or `npu`.
#[derive(Debug, Clone, PartialEq, Eq)]
#[allow(missing_docs)] // they are what the sentences say
pub enum Remedy {
    Retry,
    Continue,
    Resume,
    MakeRoomAndResume,
    ResumeOrStartOver,
    RepeatOrStartOver,
    Overwrite,
    WaitUntil(Phrase),

    FreeDisk { bytes: u64 },
    CheckStorage,
    FreeMemory,
    ReduceContext { tokens: usize },
    UseSmallerModel,

    OpenOn { device: &'static str },
    AllowAnyDevice,
    AllowDeviceAgain,
    UseAsItIs,

    Reinstall,
    Repair,
    Requantize(Requantize),
    Update { version: String },
    UseItsVersion,
    SetLibraryPath { variable: &'static str, version: String },
    InstallProvider,
    InstallCompiler,

    RestoreSession,
    Salvage,
    GivePackage,
    GivePackageFile,
    GiveKey,
    GiveBaseline,
    ChooseInstalled,
    UseHttps,
    MoveAway,
    CorrectFile,

    Give(Phrase),
    Get(Phrase),
    Choose(Phrase),
    Check(Phrase),
    Correct(Phrase),
    Shorten(Phrase),
    LeaveOut(Phrase),
    Set { option: Phrase, to: Phrase },

    Report,
    ReportWith(Phrase),
    ReportToPublisher,
}

/// The object of a sentence.
pub type Phrase = Cow<'static, str>;

/// How a checkpoint is to be quantised again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Requantize {
    /// As before, with this version.
    AsBefore,
    /// With a graph for an int8 key-value cache.
    Int8Cache,
    /// With static graphs for NPUs.
    StaticGraphs,
    /// With smaller weights.
    SmallerWeights,
}

impl Remedy {
    /// What a program matches, in `snake_case`; stable as an error's code is.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        self.row().0
    }

    /// Kind and sentence.
    fn row(&self) -> (&'static str, Phrase) {
        match self {
            Self::Retry => ("retry", "try again".into()),
            Self::Continue => ("continue", "try again: what was done is kept".into()),
            Self::Resume => ("resume", "go on where it stopped".into()),
            Self::MakeRoomAndResume => ("make_room_and_resume", format!("{STORAGE}, then go on where it stopped").into()),
            Self::ResumeOrStartOver => ("resume_or_start_over", "go on where it stopped, or start over".into()),
            Self::RepeatOrStartOver => ("repeat_or_start_over", "repeat the earlier run, or start over".into()),
            Self::Overwrite => ("overwrite", "choose another output, or allow it to be overwritten".into()),
            Self::WaitUntil(what) => ("wait", format!("wait until {what}, then try again").into()),
            Self::FreeDisk { bytes } => ("free_disk", format!("free {bytes} bytes, then try again: what was done is kept").into()),
            Self::CheckStorage => ("check_storage", STORAGE.into()),
            Self::FreeMemory => ("free_memory", "free memory and try again; a shorter context and an int8 cache take less".into()),
            Self::ReduceContext { tokens } => ("reduce_context", format!("open it with a context of at most {tokens} tokens, or close other apps").into()),
            Self::UseSmallerModel => ("use_smaller_model", "close other apps, or take a smaller model".into()),
            Self::OpenOn { device } => ("open_on", format!("open the model on the device `{device}`").into()),
            Self::AllowAnyDevice => ("allow_any_device", "let any device run the model, or quantise the checkpoint for that one".into()),
            Self::AllowDeviceAgain => ("allow_device_again", "let the device be tried again, or let another run the model".into()),
            Self::UseAsItIs => ("use_as_it_is", "use the model as it is: it runs without this".into()),
            Self::Reinstall => ("reinstall", "install the package again, or quantise the checkpoint again".into()),
            Self::Repair => ("repair", "see what else of the installed model is damaged, and repair it".into()),
            Self::Requantize(with) => ("requantize", with.describe().into()),
            Self::Update { version } => ("update", format!("update Wheelwork to {version} or newer").into()),
            Self::UseItsVersion => ("use_its_version", "use the version that wrote it, or make it anew".into()),
            Self::SetLibraryPath { variable, version } => ("set_library_path", format!("install ONNX Runtime {version} or newer for this CPU and set {variable} to its library file, or put the file beside the program").into()),
            Self::InstallProvider => ("install_provider", "install the provider's libraries for this CPU and ONNX Runtime version, all in one folder".into()),
            Self::InstallCompiler => ("install_compiler", "install the compiler for NPUs".into()),
            Self::RestoreSession => ("restore_session", "restore the session from its file, or start a new one".into()),
            Self::Salvage => ("salvage", "save what can be read of it to another file, or take an older copy".into()),
            Self::GivePackage => ("give_package", "give an .ortpackage folder".into()),
            Self::GivePackageFile => ("give_package_file", "give a .wwpkg file".into()),
            Self::GiveKey => ("give_key", "give an Ed25519 key in PEM".into()),
            Self::GiveBaseline => ("give_baseline", "give another package of the checkpoint as the baseline, or leave out the tasks".into()),
            Self::ChooseInstalled => ("choose_installed", "choose a model that is installed".into()),
            Self::UseHttps => ("use_https", "use https".into()),
            Self::MoveAway => ("move_away", "move it somewhere else".into()),
            Self::CorrectFile => ("correct_file", "correct the file".into()),
            Self::Give(what) => ("give", format!("give {what}").into()),
            Self::Get(what) => ("get", format!("get {what}").into()),
            Self::Choose(what) => ("choose", format!("choose {what}").into()),
            Self::Check(what) => ("check", format!("check {what}").into()),
            Self::Correct(what) => ("correct", format!("correct {what}").into()),
            Self::Shorten(what) => ("shorten", format!("shorten {what}").into()),
            Self::LeaveOut(what) => ("leave_out", format!("leave out {what}").into()),
            Self::Set { option, to } => ("set", format!("set {option} to {to}").into()),
            Self::Report => ("report", "report this".into()),
            Self::ReportWith(what) => ("report", format!("report this with {what}").into()),
            Self::ReportToPublisher => ("report_to_publisher", "report this to the maker of the package".into()),
        }
    }
}

const STORAGE: &str = "make sure that the disk has room and the folder can be written";

impl fmt::Display for Remedy {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.row().1)
    }
}

impl Requantize {
    fn describe(self) -> &'static str {
        match self {
            Self::AsBefore => "quantise the checkpoint again with this version",
            Self::Int8Cache => {
                "open it with the float cache, or quantise the checkpoint again with an int8 one"
            }
            Self::StaticGraphs => "quantise the checkpoint for NPUs",
            Self::SmallerWeights => "quantise with smaller weights, or leave this system-on-chip out",
        }
    }
}

/// Functions that make the variants with a phrase.
macro_rules! phrases {
    ($($name:ident => $variant:ident),+ $(,)?) => {$(
        #[doc = concat!("[`Remedy::", stringify!($variant), "`].")]
        pub fn $name(what: impl Into<Phrase>) -> Remedy {
            Remedy::$variant(what.into())
        }
    )+};
}

phrases!(
    wait_until => WaitUntil,
    give => Give,
    get => Get,
    choose => Choose,
    check => Check,
    correct => Correct,
    shorten => Shorten,
    leave_out => LeaveOut,
    report_with => ReportWith,
);

/// [`Remedy::Set`].
pub fn set(option: impl Into<Phrase>, to: impl Into<Phrase>) -> Remedy {
    Remedy::Set { option: option.into(), to: to.into() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_remedy_is_a_value_with_a_kind_and_a_sentence() {
        assert_eq!(Remedy::FreeDisk { bytes: 7 }.kind(), "free_disk");
        assert_eq!(give("a text").to_string(), "give a text");
        assert_eq!(set("top_p", "0 to 1").to_string(), "set top_p to 0 to 1");
    }
}
