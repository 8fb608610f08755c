//! `cargo xtask package-story`: the life of a package through the real command, with the figures of each step.
//!
//! A key, a signed package, an installation that is killed twice, an update of one tensor as a delta, a verification,
//! packed weights (`prepare`), an answer. `--package` names the package folder, for example a 1.5B with random weights; it is only read.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Instant;

use clap::Args;
use serde_json::Value;

use crate::fetch::wheel::sha256;
use crate::task_error::TaskError;
use crate::workspace::Workspace;
use crate::{command, report, test};

#[derive(Args)]
pub(crate) struct Options {
    /// A package folder, as `wheelwork quantize` makes it.
    #[arg(long)]
    package: PathBuf,
    /// Where to work; needs four times the package's size.
    #[arg(long)]
    work: PathBuf,
    /// A built `wheelwork`, instead of building one in the release profile.
    #[arg(long)]
    program: Option<PathBuf>,
}

const WEIGHTS: &str = "cpu/model.onnx.data";
/// About a tensor of the output projection.
const CHANGED_BYTES: usize = 1 << 20;

pub(crate) fn run(workspace: &Workspace, options: &Options) -> Result<(), TaskError> {
    let program = match &options.program {
        Some(program) => std::path::absolute(program)?,
        None => workspace.build_command("release")?,
    };
    let package = std::path::absolute(&options.package)?;
    fs_err::create_dir_all(&options.work)?;
    let story = Story { workspace, program, work: std::path::absolute(&options.work)? };
    story.step("key", &["key", "acme"])?;
    let packed = |folder: &Path, version: &str| {
        let folder = folder.to_string_lossy();
        let out = format!("{version}.wwpkg");
        let name = ["--name", "story", "--level", "3", "--key", "acme.key.pem"];
        story.step("pack", &[&["pack", &*folder, "--out", &out, "--version", version], &name[..]].concat())
    };
    packed(&package, "1")?;
    let install = |file: &str| story.step("install", &["install", file, "--key", "acme.pub.pem"]);
    for share in [0.3, 0.6] {
        story.kill_at(share, &["install", "1.wwpkg", "--key", "acme.pub.pem"])?;
    }
    let resumed = install("1.wwpkg")?;
    if resumed["resumed_bytes"].as_u64() == Some(0) {
        return Err(TaskError::new("nothing of the killed installations was kept"));
    }
    let second = story.work.join("second.ortpackage");
    change_one_tensor(&package, &second)?;
    packed(&second, "2")?;
    install("2.wwpkg")?;
    story.step("verify", &["verify", "story"])?;
    story.step("prepare", &["prepare", "story"])?;
    // `generate` would fail, because the answer is cut.
    let prompt = ["--max-tokens", "16", "--temperature", "0", "478 + 256 = ?"];
    story.step("chat", &[&["chat", "--model", "story"], &prompt[..]].concat())?;
    Ok(())
}

struct Story<'a> {
    workspace: &'a Workspace,
    program: PathBuf,
    work: PathBuf,
}

impl Story<'_> {
    fn command(&self, arguments: &[&str]) -> Result<Command, TaskError> {
        let mut command = Command::new(&self.program);
        test::prepare(&mut command, self.workspace)?;
        command.args(arguments).arg("--json").current_dir(&self.work).stderr(Stdio::inherit());
        command.env("WHEELWORK_MODELS_DIR", self.work.join("models"));
        Ok(command)
    }

    /// Runs a command and shows the last line that it says.
    fn step(&self, name: &str, arguments: &[&str]) -> Result<Value, TaskError> {
        report::step(name);
        let start = Instant::now();
        let said = command::capture(&mut self.command(arguments)?)?;
        let last = said.lines().last().unwrap_or_default();
        report::note(last);
        report::pass(&format!("{name}: {:.2} s", start.elapsed().as_secs_f64()));
        Ok(serde_json::from_str(last)?)
    }

    /// Kills an installation when it has received that share of what is missing.
    fn kill_at(&self, share: f64, arguments: &[&str]) -> Result<(), TaskError> {
        report::step("install, killed");
        let mut child = self.command(arguments)?.stdout(Stdio::piped()).spawn()?;
        let lines = child.stdout.take().map(|stdout| BufReader::new(stdout).lines()).into_iter().flatten();
        for line in lines.map_while(Result::ok) {
            let progress: Value = serde_json::from_str(&line)?;
            let bytes = |field: &str| progress[field].as_f64().unwrap_or_default();
            if progress["step"] == "receive" && bytes("done_bytes") >= share * bytes("total_bytes") {
                child.kill()?;
                child.wait()?;
                report::note(&line);
                return Ok(());
            }
        }
        Err(TaskError::new("the installation ended before it was killed"))
    }
}

/// A copy of a package with other bytes in the middle of its weights, and a card that says so.
pub(crate) fn change_one_tensor(package: &Path, to: &Path) -> Result<(), TaskError> {
    fs_err::create_dir_all(to.join("cpu"))?;
    for folder in ["", "cpu"] {
        for entry in fs_err::read_dir(package.join(folder))? {
            let path = entry?.path();
            if path.is_file() {
                fs_err::copy(&path, to.join(path.strip_prefix(package)?))?;
            }
        }
    }
    let mut weights = fs_err::read(to.join(WEIGHTS))?;
    let middle = weights.len() / 2;
    for byte in weights.iter_mut().skip(middle).take(CHANGED_BYTES) {
        *byte ^= 1;
    }
    fs_err::write(to.join(WEIGHTS), weights)?;
    let digest = sha256(&to.join(WEIGHTS))?;
    let card = to.join("wheelwork.json");
    let mut value: Value = serde_json::from_slice(&fs_err::read(&card)?)?;
    let files = value["variants"]["cpu"].as_array_mut().into_iter().flatten();
    for file in files.filter(|file| file["name"] == "model.onnx.data") {
        file["sha256"] = digest.as_str().into();
    }
    Ok(fs_err::write(card, serde_json::to_vec_pretty(&value)?)?)
}
