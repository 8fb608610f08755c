//! The prepared form: equal to the plain one, and never used where it is damaged, stale or unfinished.
// A failed expectation is this file's way to speak.
#![allow(clippy::unwrap_used, clippy::panic)]

mod common;

use std::fs;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use common::{TemporaryPackage, flip_bit, success};
use wheelwork::{Kernels, Model, OpenOptions, PrepareReport, PrepareStep, Prepared};
use wheelwork_quantize::recipe::BALANCED;

/// Damages the folder of a prepared form.
type Spoil<'a> = &'a dyn Fn(&Path);

/// A package of the shipped model with a cache folder on the same file system.
struct Scene {
    package: TemporaryPackage,
    options: OpenOptions,
}

impl Scene {
    fn new() -> Self {
        let package = TemporaryPackage::of("tiny-r1", BALANCED);
        let cache_dir = Some(package.path().parent().unwrap().join("cache"));
        // With our kernels, logits differ in their last digits: `kernels.rs`.
        let kernels = Kernels::Off;
        Self {
            package,
            options: OpenOptions { cache_dir, kernels, threads: Some(2), ..OpenOptions::default() },
        }
    }

    fn prepare(&self) -> PrepareReport {
        wheelwork::prepare(self.package.path(), &self.options, &mut |_| ControlFlow::Continue(())).unwrap()
    }

    /// How the model was opened, and its logits after some tokens of prefill and of decode.
    fn open(&self) -> (Prepared, Vec<f32>) {
        let model = Model::open_with(self.package.path(), &self.options).unwrap();
        let mut decoder = model.decoder().unwrap();
        decoder.prefill(&[5, 6, 7, 8, 9]).unwrap();
        let mut logits = decoder.logits().to_vec();
        for token in [10, 11] {
            decoder.decode(token).unwrap();
            logits.extend_from_slice(decoder.logits());
        }
        (model.placement().prepared, logits)
    }

    /// The one prepared form.
    fn form(&self) -> PathBuf {
        let forms = self.below_base();
        assert_eq!(forms.len(), 1, "{forms:?}");
        forms[0].clone()
    }

    /// What stands beside the lock.
    fn below_base(&self) -> Vec<PathBuf> {
        let only = |folder: &Path| fs::read_dir(folder).unwrap().next().unwrap().unwrap().path();
        let base = only(&only(self.options.cache_dir.as_ref().unwrap()));
        let entries = fs::read_dir(base).unwrap().map(|entry| entry.unwrap().path());
        entries.filter(|path| !path.ends_with("lock")).collect()
    }

    fn command(&self) -> Command {
        let mut command = Command::new("sh");
        // The command's own cache folder is below this one.
        command.env("XDG_CACHE_HOME", self.options.cache_dir.as_ref().unwrap());
        command.env("WHEELWORK", env!("CARGO_BIN_EXE_wheelwork")).env("MODEL", self.package.path());
        command.stdout(Stdio::null()).stderr(Stdio::piped());
        command
    }
}

#[test]
fn the_prepared_form_gives_the_logits_of_the_plain_one() {
    let scene = Scene::new();
    let (how, plain) = scene.open();
    assert_eq!(how, Prepared::Missing);
    let report = scene.prepare();
    assert!(report.is_new && report.disk_bytes > 0 && report.peak_disk_bytes > report.disk_bytes);
    let (how, prepared) = scene.open();
    assert_eq!(how, Prepared::Used);
    assert!(prepared == plain);
    assert!(!scene.prepare().is_new);

    let plain_wanted = OpenOptions { plain: true, ..scene.options.clone() };
    let model = Model::open_with(scene.package.path(), &plain_wanted).unwrap();
    assert_eq!(model.placement().prepared, Prepared::NotWanted);
    let model = Model::open(scene.package.path()).unwrap();
    assert_eq!(model.placement().prepared, Prepared::NoPlace);
}

