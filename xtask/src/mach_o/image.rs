//! What a library or program for Apple's systems says of itself.

use std::path::Path;

use goblin::mach::symbols::{N_EXT, N_PEXT, N_WEAK_REF};
use goblin::mach::{Mach, MachO};

use super::Imports;
use crate::task_error::TaskError;

/// The parts that are looked at. From the table of symbols: a file for a new system has its imports nowhere else in plain form.
#[derive(Debug)]
pub(crate) struct Image {
    /// In order.
    pub(crate) imports: Vec<Import>,
    /// Names, in order.
    pub(crate) exports: Vec<String>,
    pub(crate) bytes: u64,
}

/// A name that another library has to have.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Import {
    pub(crate) name: String,
    /// Whether it may lack.
    pub(crate) is_weak: bool,
}

impl Image {
    pub(crate) fn read(path: &Path) -> Result<Self, TaskError> {
        let content = fs_err::read(path)?;
        let during = |error| TaskError::from(error).during(format!("read {}", path.display()));
        let Mach::Binary(mach) = Mach::parse(&content).map_err(during)? else {
            return Err(TaskError::new(format!("{} has more than one architecture", path.display())));
        };
        let (mut imports, mut exports) = symbols(&mach).map_err(during)?;
        imports.sort();
        exports.sort();
        Ok(Self { imports, exports, bytes: content.len() as u64 })
    }

    /// A ledger's lines: what is imported of which library, and what is exported.
    pub(crate) fn lines(&self, known: &Imports) -> Vec<String> {
        let import = |Import { name, is_weak }: &Import| {
            let library = known.library_of(name).unwrap_or(super::SYSTEM);
            format!("imports {name} of {library}{}", if *is_weak { ", weak" } else { "" })
        };
        let exports = self.exports.iter().map(|name| format!("exports {name}"));
        self.imports.iter().map(import).chain(exports).collect()
    }
}

fn symbols(mach: &MachO<'_>) -> goblin::error::Result<(Vec<Import>, Vec<String>)> {
    let (mut imports, mut exports) = (Vec::new(), Vec::new());
    for symbol in mach.symbols() {
        let (name, entry) = symbol?;
        if entry.is_stab() || entry.n_type & N_EXT == 0 || entry.n_type & N_PEXT != 0 {
            continue;
        }
        if entry.is_undefined() {
            imports.push(Import { name: name.to_owned(), is_weak: entry.n_desc & N_WEAK_REF != 0 });
        } else {
            exports.push(name.to_owned());
        }
    }
    Ok((imports, exports))
}
