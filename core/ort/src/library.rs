//! Where the library may be.

use std::env::consts::{DLL_PREFIX, DLL_SUFFIX};
use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};

/// Names the library's file; nothing else is tried where it is set.
pub const PATH_VARIABLE: &str = "ORT_DYLIB_PATH";

/// Where the system's loader looks first; an empty entry is the current folder to it.
const LOADER_VARIABLES: [&str; 2] = ["LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH"];
/// Where it looks without being told.
const SYSTEM_FOLDERS: [&str; 6] =
    ["/usr/local/lib64", "/usr/local/lib", "/usr/lib64", "/usr/lib", "/lib64", "/lib"];

/// The files that are tried, in this order: [`PATH_VARIABLE`]; beside the executable and in its `lib`
/// folder; by plain name, which asks the system's loader. Where the loader would look into the current folder, that is
/// whatever folder the user happens to be in, it is asked for the other places only.
#[must_use]
pub fn candidates() -> Vec<PathBuf> {
    if let Some(path) = std::env::var_os(PATH_VARIABLE).filter(|path| !path.is_empty()) {
        return vec![PathBuf::from(path)];
    }
    let name = format!("{DLL_PREFIX}onnxruntime{DLL_SUFFIX}");
    let executable = std::env::current_exe().ok();
    let beside = executable.as_deref().and_then(Path::parent);
    let told: Vec<_> = LOADER_VARIABLES.iter().filter_map(std::env::var_os).collect();
    beside
        .into_iter()
        .flat_map(|folder| [folder.join(&name), folder.join("lib").join(&name)])
        .filter(|path| path.is_file())
        .chain(by_name(&name, told.iter().map(OsString::as_os_str)))
        .collect()
}

/// The plain name, or paths where one of the loader's lists has a folder that depends on where the user is.
fn by_name<'t>(name: &str, told: impl Iterator<Item = &'t OsStr> + Clone) -> Vec<PathBuf> {
    // Either character ends an entry.
    let split = |list: &OsStr| -> Vec<PathBuf> {
        list.to_string_lossy().split([':', ';']).map(PathBuf::from).collect()
    };
    let folders = || told.clone().filter(|list| !list.is_empty()).flat_map(split);
    if folders().all(|folder| folder.is_absolute()) {
        return vec![PathBuf::from(name)];
    }
    let elsewhere = folders().filter(|folder| folder.is_absolute());
    let paths = elsewhere.chain(SYSTEM_FOLDERS.iter().map(PathBuf::from)).map(|folder| folder.join(name));
    paths.filter(|path| path.is_file()).collect()
}

#[cfg(unix)]
#[cfg(test)]
mod tests {
    use super::*;

    fn names(told: &[&str]) -> Vec<PathBuf> {
        by_name("libnone.so", told.iter().map(OsStr::new))
    }

    #[test]
    fn fi_07_the_loader_is_not_asked_where_it_would_look_into_the_current_folder() {
        for told in [&[][..], &[""], &["/usr/lib"], &["/usr/lib:/lib", "/opt/lib"]] {
            assert_eq!(names(told), [PathBuf::from("libnone.so")], "{told:?}");
        }
        for told in
            [":", ";", "/usr/lib;", "/usr/lib:", ":/usr/lib", "/usr/lib::/lib", ".", "lib", "/usr/lib:./lib"]
        {
            assert!(names(&[told]).is_empty(), "{told}");
            assert!(names(&["/usr/lib", told]).is_empty(), "{told}");
        }
        // What stands in the other folders is found.
        let program = std::env::current_exe().unwrap();
        let told = format!(":{}", program.parent().unwrap().display());
        let name = program.file_name().unwrap().to_str().unwrap();
        assert_eq!(by_name(name, [OsStr::new(&told)].into_iter()), [program]);
    }
}
