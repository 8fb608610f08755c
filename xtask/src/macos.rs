//! `cargo xtask macos`: compiles the command for macOS on arm64 and links it against stubs of the system's libraries.
//!
//! What it shows: all of it compiles, and it names nothing of the system that is not in checked-in lists
//! (`xtask/src/system/apple`) or in the C library. What comes of it is a check and nothing to ship: it has never started.

use std::collections::BTreeMap;

use goblin::Object;
use goblin::mach::constants::cputype::CPU_TYPE_ARM64;
use goblin::mach::{Mach, MachO};

use crate::system::{System, build, sdk};
use crate::task_error::TaskError;
use crate::workspace::Workspace;
use crate::{command, report};

/// The C library, which zig has a list of.
const C: &str = "/usr/lib/libSystem.B.dylib";

pub(crate) fn run(workspace: &Workspace) -> Result<(), TaskError> {
    let system = System::MacOsArm64;
    report::step("building the command for macos-arm64");
    let mut cargo = build::cargo(workspace, system, "build")?;
    // What is imported is asked, not speed: optimising takes minutes.
    cargo.env("CARGO_PROFILE_DIST_LTO", "off").env("CARGO_PROFILE_DIST_OPT_LEVEL", "1");
    command::run(cargo.args(["--profile", build::PROFILE, "--package", "wheelwork-desktop"]))?;
    let program = workspace.target.join(system.triple()).join(build::PROFILE).join(system.program());
    let content = fs_err::read(&program)?;
    let Object::Mach(Mach::Binary(mach)) = Object::parse(&content)? else {
        return Err(TaskError::new(format!("{} is no Mach-O program", program.display())));
    };
    if mach.header.cputype() != CPU_TYPE_ARM64 {
        return Err(TaskError::new(format!("the program's CPU is {:#x}, not arm64", mach.header.cputype())));
    }
    let found = imports(&mach)?;
    println!("| library | names that the program imports |\n|---|---:|");
    for (library, names) in &found {
        println!("| `{library}` | {} |", names.len());
    }
    println!("\n{:.1} MB, little optimised; it has not run", content.len() as f64 / 1e6);
    compare(&found)
}

/// By library, in alphabetical order.
fn imports<'a>(mach: &'a MachO<'a>) -> Result<BTreeMap<&'a str, Vec<&'a str>>, TaskError> {
    // The first is the program itself.
    let libraries = mach.libs.get(1..).unwrap_or_default();
    let mut found: BTreeMap<_, _> = libraries.iter().map(|library| (*library, Vec::new())).collect();
    for symbol in mach.symbols() {
        let (name, symbol) = symbol?;
        if !symbol.is_undefined() || symbol.is_stab() {
            continue;
        }
        // The upper byte is the library's place in the list.
        let place = usize::from(symbol.n_desc >> 8);
        let library = place.checked_sub(1).and_then(|place| libraries.get(place));
        let library = library.ok_or_else(|| TaskError::new(format!("no library is named for `{name}`")))?;
        found.entry(library).or_default().push(name.strip_prefix('_').unwrap_or(name));
    }
    found.values_mut().for_each(|names| names.sort_unstable());
    Ok(found)
}

/// What is imported is what the lists have, library by library.
fn compare(found: &BTreeMap<&str, Vec<&str>>) -> Result<(), TaskError> {
    let expected: BTreeMap<_, _> =
        sdk::LIBRARIES.iter().map(|library| (library.install_name, library.names())).collect();
    // zig names libraries beside libiconv of which nothing is wanted.
    for (library, names) in found.iter().filter(|(library, names)| **library != C && !names.is_empty()) {
        let listed = expected.get(library).map(Vec::as_slice);
        let Some(listed) = listed else {
            return Err(TaskError::new(format!("the program needs `{library}`, which is not in the lists")));
        };
        if let Some(name) = names.iter().find(|name| !listed.contains(name)) {
            return Err(TaskError::new(format!("the program imports `{name}`, which is not in the list")));
        }
    }
    for (library, listed) in &expected {
        let names = found.get(library).map(Vec::as_slice).unwrap_or_default();
        if let Some(name) = listed.iter().find(|name| !names.contains(name)) {
            return Err(TaskError::new(format!("nothing imports `{name}` of `{library}` any more"))
                .remedy("take it out of its list in xtask/src/system/apple"));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_more_or_less_is_told() {
        let lists = || {
            let listed = sdk::LIBRARIES.iter().map(|library| (library.install_name, library.names()));
            listed.chain([(C, vec!["malloc"])]).collect::<BTreeMap<_, _>>()
        };
        assert!(compare(&lists()).is_ok());
        let security = sdk::LIBRARIES.iter().find(|library| library.install_name.ends_with("/Security"));
        let security = security.unwrap().install_name;
        let mut more = lists();
        more.get_mut(security).unwrap().push("SecItemDelete");
        assert!(compare(&more).unwrap_err().to_string().contains("`SecItemDelete`"));
        let mut less = lists();
        let gone = less.get_mut(security).unwrap().pop().unwrap();
        assert!(compare(&less).unwrap_err().to_string().contains(gone));
        let mut other = lists();
        other.insert("/usr/lib/libiconv.2.dylib", Vec::new());
        assert!(compare(&other).is_ok(), "nothing is imported of it");
        other.insert("/usr/lib/libiconv.2.dylib", vec!["iconv"]);
        assert!(compare(&other).unwrap_err().to_string().contains("libiconv"));
    }
}