#[test]
fn a_damaged_form_is_not_used_and_made_anew() {
    let scene = Scene::new();
    let (_, plain) = scene.open();
    scene.prepare();
    let packed = scene.form().join("packed.bin");
    let good = fs::read(&packed).unwrap();
    let mut found = 0;
    for part in 1..20 {
        let mut bad = good.clone();
        bad[good.len() * part / 20] ^= 0x80;
        fs::write(&packed, &bad).unwrap();
        let (how, logits) = scene.open();
        assert!(logits == plain || how == Prepared::Used, "the plain form runs");
        found += usize::from(how == Prepared::Damaged);
    }
    // One token tells on most bits; some fall into padding or below the last bit of a sum.
    assert!(found >= 15, "{found} of 19 flips were found");

    fs::write(&packed, &good).unwrap();
    let spoil: [(&str, Spoil); 6] = [
        ("cut off", &|form| fs::write(form.join("packed.bin"), &good[..good.len() / 2]).unwrap()),
        ("zeros", &|form| fs::write(form.join("packed.bin"), vec![0; good.len()]).unwrap()),
        ("no record", &|form| fs::remove_file(form.join("record.json")).unwrap()),
        ("another key", &|form| {
            let record = fs::read_to_string(form.join("record.json")).unwrap();
            fs::write(form.join("record.json"), record.replace("\"key\": \"", "\"key\": \"f")).unwrap();
        }),
        ("the graph", &|form| {
            flip_bit(&form.join("model.onnx"));
        }),
        ("no packed ranges", &|form| fs::remove_file(form.join("packed.bin")).unwrap()),
    ];
    for (what, spoil) in spoil {
        spoil(&scene.form());
        let (how, logits) = scene.open();
        assert_eq!(how, Prepared::Damaged, "{what}");
        assert!(logits == plain, "{what}");
        assert!(scene.prepare().is_new, "{what}");
        assert_eq!(scene.open().0, Prepared::Used, "{what}");
    }
}

/// Android refuses hard links (EACCES), and other file systems have no links at all.
#[test]
#[cfg(unix)]
fn a_form_needs_no_links_and_stores_nothing_twice() {
    use std::os::unix::fs::MetadataExt as _;
    let scene = Scene::new();
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
    let scene = Scene::new();
    let (_, plain) = scene.open();
    scene.prepare();
    let form = scene.form();
    // Another ONNX Runtime, processor or package is another key, that is, another folder.
    fs::rename(&form, form.with_file_name("0123456789abcdef0123456789abcdef")).unwrap();
    let (how, logits) = scene.open();
    assert_eq!(how, Prepared::Stale);
    assert!(logits == plain);
    assert!(scene.prepare().is_new);
    assert_eq!(scene.form(), form);
    assert_eq!(scene.open().0, Prepared::Used);
}

#[test]
fn a_cancelled_preparation_leaves_nothing() {
    let scene = Scene::new();
    let mut steps = 0;
    wheelwork::prepare(scene.package.path(), &scene.options, &mut |_| {
        steps += 1;
        ControlFlow::Continue(())
    })
    .unwrap();
    fs::remove_dir_all(scene.form()).unwrap();
    for last in [0, 1, steps / 2, steps - 1] {
        let mut step = 0;
        let result = wheelwork::prepare(scene.package.path(), &scene.options, &mut |_: PrepareStep| {
            step += 1;
            if step > last { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        });
        assert!(result.is_err(), "after {last} of {steps} steps");
        assert!(scene.below_base().is_empty(), "after {last} of {steps} steps");
        assert_eq!(scene.open().0, Prepared::Missing);
    }
    assert!(scene.prepare().is_new);
}

#[test]
#[cfg(unix)]
fn in_01_a_preparation_killed_at_any_time_leaves_the_plain_form() {
    let scene = Scene::new();
    let mut command = scene.command();
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
    let scene = Scene::new();
    for blocks in [1, 64, 1024, 4096] {
        let mut command = scene.command();
        let script = r#"trap "" XFSZ; ulimit -f BLOCKS; exec "$WHEELWORK" prepare "$MODEL" --json"#;
        let output = command.args(["-c", &script.replace("BLOCKS", &blocks.to_string())]).output().unwrap();
        let told = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(1), "{blocks} blocks: {told}");
        assert!(told.contains("\"prepare_"), "{blocks} blocks: {told}");
        generate(&scene);
    }
    let mut command = scene.command();
    assert!(command.args(["-c", r#"exec "$WHEELWORK" prepare "$MODEL""#]).status().unwrap().success());
}

#[cfg(unix)]
fn generate(scene: &Scene) -> std::process::Output {
    let script = r#"exec "$WHEELWORK" generate --model "$MODEL" --prompt "1 + 1 = ?" --max-tokens 2 --json"#;
    success(scene.command().stdout(Stdio::piped()).args(["-c", script]))
}
