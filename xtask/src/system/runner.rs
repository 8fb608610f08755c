//! Runs programs of a system on this machine, in a root that has nothing but what the system itself has.
//!
//! | program | root |
//! |---|---|
//! | Linux x64 | C and C++ library of Debian, nothing else |
//! | Linux arm64 | qemu-user with the libraries that it needs, and those two for ARM |
//! | Windows x64 | Debian with Wine |
//!
//! bubblewrap makes the root and takes the network away. Whoever kills a [`Command`] of here kills all that it started.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::arm::{self, CPUS, Cpu};
use super::{System, debian, wine};
use crate::command;
use crate::fetch::PATH_VARIABLE;
use crate::task_error::TaskError;
use crate::workspace::Workspace;

/// Where things stand in the root.
const ARM64: &str = "/arm64";
const PROGRAMS: &str = "/opt/wheelwork";
const HOME: &str = "/user";

/// One system here.
pub(crate) struct Runner {
    kind: Kind,
    /// bubblewrap's arguments that make the system's own files.
    files: Vec<OsString>,
}

enum Kind {
    Native,
    Qemu { emulator: PathBuf, cpu: &'static str },
    Wine,
}

/// Where a test program of a checkout finds things.
pub(crate) struct TestPlaces<'a> {
    /// The checkout.
    pub(crate) root: &'a Path,
    /// What it may write.
    pub(crate) target: &'a Path,
    pub(crate) home: &'a Path,
    /// Its crate's folder.
    pub(crate) folder: &'a Path,
    pub(crate) program: &'a Path,
    /// ONNX Runtime.
    pub(crate) library: &'a Path,
}

impl Runner {
    /// `None` where nothing here runs that system's programs.
    pub(crate) fn of(workspace: &Workspace, system: System) -> Result<Option<Self>, TaskError> {
        match system {
            System::LinuxX64 => {
                let root = debian::root(workspace, "linux-x64", &["libc6", "libgcc-s1", "libstdc++6"])?;
                Ok(Some(Self { kind: Kind::Native, files: files_of(&root) }))
            }
            System::LinuxArm64 => Self::arm64(workspace, &CPUS[1]).map(Some),
            System::WindowsX64 => {
                Ok(Some(Self { kind: Kind::Wine, files: files_of(&wine::root(workspace)?) }))
            }
            System::WindowsArm64 | System::MacOsArm64 => Ok(None),
        }
    }

    /// Linux arm64 on that CPU.
    pub(crate) fn arm64(workspace: &Workspace, cpu: &Cpu) -> Result<Self, TaskError> {
        let mut files = bind(&arm::prefix(workspace, cpu)?, Path::new(ARM64)).to_vec();
        let emulator = arm::qemu()?;
        files.extend(libraries(&emulator)?.iter().flat_map(|path| bind(path, path)));
        Ok(Self { kind: Kind::Qemu { emulator, cpu: cpu.name }, files })
    }

    /// What this is, for a table.
    pub(crate) fn name(&self) -> String {
        match &self.kind {
            Kind::Native => "an empty root".into(),
            Kind::Qemu { cpu, .. } => format!("an empty root, qemu-user as {cpu}"),
            Kind::Wine => "Wine".into(),
        }
    }

    /// `program` of the folder `programs`, with `home` as the user's folder and the current one.
    pub(crate) fn command(&self, programs: &Path, home: &Path, program: &str) -> Command {
        let mut command = self.sandbox(home);
        command.args(bind(programs, Path::new(PROGRAMS))).args(["--chdir", HOME]);
        self.start(&mut command, &Path::new(PROGRAMS).join(program));
        command
    }

    /// A test program where the checkout lies.
    pub(crate) fn in_place(&self, places: &TestPlaces<'_>) -> Command {
        let TestPlaces { root, target, home, folder, program, library } = places;
        let mut command = self.sandbox(home);
        command.args(bind(root, root)).arg("--bind").arg(target).arg(target);
        let library = match self.kind {
            // Wine's name of the root.
            Kind::Wine => format!("Z:{}", library.display()).replace('/', "\\"),
            _ => library.display().to_string(),
        };
        command.args(["--setenv", PATH_VARIABLE, &library, "--chdir"]).arg(folder);
        self.start(&mut command, program);
        command
    }

    fn sandbox(&self, home: &Path) -> Command {
        let mut command = Command::new("bwrap");
        command
            .args(["--unshare-all", "--die-with-parent", "--clearenv", "--hostname", "empty"])
            .args(&self.files)
            .args(["--proc", "/proc", "--dev", "/dev", "--ro-bind", "/sys", "/sys", "--tmpfs", "/tmp"])
            .arg("--bind")
            .arg(home)
            .args([HOME, "--setenv", "HOME", HOME, "--setenv", "LANG", "C.UTF-8"]);
        command
    }

    fn start(&self, command: &mut Command, program: &Path) {
        match &self.kind {
            Kind::Native => command.arg(program),
            Kind::Qemu { emulator, cpu } => {
                command.arg(emulator).args(["-L", ARM64, "-cpu", cpu]).arg(program)
            }
            Kind::Wine => command
                .args(["--setenv", "WINEPREFIX", &format!("{HOME}/wine"), "--setenv", "WINEDEBUG", "-all"])
                .args(["--setenv", "PATH", "/usr/bin:/bin", "/usr/bin/wine"])
                .arg(program),
        };
    }
}

/// A Debian's files, where the system has them. Folders that a newer Debian keeps in `/usr` are links there.
fn files_of(root: &Path) -> Vec<OsString> {
    let mut files = Vec::new();
    for name in ["usr", "etc", "bin", "lib", "lib64"] {
        let (here, there) = (root.join(name), Path::new("/").join(name));
        if here.is_dir() && !here.is_symlink() {
            files.extend(bind(&here, &there));
        } else if root.join("usr").join(name).is_dir() {
            files.extend(["--symlink".into(), Path::new("usr").join(name).into(), there.into()]);
        }
    }
    files
}

/// To be read, not written.
fn bind(here: &Path, there: &Path) -> [OsString; 3] {
    ["--ro-bind".into(), here.into(), there.into()]
}

/// A program and what the loader takes for it, from `ldd`.
fn libraries(program: &Path) -> Result<Vec<PathBuf>, TaskError> {
    let said = command::capture(Command::new("ldd").arg(program))?;
    let paths = said.split_whitespace().filter(|word| word.starts_with('/')).map(PathBuf::from);
    Ok(std::iter::once(program.to_path_buf()).chain(paths).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folders_that_moved_into_usr_are_links_to_there() {
        let root = tempfile::tempdir().unwrap();
        let at = |name: &str| root.path().join(name);
        for name in ["usr/lib", "usr/bin", "lib64"] {
            fs_err::create_dir_all(at(name)).unwrap();
        }
        let words: Vec<_> =
            files_of(root.path()).iter().map(|word| word.to_string_lossy().into_owned()).collect();
        let own = |name: &str| at(name).display().to_string();
        let expected = format!(
            "--ro-bind {} /usr --symlink usr/bin /bin --symlink usr/lib /lib --ro-bind {} /lib64",
            own("usr"),
            own("lib64")
        );
        assert_eq!(words.join(" "), expected);
    }
}
