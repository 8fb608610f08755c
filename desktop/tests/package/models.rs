//! Where `--model` and `install` take other forms of a package.

use crate::Workshop;

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
    assert_eq!((report["name"].as_str(), report["version"].as_u64()), (Some("model"), Some(1)));
    assert_eq!(workshop.run(&["install", folder])["is_new"], false);
    workshop.run(&["verify", "model"]);
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
    workshop.run(&["verify", "model"]);
}
