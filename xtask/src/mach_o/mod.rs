//! Linking for Apple's systems without Apple's SDK: a real link, by the linker that came with Rust, against stubs.
//!
//! 1. A ledger that is checked in says what is imported of which library: [`Imports`].
//! 2. [`stubs`] writes libraries that have these names and nothing else, laid out as an SDK.
//! 3. [`link`] links against them, and so fails for a name that nobody has looked at.
//! 4. [`image`] reads what came of it.

pub(crate) mod image;
pub(crate) mod link;
pub(crate) mod stubs;

use std::collections::{BTreeMap, BTreeSet};

/// The library that has what no line of a ledger names another for.
pub(crate) const SYSTEM: &str = "/usr/lib/libSystem.B.dylib";

/// Names by the library that has them, by its install name.
#[derive(Debug)]
pub(crate) struct Imports(BTreeMap<String, BTreeSet<String>>);

impl Imports {
    /// From a ledger's lines `imports NAME of LIBRARY`, where a `, weak` may follow; what else stands there is left out.
    pub(crate) fn read(ledger: &str) -> Self {
        // Every linker asks for the system's, whatever is taken of it.
        let mut imports = Self(BTreeMap::from([(SYSTEM.to_owned(), BTreeSet::new())]));
        for line in ledger.lines() {
            let import = line.split_once("imports ").and_then(|(_, rest)| rest.split_once(" of "));
            if let Some((name, library)) = import {
                imports.add(name, library.split(',').next().unwrap_or(library));
            }
        }
        imports
    }

    pub(crate) fn add(&mut self, name: &str, library: &str) {
        self.0.entry(library.to_owned()).or_default().insert(name.to_owned());
    }

    /// The library that has a name.
    pub(crate) fn library_of(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(_, names)| names.contains(name)).map(|(library, _)| library.as_str())
    }

    fn libraries(&self) -> impl Iterator<Item = (&String, &BTreeSet<String>)> {
        self.0.iter()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn imports_are_read_from_a_ledgers_lines() {
        let imports = Imports::read(
            "# imports nothing\narm64 size 1\narm64 imports _free of /usr/lib/libSystem.B.dylib\n\
             imports _getentropy of /usr/lib/libSystem.B.dylib, weak\nimports _Sec of /S.framework/S\nexports _ours\n",
        );
        assert_eq!(imports.library_of("_free"), Some(SYSTEM));
        assert_eq!(imports.library_of("_getentropy"), Some(SYSTEM));
        assert_eq!(imports.library_of("_Sec"), Some("/S.framework/S"));
        assert_eq!(imports.library_of("_ours"), None);
    }
}
