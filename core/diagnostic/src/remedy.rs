//! What to do about an error, as a value.

use std::borrow::Cow;
use std::fmt;

/// Makes the variants, and for each its kind and its sentence.
macro_rules! remedies {
    ($(
        $variant:ident $(($what:ident: $phrase:ty))? $({ $($field:ident: $type:ty),+ })? => $kind:literal, $sentence:expr;
    )+) => {
        /// What to do about an error.
        ///
        /// `Display` gives one imperative sentence that names no command, flag or function. The variants with a phrase are for
        /// a person to act on; their functions ([`give`], [`check`], ...) keep a row short. A `device` is `cpu`, `gpu` or `npu`.
        #[derive(Debug, Clone, PartialEq, Eq)]
        #[allow(missing_docs)] // they are what the sentences say
        pub enum Remedy {
            $($variant $(($phrase))? $({ $($field: $type),+ })?,)+
        }

        impl Remedy {
            /// Kind and sentence.
            fn row(&self) -> (&'static str, Phrase) {
                match self {
                    $(Self::$variant $(($what))? $({ $($field),+ })? => ($kind, $sentence.into()),)+
                }
            }
        }
    };
}

remedies! {
    Retry => "retry", "try again";
    Continue => "continue", "try again: what was done is kept";
    Resume => "resume", "go on where it stopped";
    MakeRoomAndResume => "make_room_and_resume", format!("{STORAGE}, then go on where it stopped");
    ResumeOrStartOver => "resume_or_start_over", "go on where it stopped, or start over";
    RepeatOrStartOver => "repeat_or_start_over", "repeat the earlier run, or start over";
    Overwrite => "overwrite", "choose another output, or allow it to be overwritten";
    WaitUntil(what: Phrase) => "wait", format!("wait until {what}, then try again");

    FreeDisk { bytes: u64 } => "free_disk", format!("free {bytes} bytes, then try again: what was done is kept");
    CheckStorage => "check_storage", STORAGE;
    FreeMemory => "free_memory", "free memory and try again; a shorter context and an int8 cache take less";
    ReduceContext { tokens: usize } => "reduce_context", format!("open it with a context of at most {tokens} tokens, or close other apps");
    UseSmallerModel => "use_smaller_model", "close other apps, or take a smaller model";

    OpenOn { device: &'static str } => "open_on", format!("open the model on the device `{device}`");
    AllowAnyDevice => "allow_any_device", "let any device run the model, or quantise the checkpoint for that one";
    AllowDeviceAgain => "allow_device_again", "let the device be tried again, or let another run the model";
    UseAsItIs => "use_as_it_is", "use the model as it is: it runs without this";

    Reinstall => "reinstall", "install the package again, or quantise the checkpoint again";
    Repair => "repair", "see what else of the installed model is damaged, and repair it";
    Requantize(with: Requantize) => "requantize", with.describe();
    Update { version: String } => "update", format!("update Wheelwork to {version} or newer");
    UseItsVersion => "use_its_version", "use the version that wrote it, or make it anew";
    SetLibraryPath { variable: &'static str, version: String } => "set_library_path", format!("install ONNX Runtime {version} or newer for this CPU and set {variable} to its library file, or put the file beside the program");
    InstallProvider => "install_provider", "install the provider's libraries for this CPU and ONNX Runtime version, all in one folder";
    InstallCompiler => "install_compiler", "install the compiler for NPUs";

    RestoreSession => "restore_session", "restore the session from its file, or start a new one";
    Salvage => "salvage", "save what can be read of it to another file, or take an older copy";
    GivePackage => "give_package", "give an .ortpackage folder";
    GivePackageFile => "give_package_file", "give a .wwpkg file";
    GiveKey => "give_key", "give an Ed25519 key in PEM";
    GiveBaseline => "give_baseline", "give another package of the checkpoint as the baseline, or leave out the tasks";
    ChooseInstalled => "choose_installed", "choose a model that is installed";
    UseHttps => "use_https", "use https";
    MoveAway => "move_away", "move it somewhere else";
    CorrectFile => "correct_file", "correct the file";

    Give(what: Phrase) => "give", format!("give {what}");
    Get(what: Phrase) => "get", format!("get {what}");
    Choose(what: Phrase) => "choose", format!("choose {what}");
    Check(what: Phrase) => "check", format!("check {what}");
    Correct(what: Phrase) => "correct", format!("correct {what}");
    Shorten(what: Phrase) => "shorten", format!("shorten {what}");
    LeaveOut(what: Phrase) => "leave_out", format!("leave out {what}");
    Set { option: Phrase, to: Phrase } => "set", format!("set {option} to {to}");

    Report => "report", "report this";
    ReportWith(what: Phrase) => "report", format!("report this with {what}");
    ReportToPublisher => "report_to_publisher", "report this to the maker of the package";
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
