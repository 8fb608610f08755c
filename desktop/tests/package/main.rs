//! Packages through the command, as people and scripts use it: pack, sign, install over HTTP, list, verify, repair,
//! update, remove.
// A failed expectation is this file's way to speak.
#![allow(clippy::unwrap_used, clippy::panic)]

#[path = "../common/mod.rs"]
mod common;
mod compact;
mod fetch;
mod forged;
mod keys;
mod models;
#[cfg(target_os = "linux")]
mod no_links;
mod server;
mod story;
// Elsewhere the system has no variable that names the certificates to trust.
#[cfg(target_os = "linux")]
mod tls;

use std::path::PathBuf;
use std::process::Command;

use common::{TemporaryPackage, ended, error_of, flip_bit, json_lines, lines_of};
use serde_json::Value;
use wheelwork_quantize::recipe::FAST;

/// A folder with a key pair, the packages of this test and a folder for models.
struct Workshop {
    folder: tempfile::TempDir,
    package: TemporaryPackage,
}

impl Workshop {
    /// `checkpoint` is one of the test data.
    fn of(checkpoint: &str) -> Self {
        let workshop =
            Self { folder: tempfile::tempdir().unwrap(), package: TemporaryPackage::of(checkpoint, FAST) };
        workshop.run(&["key", "acme"]);
        workshop
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// The package folder.
    fn package(&self) -> PathBuf {
        self.package.path()
    }

    /// The command, in this folder and with its models.
    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_wheelwork"));
        command.args(arguments).current_dir(self.folder.path());
        command.env("WHEELWORK_MODELS_DIR", self.path("models"));
        // The user's keys, of this test alone.
        command.env("XDG_DATA_HOME", self.path("data"));
        command
    }

    /// Packs and signs the package folder as `NAME.wwpkg`; returns the file's bytes.
    fn pack(&self, version: u32, name: &str) -> Vec<u8> {
        let (folder, out, version) = (self.package(), format!("{name}.wwpkg"), version.to_string());
        let what = ["pack", folder.to_str().unwrap(), "--name", name, "--version", &version];
        self.run(&[&what[..], &["--out", &out, "--key", "acme.key.pem"]].concat());
        std::fs::read(self.path(&out)).unwrap()
    }

    /// Runs a command that succeeds; returns its last line of JSON.
    fn run(&self, arguments: &[&str]) -> Value {
        json(self.command(arguments).arg("--json"))
    }

    /// Runs a command that succeeds; returns all of its lines of JSON.
    fn lines(&self, arguments: &[&str]) -> Vec<Value> {
        json_lines(self.command(arguments).arg("--json"))
    }

    /// What is installed, and what has not arrived completely; the shipped model stands in every list.
    fn installed(&self) -> Vec<Value> {
        let mut lines = self.lines(&["list"]);
        lines.retain(|line| line["event"] != "Shipped");
        lines
    }

    /// Runs a command that fails; returns the error.
    fn fail(&self, arguments: &[&str]) -> Value {
        let output = self.command(arguments).arg("--json").output().unwrap();
        assert!(!output.status.success(), "{output:?}");
        error_of(&output)
    }

    /// The package folder of an installed model.
    fn folder_of(&self, name: &str) -> PathBuf {
        let pointer = self.path("models").join(format!("{name}.ortpackage"));
        wheelwork_package::store::followed(&pointer).expect("it is installed")
    }

    /// Whether anything is installed under a name.
    fn has_model(&self, name: &str) -> bool {
        self.path("models").join(format!("{name}.ortpackage")).exists()
    }
}

/// The last line of JSON of a command that has succeeded, with no answer cut.
fn json(command: &mut Command) -> Value {
    lines_of(&ended(command, &[0])).pop().unwrap()
}
