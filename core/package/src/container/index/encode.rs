//! From an index to its bytes.

use std::collections::BTreeSet;

use super::Index;
use crate::container::Name;

impl Index {
    /// The one sequence of bytes for this index (`docs/package-format.md`, "Index").
    ///
    /// Counts beyond the limits are cut to what their field holds; [`Index::decode`] refuses such bytes.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let folders: Vec<&Name> = self
            .files
            .iter()
            .filter_map(|file| file.path.folder.as_ref())
            .collect::<BTreeSet<_>>()
            .into_iter()
            .collect();
        let mut bytes = Vec::new();
        bytes.extend(self.version.to_le_bytes());
        push_name(&mut bytes, &self.name);
        bytes.extend(u16::try_from(folders.len()).unwrap_or(u16::MAX).to_le_bytes());
        for folder in &folders {
            push_name(&mut bytes, folder);
        }
        push_count(&mut bytes, self.files.len());
        for file in &self.files {
            let folder = file.path.folder.as_ref().and_then(|folder| folders.binary_search(&folder).ok());
            let number = folder.map_or(0, |index| u16::try_from(index + 1).unwrap_or(u16::MAX));
            bytes.extend(number.to_le_bytes());
            push_name(&mut bytes, &file.path.name);
            bytes.extend(file.bytes.to_le_bytes());
            bytes.extend(file.sha256.as_bytes());
            push_count(&mut bytes, file.chunks.len());
            bytes.extend(file.chunks.iter().flat_map(|chunk| chunk.to_le_bytes()));
        }
        push_count(&mut bytes, self.chunks.len());
        for chunk in &self.chunks {
            bytes.extend(chunk.content_sha256.as_bytes());
            bytes.extend(chunk.stored_sha256.as_bytes());
            bytes.extend(chunk.content_bytes.to_le_bytes());
            bytes.extend(chunk.stored_bytes.to_le_bytes());
        }
        bytes
    }
}

fn push_name(bytes: &mut Vec<u8>, name: &Name) {
    bytes.push(u8::try_from(name.as_str().len()).unwrap_or(u8::MAX));
    bytes.extend(name.as_str().as_bytes());
}

fn push_count(bytes: &mut Vec<u8>, count: usize) {
    bytes.extend(u32::try_from(count).unwrap_or(u32::MAX).to_le_bytes());
}
