//! What a program or library is: its CPU, its size, and what it needs of the system.

use std::collections::BTreeSet;
use std::path::Path;

use goblin::Object;
use goblin::elf::Elf;
use goblin::mach::{Mach, MachO};
use goblin::pe::PE;

use crate::task_error::TaskError;

/// What the ledger keeps of a program.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Facts {
    /// As the format names it.
    pub(super) machine: String,
    pub(super) bytes: u64,
    /// The newest version of glibc that a symbol asks for.
    pub(super) glibc: Option<String>,
    /// Names of the libraries, in alphabetical order.
    pub(super) libraries: Vec<String>,
}

impl Facts {
    pub(super) fn of(path: &Path) -> Result<Self, TaskError> {
        let content = fs_err::read(path)?;
        let object = Object::parse(&content)
            .map_err(|error| TaskError::from(error).during(format!("read {}", path.display())))?;
        let (machine, glibc, libraries) = match &object {
            Object::Elf(elf) => (elf_machine(elf.header.e_machine), glibc(elf), own(&elf.libraries)),
            Object::PE(pe) => (pe_machine(pe), None, own(&pe.libraries)),
            Object::Mach(Mach::Binary(mach)) => (mach_machine(mach), None, mach_libraries(mach)),
            _ => return Err(TaskError::new(format!("{} is no program that we ship", path.display()))),
        };
        let libraries = libraries.into_iter().collect::<BTreeSet<_>>().into_iter().collect();
        Ok(Self { machine, bytes: fs_err::metadata(path)?.len(), glibc, libraries })
    }

    /// In one line.
    pub(super) fn needed(&self) -> String {
        let glibc = self.glibc.iter().map(|version| format!("glibc {version}"));
        glibc.chain([format!("{} libraries", self.libraries.len())]).collect::<Vec<_>>().join(", ")
    }
}

fn own(names: &[&str]) -> Vec<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

fn elf_machine(machine: u16) -> String {
    match machine {
        goblin::elf::header::EM_X86_64 => "x86-64".into(),
        goblin::elf::header::EM_AARCH64 => "aarch64".into(),
        other => format!("ELF machine {other}"),
    }
}

fn pe_machine(pe: &PE<'_>) -> String {
    match pe.header.coff_header.machine {
        goblin::pe::header::COFF_MACHINE_X86_64 => "x86-64".into(),
        goblin::pe::header::COFF_MACHINE_ARM64 => "aarch64".into(),
        other => format!("PE machine {other:#x}"),
    }
}

fn mach_machine(mach: &MachO<'_>) -> String {
    match mach.header.cputype() {
        goblin::mach::cputype::CPU_TYPE_ARM64 => "aarch64".into(),
        other => format!("Mach-O CPU {other:#x}"),
    }
}

/// The first entry is the program itself.
fn mach_libraries(mach: &MachO<'_>) -> Vec<String> {
    own(mach.libs.get(1..).unwrap_or_default())
}

fn glibc(elf: &Elf<'_>) -> Option<String> {
    let needs = elf.verneed.as_ref()?;
    let names = needs.iter().flat_map(|need| need.iter().collect::<Vec<_>>());
    let versions = names.filter_map(|name| elf.dynstrtab.get_at(name.vna_name)?.strip_prefix("GLIBC_"));
    versions.max_by_key(|version| numbers(version)).map(str::to_owned)
}

/// `2.4` is older than `2.28`.
fn numbers(version: &str) -> Vec<u32> {
    version.split('.').map(|part| part.parse().unwrap_or(0)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_compared_by_number() {
        assert!(numbers("2.4") < numbers("2.28"));
        assert!(numbers("2.28") < numbers("2.28.1"));
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn this_program_is_described() {
        let facts = Facts::of(&std::env::current_exe().unwrap()).unwrap();
        assert_eq!(facts.machine.replace('-', "_"), std::env::consts::ARCH);
        assert!(facts.libraries.iter().any(|name| name.starts_with("libc.so")), "{facts:?}");
        assert!(facts.glibc.is_some_and(|version| version.starts_with("2.")));
    }

    #[test]
    fn what_is_no_program_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("text");
        fs_err::write(&path, "text ".repeat(50)).unwrap();
        assert!(Facts::of(&path).unwrap_err().to_string().contains("no program"));
    }
}
