//! Remedies in the command's words: with its flags and its subcommands.

use wheelwork::device::{NotUsed, NotUsedReason};
use wheelwork_diagnostic::{Remedy, Requantize};

/// What to do, as a sentence.
pub(crate) fn worded(remedy: &Remedy) -> String {
    let text = match remedy {
        Remedy::Resume => "run it again with --resume to go on where it stopped",
        Remedy::MakeRoomAndResume => {
            "make sure that the disk has room and the folder can be written, then go on with --resume"
        }
        Remedy::ResumeOrStartOver => "add --resume to go on where it stopped, or --overwrite to start over",
        Remedy::RepeatOrStartOver => {
            "repeat the earlier command with --resume, or start over with --overwrite and without --resume"
        }
        Remedy::UseSmallerModel => {
            "close other apps, prepare the model with `wheelwork prepare`, or take a smaller one"
        }
        Remedy::OpenOn { device } => return format!("open the model with `--device {device}`"),
        Remedy::AllowAnyDevice => "ask for `--device auto`, or quantise the checkpoint for that device",
        Remedy::AllowDeviceAgain => "let it be tried again with `wheelwork devices --retry`",
        Remedy::Repair => {
            "see what else is damaged with `wheelwork verify NAME`, and mend it with `wheelwork repair NAME`"
        }
        Remedy::Salvage => "save what can be read of it with `--salvage NEW_FILE`, or take an older copy",
        Remedy::Requantize(Requantize::Int8Cache) => {
            "open it with the float cache, or quantise the checkpoint again with `--kv int8`"
        }
        Remedy::Requantize(Requantize::StaticGraphs) => {
            "quantise with `--target qnn-htp` or `--target qnn-htp-float`"
        }
        Remedy::InstallCompiler => {
            "fetch the package `onnxruntime-qnn` for x86-64 (`cargo xtask fetch`) and let WHEELWORK_QNN_DIR name its folder"
        }
        Remedy::GivePackage => {
            "give an .ortpackage folder, or make one with `wheelwork quantize CHECKPOINT --out NAME.ortpackage`"
        }
        Remedy::GivePackageFile => "give a .wwpkg file, as `wheelwork pack` writes it",
        Remedy::GiveKey => "give a key that `wheelwork key` has made",
        Remedy::GiveBaseline => {
            "give another package of the checkpoint with `--baseline`, or leave out the tasks"
        }
        Remedy::ChooseInstalled => "choose one that `wheelwork list` shows",
        Remedy::UseHttps => "use https, or pass --allow-http if you trust the network",
        Remedy::CorrectFile => "correct the file; see --help for its form",
        // What the neutral sentence says well enough.
        Remedy::Retry
        | Remedy::Continue
        | Remedy::Overwrite
        | Remedy::WaitUntil(_)
        | Remedy::FreeDisk { .. }
        | Remedy::CheckStorage
        | Remedy::FreeMemory
        | Remedy::ReduceContext { .. }
        | Remedy::UseAsItIs
        | Remedy::Reinstall
        | Remedy::Requantize(Requantize::AsBefore | Requantize::SmallerWeights)
        | Remedy::Update { .. }
        | Remedy::UseItsVersion
        | Remedy::SetLibraryPath { .. }
        | Remedy::InstallProvider
        | Remedy::RestoreSession
        | Remedy::MoveAway
        | Remedy::Give(_)
        | Remedy::Get(_)
        | Remedy::Choose(_)
        | Remedy::Check(_)
        | Remedy::Correct(_)
        | Remedy::Shorten(_)
        | Remedy::LeaveOut(_)
        | Remedy::Set { .. }
        | Remedy::Report
        | Remedy::ReportWith(_)
        | Remedy::ReportToPublisher => return remedy.to_string(),
    };
    text.to_owned()
}

/// A device that is not used, with the reason and what changes it.
pub(crate) fn not_used(row: &NotUsed) -> String {
    let is_remembered = matches!(row.reason, NotUsedReason::CompileFailed | NotUsedReason::CrashedBefore);
    let more = if is_remembered { " (`wheelwork devices --retry` lets it try again)" } else { "" };
    format!("not {row}{more}")
}
