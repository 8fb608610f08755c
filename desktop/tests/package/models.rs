//! Where `--model` and `install` take other forms of a package.

use crate::Workshop;
use crate::common::{json, only_folder};

#[test]
fn a_package_file_is_a_model_once_it_is_installed() {
    let workshop = Workshop::of("tiny-r1");
    workshop.pack(1, "tiny");
    let ask = ["generate", "--prompt", "478 + 256 = ?", "--temperature", "0", "--model", "tiny.wwpkg"];
    let error = workshop.fail(&ask);
    assert_eq!(error["code"], "package_not_installed");
    assert!(error["remedy"].as_str().unwrap().contains("wheelwork install tiny.wwpkg"), "{error}");
    assert!(!workshop.has_model("tiny"), "asking installs nothing");

    workshop.run(&["install", "tiny.wwpkg", "--key", "acme.pub.pem"]);
    for model in ["tiny.wwpkg", "tiny"] {
        let output = workshop.command(&[&ask[..6], &[model]].concat()).output().unwrap();
        assert!(String::from_utf8(output.stdout).unwrap().contains("734"), "{model}");
    }
}

#[test]
fn a_folder_is_installed_and_replaces_its_older_self() {
    let workshop = Workshop::of("families/qwen3");
    let folder = workshop.package();
    let folder = folder.to_str().unwrap();
    let report = workshop.run(&["install", folder]);
    assert_eq!((report["name"].as_str(), report["version"].as_u64()), (Some("qwen3"), Some(1)));
    assert_eq!(workshop.run(&["install", folder])["is_new"], false);
    workshop.run(&["verify", "qwen3"]);
    let leftovers = std::fs::read_dir(workshop.path("models")).unwrap().count();
    assert_eq!(leftovers, 2, "the pointer and the store, nothing of the packing");
}

#[test]
fn a_killed_installation_of_a_folder_leaves_nothing_after_gc_or_the_next_one() {
    let workshop = Workshop::of("families/qwen3");
    let folder = workshop.package();
    let install = ["install", folder.to_str().unwrap()];
    let staged = workshop.path("models/.wheelwork/staging");
    for cure in [&["gc"][..], &install] {
        let mut child = workshop.command(&install).spawn().unwrap();
        while !staged.exists() && child.try_wait().unwrap().is_none() {}
        child.kill().unwrap();
        child.wait().unwrap();
        // As it is left by a kill a moment later, if this one came too late.
        std::fs::create_dir_all(&staged).unwrap();
        std::fs::write(staged.join("package.wwpkg"), b"half").unwrap();
        workshop.run(cure);
        assert!(!staged.exists(), "{cure:?}");
    }
    workshop.run(&["verify", "qwen3"]);
}

#[test]
fn an_installed_model_is_prepared_beside_its_package_and_opens_so() {
    let workshop = Workshop::of("tiny-r1");
    workshop.pack(1, "tiny");
    let lines = workshop.lines(&["install", "tiny.wwpkg", "--key", "acme.pub.pem"]);
    assert!(lines.iter().any(|line| line["step"] == "prepare_compare"), "{lines:?}");
    let prepared = &lines.last().unwrap()["prepared"];
    assert_eq!(prepared["is_new"], true, "{prepared}");
    assert!(prepared["disk_bytes"].as_u64().unwrap() > 0);
    let package = workshop.folder_of("tiny");
    assert!(package.parent().unwrap().join("prepared").is_dir());
    assert_eq!(prepared_form(&workshop), "used");
    workshop.run(&["verify", "tiny"]);
    assert_eq!(workshop.run(&["inspect", "tiny"])["prepared"], "used");

    // Again: there is nothing to make. Without: the model is plain, and the form goes with its version.
    assert_eq!(
        workshop.run(&["install", "tiny.wwpkg", "--key", "acme.pub.pem"])["prepared"]["is_new"],
        false
    );
    workshop.run(&["remove", "tiny"]);
    assert!(!package.parent().unwrap().exists());
    let report = workshop.run(&["install", "tiny.wwpkg", "--key", "acme.pub.pem", "--no-prepare"]);
    assert!(report["prepared"].is_null());
    assert_eq!(prepared_form(&workshop), "missing");
    assert_eq!(workshop.run(&["inspect", "tiny"])["prepared"], "missing");
}

