//! Keys, signatures and policies.

use crate::{Workshop, flip_bit, json};

#[test]
fn a_key_pair_is_made_once_and_its_secret_is_its_owners() {
    let workshop = Workshop::of("families/qwen2");
    let secret = std::fs::read(workshop.path("acme.key.pem")).unwrap();
    let error = workshop.fail(&["key", "acme"]);
    assert_eq!(error["code"], "input_file");
    assert_eq!(std::fs::read(workshop.path("acme.key.pem")).unwrap(), secret);
    // Half a pair is left alone as well.
    std::fs::write(workshop.path("half.pub.pem"), "").unwrap();
    workshop.fail(&["key", "half"]);
    assert!(!workshop.path("half.key.pem").exists());
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let mode = std::fs::metadata(workshop.path("acme.key.pem")).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }
}

#[test]
fn a_key_or_a_remote_origin_requires_a_signature_and_a_local_file_warns() {
    let workshop = Workshop::of("families/qwen2");
    let folder = workshop.package();
    workshop.run(&["pack", folder.to_str().unwrap(), "--out", "m.wwpkg", "--name", "m"]);
    let stdin = || std::fs::File::open(workshop.path("m.wwpkg")).unwrap();

    assert_eq!(workshop.fail(&["install", "m.wwpkg", "--key", "acme.pub.pem"])["code"], "signature_required");
    let output = workshop.command(&["install", "-", "--json"]).stdin(stdin()).output().unwrap();
    assert_eq!(crate::error_of(&output)["code"], "signature_required");
    assert!(!workshop.has_model("m"));

    let output = workshop.command(&["install", "m.wwpkg"]).output().unwrap();
    assert!(output.status.success());
    assert!(String::from_utf8(output.stderr).unwrap().contains("nobody vouches"), "the warning is shown");

    // Signed now, by a key that is trusted or not.
    workshop.run(&["key", "other"]);
    workshop.run(&["sign", "m.wwpkg", "--key", "acme.key.pem"]);
    assert_eq!(
        workshop.fail(&["install", "m.wwpkg", "--key", "other.pub.pem"])["code"],
        "signature_required"
    );
    let told = workshop.run(&["inspect", "m.wwpkg"]);
    assert_eq!(told["signature"]["state"], "unknown_key");
    assert_eq!(workshop.run(&["inspect", "m.wwpkg", "--key", "acme.pub.pem"])["signature"]["state"], "valid");
    let mut command = workshop.command(&["install", "-", "--key", "acme.pub.pem", "--json"]);
    assert_eq!(json(command.stdin(stdin()))["signature"]["state"], "valid");
}

#[test]
fn a_key_that_vouched_for_an_installation_or_a_repair_counts_from_then_on() {
    for way in ["install", "repair"] {
        let workshop = Workshop::of("families/qwen2");
        workshop.pack(1, "m");
        let piped = |key: Option<&str>| {
            let mut command = workshop.command(&["install", "-", "--json"]);
            command.args(key.into_iter().flat_map(|key| ["--key", key]));
            command.stdin(std::fs::File::open(workshop.path("m.wwpkg")).unwrap());
            command
        };
        let refused = |key| crate::error_of(&piped(key).output().unwrap())["code"].clone();
        assert_eq!(refused(None), "signature_required");
        match way {
            "install" => workshop.run(&["install", "m.wwpkg", "--key", "acme.pub.pem"]),
            _ => {
                let warned = workshop.run(&["install", "m.wwpkg", "--trust", "warn"]);
                assert_eq!(warned["signature"]["state"], "unknown_key", "{way}");
                assert_eq!(refused(None), "signature_required");
                workshop.run(&["repair", "m", "m.wwpkg", "--key", "acme.pub.pem"])
            }
        };
        // The installed model, and the next version from a pipe, without the key's file.
        std::fs::remove_file(workshop.path("m.wwpkg")).unwrap();
        workshop.pack(2, "m");
        std::fs::rename(workshop.path("acme.pub.pem"), workshop.path("away.pem")).unwrap();
        assert_eq!(workshop.run(&["inspect", "m"])["installed"]["signature"]["state"], "valid", "{way}");
        assert_eq!(json(&mut piped(None))["signature"]["state"], "valid", "{way}");
        // A key that is given counts alone, and one that never vouched for anything does not.
        workshop.run(&["key", "other"]);
        assert_eq!(refused(Some("other.pub.pem")), "signature_required", "{way}");
    }
}

#[cfg(unix)]
#[test]
fn fi_06_a_secret_key_that_others_can_read_signs_nothing() {
    use std::os::unix::fs::PermissionsExt;
    let workshop = Workshop::of("families/qwen2");
    let key = workshop.path("acme.key.pem");
    std::fs::set_permissions(&key, std::fs::Permissions::from_mode(0o644)).unwrap();
    let folder = workshop.package();
    let pack = ["pack", folder.to_str().unwrap(), "--out", "m.wwpkg", "--name", "m", "--key", "acme.key.pem"];
    assert_eq!(workshop.fail(&pack)["code"], "key_exposed");
    assert!(!workshop.path("m.wwpkg").exists());
}

#[test]
fn an_unpacked_package_has_the_files_that_were_packed() {
    let workshop = Workshop::of("families/llama");
    workshop.pack(1, "m");
    workshop.run(&["unpack", "m.wwpkg", "--out", "m.ortpackage", "--key", "acme.pub.pem"]);
    for file in ["manifest.json", "wheelwork.json", "cpu/model.onnx.data", "cpu/tokenizer.json"] {
        let unpacked = std::fs::read(workshop.path("m.ortpackage").join(file)).unwrap();
        assert!(unpacked == std::fs::read(workshop.package().join(file)).unwrap(), "{file}");
    }
    let again = workshop.fail(&["unpack", "m.wwpkg", "--out", "m.ortpackage", "--key", "acme.pub.pem"]);
    assert_eq!(again["code"], "store_not_ours");
    workshop.run(&["verify", "m.wwpkg", "--key", "acme.pub.pem"]);
    flip_bit(&workshop.path("m.wwpkg"));
    let error = workshop.fail(&["verify", "m.wwpkg", "--key", "acme.pub.pem"]);
    assert_eq!(error["code"], "damaged");
    assert!(error["message"].as_str().unwrap().contains("chunk"), "{error}");
}
