//! A file system in memory that can lose its power: what was not synced is lost, kept, or some of it, as the test likes.

use std::collections::{BTreeMap, HashMap};
use std::io::{self, ErrorKind};
use std::path::{Component, Path, PathBuf};
use std::sync::{Arc, Mutex};

use wheelwork_package::vfs::{Kind, Lock, Vfs, VfsFile};

/// What a power loss does to what was not synced.
#[derive(Debug, Clone, Copy)]
pub(crate) enum PowerLoss {
    /// Names and contents are as they were at their last sync.
    LosesAll,
    /// Names are kept, contents are zeros: the worst of a file system that orders neither.
    KeepsNames,
    /// Each name and each content is kept or lost, by a random choice from this seed.
    Random(u64),
}

/// The file system. Clones are the same one.
#[derive(Debug, Clone, Default)]
pub(crate) struct MemoryVfs(Arc<Mutex<State>>);

#[derive(Debug)]
struct State {
    nodes: HashMap<u64, Node>,
    next: u64,
    free_bytes: u64,
}

#[derive(Debug, Clone)]
enum Node {
    File { content: Vec<u8>, synced: Option<Vec<u8>> },
    Folder { names: BTreeMap<String, u64>, synced: BTreeMap<String, u64> },
}

const ROOT: u64 = 0;

impl Default for State {
    fn default() -> Self {
        Self { nodes: HashMap::from([(ROOT, folder())]), next: 1, free_bytes: 1 << 40 }
    }
}

fn folder() -> Node {
    Node::Folder { names: BTreeMap::new(), synced: BTreeMap::new() }
}

impl MemoryVfs {
    pub(crate) fn set_free_bytes(&self, bytes: u64) {
        self.0.lock().unwrap().free_bytes = bytes;
    }

    pub(crate) fn lose_power(&self, how: PowerLoss) {
        let mut state = self.0.lock().unwrap();
        let mut random = match how {
            PowerLoss::Random(seed) => seed.wrapping_mul(2).wrapping_add(1),
            _ => 1,
        };
        let mut keeps = |default: bool| match how {
            PowerLoss::Random(_) => {
                random =
                    random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                random >> 63 == 1
            }
            _ => default,
        };
        let keeps_names = matches!(how, PowerLoss::KeepsNames);
        let mut ids: Vec<u64> = state.nodes.keys().copied().collect();
        ids.sort_unstable();
        for id in ids {
            match state.nodes.get_mut(&id).unwrap() {
                Node::File { content, synced } => {
                    if !keeps(false) {
                        *content = synced.clone().unwrap_or_else(|| vec![0; content.len()]);
                    }
                    *synced = Some(content.clone());
                }
                Node::Folder { names, synced } => {
                    let all: Vec<String> = names.keys().chain(synced.keys()).cloned().collect();
                    for name in all {
                        if names.get(&name) != synced.get(&name) && !keeps(keeps_names) {
                            match synced.get(&name) {
                                Some(id) => names.insert(name, *id),
                                None => names.remove(&name),
                            };
                        }
                    }
                    *synced = names.clone();
                }
            }
        }
    }

    /// Changes one byte of a file behind everybody's back.
    pub(crate) fn damage(&self, path: &Path, at: usize) {
        let mut state = self.0.lock().unwrap();
        let id = state.find(path).unwrap().unwrap();
        if let Some(Node::File { content, .. }) = state.nodes.get_mut(&id) {
            content[at] ^= 1;
        }
    }
}

impl State {
    fn find(&self, path: &Path) -> io::Result<Option<u64>> {
        let mut id = ROOT;
        for part in parts(path) {
            match &self.nodes[&id] {
                Node::Folder { names, .. } => match names.get(&part) {
                    Some(next) => id = *next,
                    None => return Ok(None),
                },
                _ => return Err(ErrorKind::NotADirectory.into()),
            }
        }
        Ok(Some(id))
    }

    fn get(&self, path: &Path) -> io::Result<u64> {
        self.find(path)?.ok_or_else(|| ErrorKind::NotFound.into())
    }

    fn names(&mut self, folder: u64) -> io::Result<&mut BTreeMap<String, u64>> {
        match self.nodes.get_mut(&folder) {
            Some(Node::Folder { names, .. }) => Ok(names),
            _ => Err(ErrorKind::NotADirectory.into()),
        }
    }

    /// The names of a path's folder, and its own.
    fn entry(&mut self, path: &Path) -> io::Result<(&mut BTreeMap<String, u64>, String)> {
        let name = parts(path).last().ok_or(ErrorKind::InvalidInput)?.clone();
        let parent = self.get(path.parent().ok_or(ErrorKind::InvalidInput)?)?;
        Ok((self.names(parent)?, name))
    }

    fn insert(&mut self, path: &Path, node: Node) -> io::Result<u64> {
        let id = self.next;
        let (names, name) = self.entry(path)?;
        if names.contains_key(&name) {
            return Err(ErrorKind::AlreadyExists.into());
        }
        names.insert(name, id);
        self.next += 1;
        self.nodes.insert(id, node);
        Ok(id)
    }

    fn remove(&mut self, path: &Path) -> io::Result<u64> {
        let (names, name) = self.entry(path)?;
        names.remove(&name).ok_or_else(|| ErrorKind::NotFound.into())
    }
}

