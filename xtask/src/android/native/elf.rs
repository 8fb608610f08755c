//! What a shared library says of itself.

use std::path::Path;

use goblin::elf::dynamic::{DF_TEXTREL, DT_TEXTREL};
use goblin::elf::program_header::PT_LOAD;
use goblin::elf::sym::STB_WEAK;

use crate::task_error::TaskError;

/// The parts of an ELF file that loading it depends on.
#[derive(Default)]
pub(super) struct Elf {
    /// What it is called in others that need it.
    pub(super) soname: String,
    /// Libraries that it needs.
    pub(super) needed: Vec<String>,
    /// In order.
    pub(super) imports: Vec<Import>,
    /// Names, in order.
    pub(super) exports: Vec<String>,
    /// The smallest alignment of a segment that is loaded, in bytes.
    pub(super) align: u64,
    /// Whether code has to be changed when it is loaded, which Android refuses.
    pub(super) changes_code: bool,
}

/// A name that another library has to have.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Import {
    pub(super) name: String,
    /// Whether it may lack.
    pub(super) is_weak: bool,
}

impl Elf {
    pub(super) fn read(path: &Path) -> Result<Self, TaskError> {
        let bytes = fs_err::read(path)?;
        let during = |error| TaskError::from(error).during(format!("read {}", path.display()));
        let elf = goblin::elf::Elf::parse(&bytes).map_err(during)?;
        let (mut imports, mut exports) = (Vec::new(), Vec::new());
        for symbol in &elf.dynsyms {
            let name = elf.dynstrtab.get_at(symbol.st_name).unwrap_or_default().to_owned();
            if name.is_empty() || symbol.st_bind() == goblin::elf::sym::STB_LOCAL {
                continue;
            }
            if symbol.is_import() {
                imports.push(Import { name, is_weak: symbol.st_bind() == STB_WEAK });
            } else {
                exports.push(name);
            }
        }
        imports.sort();
        exports.sort();
        let aligns = elf.program_headers.iter().filter(|header| header.p_type == PT_LOAD);
        let changes_code = elf.dynamic.as_ref().is_some_and(|dynamic| {
            dynamic.info.flags & DF_TEXTREL != 0 || dynamic.dyns.iter().any(|entry| entry.d_tag == DT_TEXTREL)
        });
        Ok(Self {
            soname: elf.soname.unwrap_or_default().to_owned(),
            needed: elf.libraries.iter().map(|&name| name.to_owned()).collect(),
            imports,
            exports,
            align: aligns.map(|header| header.p_align).min().unwrap_or(0),
            changes_code,
        })
    }
}
