//! The life of a model, from the maker's folder to the user's disk.

use std::process::Stdio;

use crate::server::{Manner, Server};
use crate::{Workshop, error_of, flip_bit};

#[test]
fn a_model_is_packed_fetched_verified_repaired_updated_and_removed() {
    let workshop = Workshop::of("tiny-r1");
    let key = ["--key", "acme.pub.pem"];
    let first = workshop.pack(1, "tiny");
    let server = Server::new(Manner::CutsAfter(first.len() / 3), first.clone());

    let told = workshop.lines(&["install", &server.url(), key[0], key[1]]);
    let (last, progress) = told.split_last().unwrap();
    assert_eq!((last["event"].as_str(), last["version"].as_u64()), (Some("Installed"), Some(1)));
    assert!(progress.iter().any(|line| line["event"] == "Progress" && line["step"] == "receive"), "{told:?}");
    let list = workshop.installed();
    assert_eq!(
        (list.len(), &list[0]["name"], &list[0]["signature"]["state"]),
        (1, &"tiny".into(), &"valid".into())
    );
    workshop.run(&["verify", "tiny"]);

    // A bit flips on the disk: it is found, and the chunk around it comes back.
    let weights = workshop.folder_of("tiny").join("cpu/model.onnx.data");
    flip_bit(&weights);
    let error = workshop.fail(&["verify", "tiny"]);
    assert_eq!((&error["code"], &error["class"]), (&"damaged".into(), &"reinstall".into()));
    assert!(error["remedy"].as_str().unwrap().contains("wheelwork repair tiny"), "{error}");
    let server = Server::new(Manner::Proper, first.clone());
    let repaired = workshop.run(&["repair", "tiny", &server.url(), key[0], key[1]]);
    assert!(repaired["received_bytes"].as_u64().unwrap() < first.len() as u64 * 3 / 4, "{repaired}");
    workshop.run(&["verify", "tiny"]);

    // One tensor changes: an update moves the chunk around it. The card is the maker's to correct.
    let package = workshop.package();
    flip_bit(&package.join("cpu/model.onnx.data"));
    std::fs::remove_file(package.join("wheelwork.json")).unwrap();
    let second = workshop.pack(2, "tiny");
    let server = Server::new(Manner::Proper, second.clone());
    let updated = workshop.run(&["install", &server.url(), key[0], key[1]]);
    assert_eq!(updated["replaced_version"], 1);
    let (saved, received) =
        (updated["reused_bytes"].as_u64().unwrap(), updated["received_bytes"].as_u64().unwrap());
    assert!(saved > 0 && saved + received == updated["package_bytes"].as_u64().unwrap(), "{updated}");
    let output = workshop.command(&["install", "tiny.wwpkg", key[0], key[1]]).output().unwrap();
    assert!(String::from_utf8(output.stdout).unwrap().contains("nothing to do"));

    // Back only by request.
    std::fs::write(workshop.path("old.wwpkg"), &first).unwrap();
    assert_eq!(workshop.fail(&["install", "old.wwpkg", key[0], key[1]])["code"], "store_downgrade");
    workshop.run(&["install", "old.wwpkg", key[0], key[1], "--allow-downgrade"]);

    workshop.run(&["remove", "tiny"]);
    assert!(workshop.installed().is_empty());
    assert_eq!(workshop.fail(&["remove", "tiny"])["code"], "store_not_installed");
    assert_eq!(workshop.lines(&["gc", "--partials"])[0]["event"], "GarbageCollected");
}

#[test]
fn in_07_a_pipe_that_ends_early_leaves_nothing_installed_and_goes_on_from_a_file() {
    let workshop = Workshop::of("tiny-r1");
    let package = workshop.pack(1, "tiny");
    std::fs::write(workshop.path("half"), &package[..package.len() * 4 / 5]).unwrap();
    let half = std::fs::File::open(workshop.path("half")).unwrap();
    let mut command = workshop.command(&["install", "-", "--key", "acme.pub.pem", "--json"]);
    let output = command.stdin(Stdio::from(half)).output().unwrap();
    assert_eq!(error_of(&output)["code"], "container_truncated");
    assert!(!workshop.has_model("tiny"));
    let report = workshop.run(&["install", "tiny.wwpkg", "--key", "acme.pub.pem"]);
    assert!(report["resumed_bytes"].as_u64().unwrap() > 0, "{report}");
}
