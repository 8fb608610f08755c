//! A model's life where the system refuses every link, as Android does to apps: each call that makes one is made to fail.

use std::process::Command;

use crate::{Workshop, flip_bit};

#[test]
fn a_model_is_installed_updated_repaired_prepared_and_run_where_links_are_refused() {
    if Command::new("strace").arg("--version").output().is_err() {
        println!("SKIPPED: strace is not installed, so no call can be made to fail");
        return;
    }
    let workshop = Workshop::of("tiny-r1");
    std::fs::write(workshop.path("first.wwpkg"), workshop.pack(1, "tiny")).unwrap();
    // The card is the maker's to correct.
    flip_bit(&workshop.package().join("cpu/model.onnx.data"));
    std::fs::remove_file(workshop.package().join("wheelwork.json")).unwrap();
    workshop.pack(2, "tiny");

    let key = ["--key", "acme.pub.pem"];
    let life: [&[&str]; 6] = [
        &["install", "first.wwpkg", key[0], key[1]],
        &["install", "tiny.wwpkg", key[0], key[1]],
        &["repair", "tiny", "tiny.wwpkg", key[0], key[1]],
        &["prepare", "tiny"],
        &["verify", "tiny"],
        &["generate", "--model", "tiny", "--prompt", "478 + 256 = ?"],
    ];
    let mut refused = 0;
    for step in life {
        if step[0] == "repair" {
            flip_bit(&workshop.folder_of("tiny").join("cpu/model.onnx.data"));
        }
        let command = workshop.command(step);
        let mut traced = Command::new("strace");
        traced
            .args(["-f", "-qq", "-e", "trace=link,linkat,symlink,symlinkat"])
            .args(["-e", "inject=link,linkat,symlink,symlinkat:error=EACCES", "-o", "trace"])
            .arg(command.get_program())
            .args(command.get_args())
            .current_dir(command.get_current_dir().unwrap())
            .env("XDG_CACHE_HOME", workshop.path("cache"));
        traced.envs(command.get_envs().filter_map(|(name, value)| Some((name, value?))));
        let output = traced.output().unwrap();
        let told = String::from_utf8_lossy(&output.stderr).into_owned();
        if told.contains("ptrace") && !output.status.success() {
            println!("SKIPPED: this system does not let strace trace: {told}");
            return;
        }
        assert!(output.status.success(), "{step:?}: {told}");
        let trace = std::fs::read_to_string(workshop.path("trace")).unwrap();
        let calls = trace.lines().filter(|line| line.contains("link"));
        refused += calls.inspect(|call| assert!(call.contains("EACCES"), "{call}")).count();
    }
    println!("{refused} links were refused");
    let installed = workshop.installed();
    let [model] = &installed[..] else { panic!("{installed:?}") };
    assert_eq!((&model["name"], &model["version"]), (&"tiny".into(), &2.into()), "{model}");
}
