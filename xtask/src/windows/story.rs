//! The command's story: each line a command, and what it has to say.

use std::path::PathBuf;
use std::time::Instant;

use super::{Desk, Row, output};
use crate::report;
use crate::task_error::TaskError;

/// Arguments; what is said on either stream; whether it succeeds.
type Step = (&'static str, &'static str, bool);

const QUESTION: &str = "12 + 30 = ?";

/// Before the installed model is damaged, and after. `?` stands for the question.
const STEPS: [Step; 26] = [
    ("--version", "wheelwork ", true),
    ("doctor", "ONNX Runtime", true),
    ("devices", "CPU", true),
    ("chat --temperature 0 ?", "42", true),
    ("quantize tiny-r1 --out t.ortpackage", "t.ortpackage", true),
    ("quantize tiny-r1 --out t.ortpackage", "exists", false),
    ("quantize tiny-r1 --out t.ortpackage --overwrite", "t.ortpackage", true),
    ("quantize tiny-r1 --out ü-日本.ortpackage --quality fast", "ortpackage", true),
    ("chat --temperature 0 --model ü-日本.ortpackage ?", "42", true),
    ("verify t.ortpackage", "", true),
    ("key acme", "acme.key.pem", true),
    // Wine keeps no access lists, so a key is never its owner's alone there. On Windows this signs.
    ("pack t.ortpackage --out signed.wwpkg --name story --level 3 --key acme.key.pem", "access list", false),
    ("pack t.ortpackage --out 1.wwpkg --name story --level 3", "1.wwpkg", true),
    ("pack ü-日本.ortpackage --out 2.wwpkg --name story --version 2 --level 3", "2.wwpkg", true),
    ("pack t.ortpackage --out con.wwpkg", "con.wwpkg", false),
    ("verify 1.wwpkg", "", true),
    ("install 1.wwpkg", "story", true),
    ("list", "story", true),
    ("chat --temperature 0 --model story ?", "42", true),
    ("install 2.wwpkg", "story", true),
    ("install 1.wwpkg", "", false),
    ("verify story", "", true),
    ("generate --temperature 0 --model story --session talk.session --prompt ?", "42", true),
    (
        "generate --temperature 0 --model story --session talk.session --prompt ? --json",
        "reused_tokens",
        true,
    ),
    ("unpack 1.wwpkg --out un.ortpackage", "un.ortpackage", true),
    ("plan --model un.ortpackage", "", true),
];

const AFTER_DAMAGE: [Step; 6] = [
    ("verify story", "", false),
    ("repair story 2.wwpkg", "", true),
    ("verify story", "", true),
    ("chat --temperature 0 --model story ?", "42", true),
    ("remove story", "", true),
    ("gc", "", true),
];

pub(super) fn run(desk: &Desk<'_>) -> Result<Vec<Row>, TaskError> {
    report::step("the command's story");
    let mut rows = STEPS.iter().map(|step| take(desk, step)).collect::<Result<Vec<_>, _>>()?;
    let damaged = damage(desk)?;
    report::note(&format!("flipped a bit in {damaged}"));
    for step in &AFTER_DAMAGE {
        rows.push(take(desk, step)?);
    }
    Ok(rows)
}

/// An answer on the simulator, with nothing left to the CPU.
pub(super) fn npu(desk: &Desk<'_>) -> Result<Row, TaskError> {
    take(desk, &("quantize tiny-r1 --out npu.ortpackage --target qnn-htp", "npu.ortpackage", true))?;
    take(desk, &("chat --temperature 0 --device npu --strict --model npu.ortpackage ?", "42", true))
}

fn take(desk: &Desk<'_>, (line, wanted, succeeds): &Step) -> Result<Row, TaskError> {
    let arguments: Vec<_> = line.split(' ').map(|word| if word == "?" { QUESTION } else { word }).collect();
    let start = Instant::now();
    let (said, success) = output(&mut desk.wheelwork(&arguments))?;
    let seconds = start.elapsed().as_secs_f64();
    let failed = success != *succeeds || !said.contains(wanted) || said.contains("panicked");
    if failed {
        report::fail(&format!("wheelwork {line}\n{said}"));
    } else {
        report::pass(&format!("wheelwork {line}"));
    }
    let result = if *succeeds { "succeeds" } else { "is refused" };
    Ok(Row { what: format!("`{line}`"), result: result.into(), seconds, failed })
}

/// Flips a bit in the middle of the installed model's weights.
fn damage(desk: &Desk<'_>) -> Result<String, TaskError> {
    let models = desk.home.join("wine/drive_c/users");
    let mut open = vec![models.clone()];
    let mut weights: Vec<PathBuf> = Vec::new();
    while let Some(folder) = open.pop() {
        for entry in fs_err::read_dir(folder)? {
            let path = entry?.path();
            if path.is_dir() {
                open.push(path);
            } else if path.ends_with("cpu/model.onnx.data") && path.to_string_lossy().contains("story") {
                weights.push(path);
            }
        }
    }
    // The update's is the newest.
    weights.sort_by_key(|path| fs_err::metadata(path).and_then(|metadata| metadata.modified()).ok());
    let path =
        weights.pop().ok_or_else(|| TaskError::new(format!("no weights below {}", models.display())))?;
    let mut content = fs_err::read(&path)?;
    let middle = content.len() / 2;
    content[middle] ^= 16;
    fs_err::write(&path, content)?;
    Ok(path.strip_prefix(&models)?.display().to_string())
}
