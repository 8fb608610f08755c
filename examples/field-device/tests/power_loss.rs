//! The compiled device loses its power in the middle of its reasoning, again and again, and says what an undisturbed one says.
// A failed expectation is this file's way to speak.
#![allow(clippy::unwrap_used, clippy::panic)]

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use wheelwork_package::container::Name;
use wheelwork_package::container::pack::{PackOptions, pack};
use wheelwork_package::container::unwatched;
use wheelwork_quantize::recipe::BALANCED;
use wheelwork_quantize::{Options, quantize};

const QUESTION: [&str; 4] = ["ask", "What is 4823 + 3987?", "--temperature", "0"];

/// The package file that is on the USB stick.
fn usb_stick(folder: &Path) -> PathBuf {
    let checkpoint = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../testdata/tiny-r1");
    let (package, file) = (folder.join("tiny.ortpackage"), folder.join("tiny.wwpkg"));
    quantize(&checkpoint, &package, &Options { recipe: BALANCED, ..Options::default() }, &()).unwrap();
    let options = PackOptions { name: Name::new("tiny").unwrap(), version: 1, level: 1, threads: None };
    pack(&package, &file, &options, None, &mut unwatched).unwrap();
    file
}

fn device(state: &Path, arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_field-device"));
    command.arg("--state").arg(state).args(arguments).output().unwrap()
}

fn text(output: &Output) -> &str {
    std::str::from_utf8(&output.stdout).unwrap()
}

fn succeeds(output: Output) -> Output {
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    output
}

fn loses_power(output: Output) -> Output {
    assert!(!output.status.success() && output.status.code().is_none(), "{output:?}");
    output
}

fn fails_with(output: &Output, words: &str) {
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.code() == Some(1) && said.contains(words), "{said}");
}

#[test]
fn rt_08_a_device_that_loses_power_goes_on_with_its_reasoning() {
    let folder = tempfile::tempdir().unwrap();
    let stick = usb_stick(folder.path());
    let installed = |name: &str| {
        let state = folder.path().join(name);
        succeeds(device(&state, &["install", stick.to_str().unwrap()]));
        state
    };
    let calm = installed("calm");
    let undisturbed = succeeds(device(&calm, &QUESTION));
    let (reasoning, answer) = text(&undisturbed).split_once("\n\n").unwrap();
    assert!(reasoning.len() > 40 && answer.trim() == "8810", "{reasoning} / {answer}");
    let second = ["ask", "And 3 + 4?", "--temperature", "0"];
    let undisturbed_second = succeeds(device(&calm, &second));

    for (number, deaths) in [&[1][..], &[33], &[7, 8, 25, 60]].into_iter().enumerate() {
        let state = installed(&format!("state{number}"));
        for (nth, pieces) in deaths.iter().map(ToString::to_string).enumerate() {
            let question: &[&str] = if nth == 0 { &QUESTION } else { &["resume"] };
            let died = loses_power(device(&state, &[question, &["--die-after", &pieces]].concat()));
            assert!(!text(&died).is_empty() && text(&undisturbed).starts_with(text(&died)), "{died:?}");
        }
        fails_with(&device(&state, &QUESTION), "unfinished");
        assert_eq!(text(&succeeds(device(&state, &["resume"]))), text(&undisturbed), "{deaths:?}");
        // And so does the conversation.
        assert_eq!(text(&succeeds(device(&state, &second))), text(&undisturbed_second), "{deaths:?}");
        fails_with(&device(&state, &["resume"]), "no unfinished turn");
        // Nobody reads along.
        let file = std::fs::read(state.join("session")).unwrap();
        assert!(!file.windows(4).any(|bytes| bytes == b"4823"));
    }
}

#[test]
fn rt_23_a_conversation_whose_key_is_gone_stays_shut_and_is_not_replaced() {
    let folder = tempfile::tempdir().unwrap();
    let stick = usb_stick(folder.path());
    let state = folder.path().join("state");
    fails_with(&device(&state, &QUESTION), "no model is installed");
    succeeds(device(&state, &["install", stick.to_str().unwrap()]));
    loses_power(device(&state, &[&QUESTION[..], &["--die-after", "20"]].concat()));
    let file = std::fs::read(state.join("session")).unwrap();
    std::fs::rename(state.join("key"), state.join("elsewhere")).unwrap();
    fails_with(&device(&state, &["resume"]), "key");
    assert!(!state.join("key").exists());
    assert_eq!(std::fs::read(state.join("session")).unwrap(), file);
    std::fs::rename(state.join("elsewhere"), state.join("key")).unwrap();
    succeeds(device(&state, &["resume"]));
}
