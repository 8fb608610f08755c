//! A folder of real files, changed as an input says: the input is a list of patches, so that what the files have in common
//! stays right until a patch breaks it.
//!
//! A patch is the file's index, what is done, a place (three bytes), a count, and so many new bytes.

use std::fs;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use wheelwork::OpenOptions;

/// Names the folder with the real files.
const VARIABLE: &str = "WHEELWORK_FUZZ_BASE";
/// The most that a patch repeats what it inserts.
const REPEATS: usize = 1 << 12;

/// A copy of the files in the system's temporary folder, with what they hold when nothing is changed.
pub struct Files {
    folder: PathBuf,
    original: Vec<(PathBuf, Vec<u8>)>,
    /// Indices of files that are not as they were.
    changed: Vec<usize>,
}

impl Files {
    /// The base's files as `package`, with a prepared form in `cache`; only those below `below` change.
    pub fn new(below: &str) -> Self {
        let base = std::env::var_os(VARIABLE).expect("`cargo xtask fuzz` names the base");
        let folder = tempfile::tempdir().expect("there is a temporary folder").keep();
        let mut given = Vec::new();
        read(Path::new(&base), Path::new("package"), &mut given);
        for (path, content) in &given {
            let path = folder.join(path);
            fs::create_dir_all(path.parent().expect("it is in the folder")).expect("the folder is ours");
            fs::write(path, content).expect("the file is written");
        }
        let options = OpenOptions { cache_dir: Some(folder.join("cache")), ..OpenOptions::default() };
        wheelwork::prepare(folder.join("package"), &options, &mut |_| ControlFlow::Continue(()))
            .expect("the package can be prepared");
        let mut original = Vec::new();
        read(&folder, Path::new(""), &mut original);
        original.retain(|(path, _)| path.starts_with(below));
        original.sort();
        assert!(!original.is_empty(), "there is no `{below}`");
        Self { folder, original, changed: Vec::new() }
    }

    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Puts all files back, then changes them.
    pub fn patch(&mut self, mut patches: &[u8]) {
        for index in std::mem::take(&mut self.changed) {
            let (path, content) = &self.original[index];
            fs::write(self.folder.join(path), content).expect("the file is written");
        }
        let mut contents: Vec<Option<Vec<u8>>> = vec![None; self.original.len()];
        while let Some(([file, action, a, b, c, count], rest)) = patches.split_first_chunk() {
            let (new, rest) = rest.split_at(usize::from(*count).min(rest.len()));
            patches = rest;
            let index = usize::from(*file) % self.original.len();
            let content = contents[index].get_or_insert_with(|| self.original[index].1.clone());
            let place = u32::from_le_bytes([*a, *b, *c, 0]) as usize % (content.len() + 1);
            let end = (place + new.len()).min(content.len());
            match action % 6 {
                0 => drop(content.splice(place..end, new.iter().copied())),
                1 => drop(content.splice(place..place, new.iter().copied())),
                2 => drop(content.drain(place..end)),
                3 => content.truncate(place),
                4 => {
                    let repeats = place % REPEATS;
                    content.splice(end..end, new.repeat(repeats));
                }
                _ => content.iter_mut().skip(place).take(1).for_each(|byte| *byte ^= 1 << (count % 8)),
            }
        }
        for (index, content) in contents.into_iter().enumerate() {
            let Some(content) = content else { continue };
            fs::write(self.folder.join(&self.original[index].0), content).expect("the file is written");
            self.changed.push(index);
        }
    }
}

fn read(base: &Path, below: &Path, files: &mut Vec<(PathBuf, Vec<u8>)>) {
    for entry in fs::read_dir(base.join(below)).expect("the base is a folder") {
        let path = below.join(entry.expect("the base is readable").file_name());
        if base.join(&path).is_dir() {
            read(base, &path, files);
        } else {
            files.push((path.clone(), fs::read(base.join(&path)).expect("the base is readable")));
        }
    }
}
