//! The prepared form: equal to the plain one, and never used where it is damaged, stale or unfinished.
// A failed expectation is this file's way to speak.
#![allow(clippy::unwrap_used, clippy::panic)]

mod common;
#[path = "common/prepared.rs"]
mod prepared;

use std::fs;
use std::process::{Command, Stdio};
use std::time::Duration;

use common::{flip_bit, success};
use prepared::{Scene, logits};
use wheelwork::{Kernels, Model, Prepared};
use wheelwork_quantize::recipe::BALANCED;

fn scene() -> Scene {
    // With our kernels, logits differ in their last digits: `kernels.rs`.
    Scene::of(BALANCED, Kernels::Off)
}

/// A shell that knows the command and the model.
fn shell(scene: &Scene) -> Command {
    let mut command = Command::new("sh");
    // The command's own cache folder is below this one.
    command.env("XDG_CACHE_HOME", scene.options.cache_dir.as_ref().unwrap());
    command.env("WHEELWORK", env!("CARGO_BIN_EXE_wheelwork")).env("MODEL", scene.package.path());
    command.stdout(Stdio::null()).stderr(Stdio::piped());
    command
}

#[test]
fn the_prepared_form_gives_the_logits_of_the_plain_one() {
    let scene = scene();
    assert_eq!(scene.how(), Prepared::Missing);
    let report = scene.prepare();
    assert!(report.is_new && report.disk_bytes > 0 && report.peak_disk_bytes > report.disk_bytes);
    let prepared = scene.open();
    assert_eq!(prepared.placement().prepared, Prepared::Used);
    assert!(logits(&prepared) == logits(&scene.plain()));
    assert!(!scene.prepare().is_new);

    assert_eq!(scene.plain().placement().prepared, Prepared::NotWanted);
    let model = Model::open(scene.package.path()).unwrap();
    assert_eq!(model.placement().prepared, Prepared::NoPlace);
}

#[test]
fn a_tokenizer_that_cannot_be_read_is_refused_whatever_is_asked_of_the_model() {
    let scene = scene();
    let tokenizer = scene.package.path().join("cpu").join("tokenizer.json");
    let bytes = fs::metadata(&tokenizer).unwrap().len();
    // Of the length that the package's card says.
    fs::write(tokenizer, format!("{{}}{}", " ".repeat(usize::try_from(bytes).unwrap() - 2))).unwrap();
    let (path, options) = (scene.package.path(), &scene.options);
    let errors = [
        Model::open_with(&path, options).err(),
        wheelwork::plan(&path, options).err(),
        scene.try_prepare(usize::MAX).0.err(),
    ];
    for error in errors {
        let error = error.expect("it is refused");
        assert!(matches!(error, wheelwork::Error::Tokenizer(_)), "{error}");
    }
}

#[test]
fn a_damaged_form_is_not_used_and_made_anew() {
    let scene = scene();
    scene.prepare();
    scene.check_flips();
    let good = fs::read(scene.form().join("packed.bin")).unwrap();
    scene.check_spoiled("cut off", |form| {
        fs::write(form.join("packed.bin"), &good[..good.len() / 2]).unwrap();
    });
    scene.check_spoiled("zeros", |form| fs::write(form.join("packed.bin"), vec![0; good.len()]).unwrap());
    scene.check_spoiled("no record", |form| fs::remove_file(form.join("record.json")).unwrap());
    scene.check_spoiled("another key", |form| {
        let record = fs::read_to_string(form.join("record.json")).unwrap();
        fs::write(form.join("record.json"), record.replace("\"key\": \"", "\"key\": \"f")).unwrap();
    });
    scene.check_spoiled("the graph", |form| flip_bit(&form.join("model.onnx")));
    scene.check_spoiled("no packed ranges", |form| fs::remove_file(form.join("packed.bin")).unwrap());
}

/// Android refuses hard links (EACCES), and other file systems have no links at all.
#[test]
#[cfg(unix)]
fn a_form_needs_no_links_and_stores_nothing_twice() {
    use std::os::unix::fs::MetadataExt as _;
    let scene = scene();
    scene.prepare();
    let mut names: Vec<_> =
        fs::read_dir(scene.form()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    names.sort();
    assert_eq!(names, ["model.onnx", "packed.bin", "record.json"]);
    for entry in fs::read_dir(scene.package.path().join("cpu")).unwrap() {
        assert_eq!(entry.unwrap().metadata().unwrap().nlink(), 1);
    }
    // By way of a link, the package is the same one.
    let link = scene.package.path().with_file_name("link");
    std::os::unix::fs::symlink(scene.package.path(), &link).unwrap();
    let model = Model::open_with(&link, &scene.options).unwrap();
    assert_eq!(model.placement().prepared, Prepared::Used);
}

#[test]
fn pk_11_a_form_made_for_another_machine_or_runtime_is_not_used_and_goes() {
    let scene = scene();
    scene.prepare();
    let form = scene.form();
    // Another ONNX Runtime, processor or package is another key, that is, another folder.
    fs::rename(&form, form.with_file_name("0123456789abcdef0123456789abcdef")).unwrap();
    let stale = scene.open();
    assert_eq!(stale.placement().prepared, Prepared::Stale);
    assert!(logits(&stale) == logits(&scene.plain()));
    assert!(scene.prepare().is_new);
    assert_eq!(scene.form(), form);
    assert_eq!(scene.how(), Prepared::Used);
}

#[test]
fn a_cancelled_preparation_leaves_nothing() {
    scene().check_cancelling();
}

#[test]
#[cfg(unix)]
fn in_01_a_preparation_killed_at_any_time_leaves_the_plain_form() {
    let scene = scene();
    let mut command = shell(&scene);
    command.args(["-c", r#"exec "$WHEELWORK" prepare "$MODEL" --json"#]);
    for wait_ms in [5, 15, 25, 35, 45, 60, 80, 100, 130, 160, 200, 250] {
        let mut child = command.spawn().unwrap();
        std::thread::sleep(Duration::from_millis(wait_ms));
        // SIGKILL.
        child.kill().unwrap();
        child.wait().unwrap();
        generate(&scene);
    }
    assert!(command.status().unwrap().success());
    let generated = generate(&scene);
    let events = String::from_utf8_lossy(&generated.stdout).into_owned();
    assert!(events.contains(r#""prepared":"used""#), "{events}");
}

#[test]
#[cfg(unix)]
fn in_02_a_disk_that_takes_no_more_leaves_the_plain_form_and_is_told() {
    let scene = scene();
    for blocks in [1, 64, 1024, 4096] {
        let mut command = shell(&scene);
        let script = r#"trap "" XFSZ; ulimit -f BLOCKS; exec "$WHEELWORK" prepare "$MODEL" --json"#;
        let output = command.args(["-c", &script.replace("BLOCKS", &blocks.to_string())]).output().unwrap();
        let told = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(1), "{blocks} blocks: {told}");
        assert!(told.contains("\"prepare_"), "{blocks} blocks: {told}");
        generate(&scene);
    }
    let mut command = shell(&scene);
    assert!(command.args(["-c", r#"exec "$WHEELWORK" prepare "$MODEL""#]).status().unwrap().success());
}

#[cfg(unix)]
fn generate(scene: &Scene) -> std::process::Output {
    let script = r#"exec "$WHEELWORK" generate --model "$MODEL" --prompt "1 + 1 = ?" --max-tokens 2 --json"#;
    success(shell(scene).stdout(Stdio::piped()).args(["-c", script]))
}