fn parts(path: &Path) -> Vec<String> {
    let normal = path.components().filter(|part| matches!(part, Component::Normal(_)));
    normal.map(|part| part.as_os_str().to_str().unwrap().to_owned()).collect()
}

impl Vfs for MemoryVfs {
    fn create_dir_all(&self, path: &Path) -> io::Result<()> {
        let mut state = self.0.lock().unwrap();
        let mut parent = PathBuf::from("/");
        for part in parts(path) {
            parent.push(part);
            match state.find(&parent)? {
                None => drop(state.insert(&parent, folder())?),
                Some(id) => drop(state.names(id)?.len()),
            }
        }
        Ok(())
    }

    fn open(&self, path: &Path) -> io::Result<Box<dyn VfsFile>> {
        let state = self.0.lock().unwrap();
        let id = state.get(path)?;
        match &state.nodes[&id] {
            Node::File { .. } => Ok(Box::new(MemoryFile { vfs: self.clone(), id })),
            _ => Err(ErrorKind::IsADirectory.into()),
        }
    }

    fn open_for_writing(&self, path: &Path) -> io::Result<Box<dyn VfsFile>> {
        let mut state = self.0.lock().unwrap();
        if state.find(path)?.is_none() {
            state.insert(path, Node::File { content: Vec::new(), synced: None })?;
        }
        drop(state);
        self.open(path)
    }

    fn kind(&self, path: &Path) -> io::Result<Option<Kind>> {
        let state = self.0.lock().unwrap();
        Ok(state.find(path)?.map(|id| kind_of(&state.nodes[&id])))
    }

    fn list(&self, folder: &Path) -> io::Result<Vec<(String, Kind)>> {
        let mut state = self.0.lock().unwrap();
        let Some(id) = state.find(folder)? else { return Ok(Vec::new()) };
        let names = state.names(id)?.clone();
        Ok(names.into_iter().map(|(name, id)| (name, kind_of(&state.nodes[&id]))).collect())
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        let mut state = self.0.lock().unwrap();
        if let Some(target) = state.find(to)?
            && matches!(state.nodes[&target], Node::Folder { .. })
        {
            return Err(ErrorKind::DirectoryNotEmpty.into());
        }
        state.entry(to)?;
        let id = state.remove(from)?;
        let (names, name) = state.entry(to)?;
        names.insert(name, id);
        Ok(())
    }

    fn hard_link(&self, existing: &Path, link: &Path) -> io::Result<()> {
        let mut state = self.0.lock().unwrap();
        let id = state.get(existing)?;
        let (names, name) = state.entry(link)?;
        if names.contains_key(&name) {
            return Err(ErrorKind::AlreadyExists.into());
        }
        names.insert(name, id);
        Ok(())
    }

    fn remove_file(&self, path: &Path) -> io::Result<()> {
        self.0.lock().unwrap().remove(path).map(drop)
    }

    fn remove_dir_all(&self, path: &Path) -> io::Result<()> {
        match self.0.lock().unwrap().remove(path) {
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
            result => result.map(drop),
        }
    }

    fn sync_dir(&self, path: &Path) -> io::Result<()> {
        let mut state = self.0.lock().unwrap();
        let id = state.get(path)?;
        match state.nodes.get_mut(&id) {
            Some(Node::Folder { names, synced }) => {
                *synced = names.clone();
                Ok(())
            }
            _ => Err(ErrorKind::NotADirectory.into()),
        }
    }

    fn free_bytes(&self, _: &Path) -> io::Result<u64> {
        Ok(self.0.lock().unwrap().free_bytes)
    }

    fn lock(&self, _: &Path, _: &str) -> io::Result<Lock> {
        Ok(Lock::Held(Box::new(())))
    }
}

struct MemoryFile {
    vfs: MemoryVfs,
    id: u64,
}

impl MemoryFile {
    fn with<T>(&self, act: impl FnOnce(&mut Vec<u8>, &mut Option<Vec<u8>>) -> T) -> T {
        match self.vfs.0.lock().unwrap().nodes.get_mut(&self.id) {
            Some(Node::File { content, synced }) => act(content, synced),
            _ => unreachable!("only files are opened"),
        }
    }
}

impl VfsFile for MemoryFile {
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        let start = usize::try_from(offset).unwrap();
        self.with(|content, _| {
            let rest = content.get(start..).unwrap_or_default();
            let length = rest.len().min(buffer.len());
            buffer[..length].copy_from_slice(&rest[..length]);
            Ok(length)
        })
    }

    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<usize> {
        let start = usize::try_from(offset).unwrap();
        self.with(|content, _| {
            let end = start + bytes.len();
            if content.len() < end {
                content.resize(end, 0);
            }
            content[start..end].copy_from_slice(bytes);
            Ok(bytes.len())
        })
    }

    fn byte_len(&self) -> io::Result<u64> {
        self.with(|content, _| Ok(content.len() as u64))
    }

    fn sync(&self) -> io::Result<()> {
        self.with(|content, synced| {
            *synced = Some(content.clone());
            Ok(())
        })
    }
}

fn kind_of(node: &Node) -> Kind {
    match node {
        Node::File { content, .. } => Kind::File { bytes: content.len() as u64 },
        Node::Folder { .. } => Kind::Folder,
    }
}
