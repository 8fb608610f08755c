//! What the system says is free.
//!
//! Linux and Android: `MemAvailable`, which counts the page cache that can be given up; and for every control group that
//! the process is in, its limit less what it uses, where the pages of files that it can give up do not count as used.
//! The least of them counts.
//!
//! Windows: physical memory that is free or can be given up, and no more than the system will commit to.
//!
//! On Apple's systems nothing is known here: asking takes calls that Rust holds unsafe (`os_proc_available_memory`), and
//! there is nothing here to try them on. The app says it instead: [`crate::MemoryCheck::Bytes`].

use std::path::{Path, PathBuf};

use serde::Serialize;

/// Memory that may be taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Available {
    /// Bytes.
    pub bytes: u64,
    /// Who says so.
    pub told_by: &'static str,
}

/// Memory that may be taken, as the system says it; `None` where it does not.
#[must_use]
pub fn available_memory() -> Option<Available> {
    #[cfg(windows)]
    return wheelwork_windows::available_bytes().map(|bytes| Available { bytes, told_by: "the system" });
    #[cfg(not(windows))]
    available_in(Path::new("/"))
}

#[cfg_attr(windows, allow(dead_code, reason = "Windows is asked directly"))]
fn available_in(root: &Path) -> Option<Available> {
    let read = |path: &str| fs_err::read_to_string(root.join(path)).ok();
    let system = read("proc/meminfo")
        .and_then(|text| field(&text, "MemAvailable:"))
        .map(|kib| Available { bytes: kib.saturating_mul(1024), told_by: "the system" });
    let groups = read("proc/self/cgroup").unwrap_or_default();
    let groups = groups.lines().filter_map(group).flat_map(|(mount, group)| {
        let mount = root.join("sys/fs/cgroup").join(mount);
        let mut folders: Vec<PathBuf> =
            Path::new(group).ancestors().map(|part| joined(&mount, part)).collect();
        folders.dedup();
        folders
    });
    groups.filter_map(|folder| left_in(&folder)).chain(system).min_by_key(|available| available.bytes)
}

/// Where a hierarchy that limits memory is mounted, and the path in it: `0::/user.slice` or `4:memory:/user.slice`.
fn group(line: &str) -> Option<(&'static str, &str)> {
    let mut parts = line.splitn(3, ':');
    let (_, controllers, path) = (parts.next()?, parts.next()?, parts.next()?);
    match controllers {
        "" => Some(("", path)),
        controllers if controllers.split(',').any(|name| name == "memory") => Some(("memory", path)),
        _ => None,
    }
}

/// A path of the hierarchy, which begins with a slash, below its mount.
fn joined(mount: &Path, path: &Path) -> PathBuf {
    path.strip_prefix("/").map_or_else(|_| mount.to_owned(), |path| mount.join(path))
}

/// What a control group has left of its limit, in version 2 or 1 of the interface.
fn left_in(folder: &Path) -> Option<Available> {
    let number = |name: &str| fs_err::read_to_string(folder.join(name)).ok()?.trim().parse::<u64>().ok();
    let limit = number("memory.max").or_else(|| number("memory.limit_in_bytes"))?;
    let used = number("memory.current").or_else(|| number("memory.usage_in_bytes"))?;
    let stat = fs_err::read_to_string(folder.join("memory.stat")).unwrap_or_default();
    let files = field(&stat, "total_inactive_file").or_else(|| field(&stat, "inactive_file")).unwrap_or(0);
    let bytes = limit.saturating_sub(used.saturating_sub(files));
    Some(Available { bytes, told_by: "the process's control group" })
}

/// The number behind a name at the start of a line.
fn field(text: &str, name: &str) -> Option<u64> {
    let words = text.lines().map(str::split_whitespace);
    words
        .into_iter()
        .find_map(|mut words| (words.next() == Some(name)).then(|| words.next()?.parse().ok())?)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn system(files: &[(&str, &str)]) -> tempfile::TempDir {
        let root = tempfile::tempdir().unwrap();
        for (path, text) in files {
            let path = root.path().join(path);
            fs_err::create_dir_all(path.parent().unwrap()).unwrap();
            fs_err::write(path, text).unwrap();
        }
        root
    }

    fn bytes(files: &[(&str, &str)]) -> Option<u64> {
        available_in(system(files).path()).map(|available| available.bytes)
    }

    const MEMINFO: (&str, &str) = ("proc/meminfo", "MemTotal: 900 kB\nMemAvailable:     700 kB\n");

    #[test]
    fn a_system_that_says_nothing_is_not_guessed_at() {
        assert_eq!(bytes(&[]), None);
        assert_eq!(bytes(&[("proc/meminfo", "MemTotal: 900 kB\n")]), None);
    }

    #[test]
    fn what_is_available_counts_and_not_what_is_free() {
        assert_eq!(bytes(&[MEMINFO]), Some(700 * 1024));
    }

    #[test]
    fn the_tightest_group_above_the_process_counts() {
        let group = ("proc/self/cgroup", "0::/app/worker\n");
        let of = |limit: &'static str, stat: &'static str| {
            bytes(&[
                MEMINFO,
                group,
                ("sys/fs/cgroup/app/worker/memory.max", "max\n"),
                ("sys/fs/cgroup/app/worker/memory.current", "1000\n"),
                ("sys/fs/cgroup/app/memory.max", limit),
                ("sys/fs/cgroup/app/memory.current", "300000\n"),
                ("sys/fs/cgroup/app/memory.stat", stat),
            ])
        };
        assert_eq!(of("400000\n", "anon 5\ninactive_file 60000\n"), Some(160_000));
        assert_eq!(of("100000\n", ""), Some(0));
        assert_eq!(of("9000000000\n", ""), Some(700 * 1024));
        assert_eq!(of("max\n", ""), Some(700 * 1024));
    }

    #[test]
    fn the_older_interface_is_read_too() {
        let files = [
            MEMINFO,
            ("proc/self/cgroup", "5:cpu,cpuacct:/a\n4:memory:/a\n"),
            ("sys/fs/cgroup/memory/a/memory.limit_in_bytes", "5000"),
            ("sys/fs/cgroup/memory/a/memory.usage_in_bytes", "1000"),
        ];
        assert_eq!(bytes(&files), Some(4000));
    }
}
