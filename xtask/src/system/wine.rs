//! A Debian with Wine, in a folder outside of the checkout: older Wines lack what Rust programs call.

use std::path::PathBuf;
use std::process::Command;

use crate::task_error::TaskError;
use crate::workspace::Workspace;
use crate::{command, report};

/// Debian 13, whose Wine is 10.0.
const RELEASE: &str = "trixie";

/// Names a root with Wine 10 or newer, instead of a new one.
const VARIABLE: &str = "WHEELWORK_WINE_ROOT";

/// Made if need be, which takes root's rights, some minutes and 1 GB.
pub(crate) fn root(workspace: &Workspace) -> Result<PathBuf, TaskError> {
    if let Some(folder) = std::env::var_os(VARIABLE).filter(|folder| !folder.is_empty()) {
        return Ok(folder.into());
    }
    let folder = cache(workspace).join(format!("debian-{RELEASE}-wine"));
    if folder.join("complete").is_file() {
        return Ok(folder);
    }
    report::step("making a Debian with Wine (1 GB, once)");
    if folder.exists() {
        fs_err::remove_dir_all(&folder)?;
    }
    fs_err::create_dir_all(&folder)?;
    let mut debootstrap = Command::new("debootstrap");
    debootstrap.args(["--variant=minbase", "--include=wine,wine64", RELEASE]).arg(&folder);
    command::run(&mut debootstrap).map_err(|error| {
        error.remedy(format!(
            "install debootstrap and run this as root, or name a root with Wine 10 in the variable {VARIABLE}"
        ))
    })?;
    fs_err::write(folder.join("complete"), "")?;
    Ok(folder)
}

/// Every checkout uses the same.
fn cache(workspace: &Workspace) -> PathBuf {
    let named =
        |variable: &str| std::env::var_os(variable).filter(|folder| !folder.is_empty()).map(PathBuf::from);
    let cache = named("XDG_CACHE_HOME").or_else(|| Some(named("HOME")?.join(".cache")));
    cache.map_or_else(|| workspace.target.clone(), |cache| cache.join("wheelwork"))
}