#[cfg(unix)]
#[test]
fn in_02_a_model_that_cannot_be_prepared_is_installed_all_the_same() {
    let workshop = Workshop::of("tiny-r1");
    workshop.pack(1, "tiny");
    // The library that prepares is not there.
    let mut command = workshop.command(&["install", "tiny.wwpkg", "--key", "acme.pub.pem", "--json"]);
    let report = json(command.env("ORT_DYLIB_PATH", "/nowhere"));
    assert_eq!(report["event"], "Installed");
    assert!(report["prepared"]["error"]["remedy"].is_string(), "{report}");
    assert_eq!(prepared_form(&workshop), "missing");
}

#[cfg(unix)]
#[test]
fn fi_04_a_model_that_came_as_a_folder_runs_plain_and_is_trusted_for_nothing_that_it_says() {
    let workshop = Workshop::of("tiny-r1");
    workshop.pack(1, "tiny");
    workshop.run(&["install", "tiny.wwpkg", "--key", "acme.pub.pem"]);
    let state = |command: &mut std::process::Command| {
        let told = json(command.arg("--json"));
        let state = told["installed"]["signature"]["state"].as_str().unwrap().to_owned();
        (told["prepared"].as_str().unwrap().to_owned(), state)
    };
    let inspect = || workshop.command(&["inspect", "tiny"]);
    assert_eq!(state(&mut inspect()), ("used".into(), "valid".into()));
    // Another user gets the folder as it is, and trusts nobody yet.
    let other = workshop.path("other");
    assert_eq!(state(inspect().env("XDG_DATA_HOME", &other)), ("not_made_here".into(), "unknown_key".into()));
    let ask = ["generate", "--model", "tiny", "--prompt", "478 + 256 = ?", "--temperature", "0"];
    let output = workshop.command(&ask).env("XDG_DATA_HOME", &other).output().unwrap();
    assert!(String::from_utf8(output.stdout).unwrap().contains("734"));

    // Packed weights that are not the package's, with a record that fits them.
    let package = workshop.folder_of("tiny");
    let form = only_folder(&only_folder(&package.with_file_name("prepared")));
    let before = wheelwork_package::files::FileRecord::of(&form, "packed.bin").unwrap();
    let mut packed = std::fs::read(form.join("packed.bin")).unwrap();
    packed[0] ^= 1;
    std::fs::write(form.join("packed.bin"), packed).unwrap();
    let after = wheelwork_package::files::FileRecord::of(&form, "packed.bin").unwrap();
    let record = std::fs::read_to_string(form.join("record.json")).unwrap();
    let record = record.replace(&before.sha256, &after.sha256);
    std::fs::write(form.join("record.json"), record).unwrap();
    assert_eq!(state(&mut inspect()).0, "not_made_here");
    assert_eq!(prepared_form(&workshop), "not_made_here");
    let damage = workshop.fail(&["verify", "tiny"]);
    assert!(damage["remedy"].as_str().unwrap().contains("wheelwork prepare tiny"), "{damage}");
    workshop.run(&["prepare", "tiny"]);
    workshop.run(&["verify", "tiny"]);
    assert_eq!(prepared_form(&workshop), "used");
}

#[test]
fn in_11_a_package_whose_template_or_tokenizer_is_refused_never_gets_its_name() {
    let workshop = Workshop::of("families/qwen3");
    let package = workshop.package();
    let installed = workshop.run(&["install", package.to_str().unwrap()]);
    let current = || workshop.folder_of(installed["name"].as_str().unwrap());
    let names = || std::fs::read_dir(workshop.path("models")).unwrap().count();
    let (before, count) = (current(), names());
    for file in ["tokenizer.json", "tokenizer_config.json"] {
        let path = package.join("cpu").join(file);
        let good = std::fs::read(&path).unwrap();
        std::fs::write(&path, "{}".repeat(usize::from(file == "tokenizer.json")) + "[]").unwrap();
        let _ = std::fs::remove_file(package.join("wheelwork.json"));
        workshop.fail(&["install", package.to_str().unwrap()]);
        assert_eq!((current(), names()), (before.clone(), count), "{file}");
        std::fs::write(&path, good).unwrap();
    }
}

/// How the installed model runs.
fn prepared_form(workshop: &Workshop) -> String {
    let lines =
        workshop.lines(&["generate", "--model", "tiny", "--prompt", "1 + 1 = ?", "--temperature", "0"]);
    let started = lines.iter().find(|line| line["placement"].is_object()).unwrap();
    started["placement"]["prepared"].as_str().unwrap().to_owned()
}
