//! Which file of a crate imports from which: `use` declarations and paths written out, followed through re-exports to
//! the file that defines the name. `mod x;` and `pub use` alone are no imports.

mod source;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use self::source::{Import, Source};
use super::text_file::TextFile;
use crate::task_error::TaskError;

/// One file imports from another.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Arrow {
    pub(super) from: String,
    pub(super) line: usize,
    pub(super) to: String,
}

/// Every arrow between the files of the crate whose root is `root`: one for each pair of files, at its first line.
pub(super) fn arrows(root: &str, files: &[TextFile]) -> Result<Vec<Arrow>, TaskError> {
    let texts = files.iter().map(|file| (file.path.as_str(), file.text.as_str())).collect();
    let mut tree = Tree { modules: Vec::new() };
    tree.read(root, None, &texts)?;
    Ok(tree.arrows())
}

/// A crate's modules; the root is the first.
struct Tree {
    modules: Vec<Module>,
}

struct Module {
    file: String,
    parent: Option<usize>,
    children: BTreeMap<String, usize>,
    source: Source,
}

/// Where a path leads.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Target {
    Module(usize),
    /// Something that this module defines.
    Item(usize),
}

/// Longer chains of re-exports are circles.
const MOST_STEPS: usize = 32;

impl Tree {
    fn read(
        &mut self,
        file: &str,
        parent: Option<usize>,
        texts: &BTreeMap<&str, &str>,
    ) -> Result<usize, TaskError> {
        let text = texts.get(file).ok_or_else(|| TaskError::new(format!("{file}: no such module")))?;
        let source = Source::read(text)
            .map_err(|error| TaskError::from(error).during(format!("read the tokens of {file}")))?;
        let (folder, name) = file.rsplit_once('/').unwrap_or(("", file));
        let folder = match name {
            "lib.rs" | "main.rs" | "mod.rs" => folder.to_owned(),
            _ => file.trim_end_matches(".rs").to_owned(),
        };
        self.add(file, &folder, parent, source, texts)
    }

    /// Adds a module and those below it, whose files lie in `folder`.
    fn add(
        &mut self,
        file: &str,
        folder: &str,
        parent: Option<usize>,
        mut source: Source,
        texts: &BTreeMap<&str, &str>,
    ) -> Result<usize, TaskError> {
        let (inline, names) = (std::mem::take(&mut source.inline), source.files.clone());
        let module = self.modules.len();
        self.modules.push(Module { file: file.to_owned(), parent, children: BTreeMap::new(), source });
        for (name, inner) in inline {
            let child = self.add(file, &format!("{folder}/{name}"), Some(module), inner, texts)?;
            self.modules[module].children.insert(name, child);
        }
        for name in names {
            let below = format!("{folder}/{name}/mod.rs");
            let beside = format!("{folder}/{name}.rs");
            let path = if texts.contains_key(below.as_str()) { below } else { beside };
            let child = self.read(&path, Some(module), texts)?;
            self.modules[module].children.insert(name, child);
        }
        Ok(module)
    }

    fn arrows(&self) -> Vec<Arrow> {
        let mut arrows = BTreeMap::new();
        for (index, module) in self.modules.iter().enumerate() {
            let Source { imports, paths, used, .. } = &module.source;
            let imported = imports.iter().filter_map(|import| {
                // A re-export counts once the code below it uses the name.
                let counts = !import.is_public || used.contains(&import.name);
                let target = self.resolve(index, &import.path, 0).filter(|_| counts)?;
                Some((target, import.line))
            });
            let written =
                paths.iter().filter_map(|(path, line)| Some((self.resolve(index, path, 0)?, *line)));
            for (target, line) in imported.chain(written) {
                let Target::Item(target) = target else { continue };
                let to = &self.modules[target].file;
                if *to != module.file {
                    let first = arrows.entry((module.file.clone(), to.clone())).or_insert(line);
                    *first = line.min(*first);
                }
            }
        }
        arrows.into_iter().map(|((from, to), line)| Arrow { from, line, to }).collect()
    }

    /// Where `path` leads from inside `module`; `None` for another crate's.
    fn resolve(&self, module: usize, path: &[String], steps: usize) -> Option<Target> {
        let (first, mut rest) = path.split_first()?;
        let mut target = match first.as_str() {
            "crate" => Target::Module(0),
            "self" => Target::Module(module),
            "super" => Target::Module(self.modules[module].parent?),
            name => self.look_up(module, name, rest.is_empty(), steps)?,
        };
        while let (Target::Module(inside), Some((name, after))) = (target, rest.split_first()) {
            rest = after;
            target = match name.as_str() {
                "super" => Target::Module(self.modules[inside].parent?),
                // A name that can't be told, say a macro's: the module that it is asked of.
                name => self.look_up(inside, name, rest.is_empty(), steps).unwrap_or(Target::Item(inside)),
            };
        }
        Some(target)
    }

    /// What `name` is inside `module`: of a module and an item by one name, the item at a path's end.
    fn look_up(&self, module: usize, name: &str, is_last: bool, steps: usize) -> Option<Target> {
        if steps > MOST_STEPS {
            return None;
        }
        let Module { children, source, .. } = &self.modules[module];
        let child = children.get(name).map(|child| Target::Module(*child));
        let item = source.defined.contains(name).then_some(Target::Item(module));
        let imported = |import: &Import| self.resolve(module, &import.path, steps + 1);
        let named = source.imports.iter().filter(|import| import.name == name).filter_map(imported);
        let found: Vec<_> = child.into_iter().chain(item).chain(named).collect();
        let wanted = found.iter().find(|target| matches!(target, Target::Item(_)) == is_last);
        wanted.or(found.first()).copied().or_else(|| {
            let globs = source.imports.iter().filter(|import| import.name == "*").filter_map(imported);
            globs
                .filter_map(|target| match target {
                    Target::Module(inside) => self.look_up(inside, name, is_last, steps + 1),
                    Target::Item(_) => None,
                })
                .next()
        })
    }
}
