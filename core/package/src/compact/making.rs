//! Writing a compact form.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Read as _, Seek as _, SeekFrom};
use std::path::Path;

use super::record::{Angles, From, Kept, Matrix, Part, Record};
use super::{RECORD, WEIGHTS};
use crate::graph::GraphError;
use crate::graph::attention::{Attentions, tables};
use crate::graph::codes::Stated;
use crate::graph::rewritten::{Replaceable, external, replaceable, rewritten};
use crate::packing::{self, PackingError};
use crate::vfs::{self, Links, RealVfs, open_file};

/// Where a kept range begins, there and here, within so many bytes: what is aligned stays aligned.
const ALIGNMENT: u64 = 64;

/// Writes the compact form of `file` into the folder `to`, durably; `None` where it would hold no matrix. `graphs` are all that read
/// the file. `go_on` is asked now and then with the bytes so far.
///
/// # Errors
/// [`PackingError`]; what `go_on` says.
pub(crate) fn make(
    graphs: &[Vec<u8>],
    stated: &Stated,
    (package, file): (&Path, &str),
    to: &Path,
    mut go_on: impl FnMut(u64) -> io::Result<()>,
) -> Result<Option<Record>, PackingError> {
    let candidates = candidates(graphs, stated, file).map_err(PackingError::Graph)?;
    let mut weights =
        fs_err::OpenOptions::new().write(true).create_new(true).open(to.join(WEIGHTS))?.into_file();
    let written = packing::write(&candidates, package, &mut weights, |bytes| Ok(go_on(bytes)?))?;
    if written.is_empty() {
        return Ok(None);
    }
    let places = packing::places(written.iter().copied());
    let (places, end) = places.expect("what was written has a place");
    let matrices: Vec<_> =
        written.iter().filter_map(|node| Matrix::of(node, file, places.get(&node.output)?.offset)).collect();
    let source = open_file(&package.join(file), Links::Refused).map_err(io::Error::from)?;
    let mut source = source.into_file();
    let bytes = source.metadata()?.len();
    let angles = angles(graphs, stated, file).map_err(PackingError::Graph)?;
    let angles = match angles {
        Some(angles) if are_apart(&angles, &matrices) && follow(&angles, &mut source)? => Some(angles),
        _ => None,
    };
    let kept = kept(&matrices, angles.as_ref(), bytes, end);
    for range in &kept {
        copy(&mut source, range, &mut weights)?;
        go_on(range.at)?;
    }
    let record = Record::new(file, bytes, matrices, angles, kept);
    let record = record.ok_or_else(|| io::Error::other("the parts of the compact form overlap"))?;
    weights.sync_all()?;
    vfs::write(&RealVfs, &to.join(RECORD), &record.to_bytes())?;
    Ok(Some(record))
}

/// One node of each matrix that every graph reads by way of nodes that ours can replace.
fn candidates(graphs: &[Vec<u8>], stated: &Stated, file: &str) -> Result<Vec<Replaceable>, GraphError> {
    let parts = |node: &Replaceable| Matrix::of(node, file, 0).and_then(|matrix| matrix.parts());
    let nodes = graphs.iter().map(|graph| replaceable(graph, stated)).collect::<Result<Vec<_>, _>>()?;
    let mut found: Vec<(&Replaceable, Vec<Part>)> = Vec::new();
    for node in nodes.iter().flatten() {
        let Some(parts) = parts(node) else { continue };
        let is_new = !found.iter().any(|(other, _)| other.shares_with(node));
        let is_apart = |other: &Part| !parts.iter().any(|part| part.overlaps(other.offset, other.bytes));
        if is_new && found.iter().flat_map(|(_, parts)| parts).all(is_apart) {
            found.push((node, parts));
        }
    }
    // What another node reads as it is stays as it is, and then whoever shares it.
    loop {
        let mut read = Vec::new();
        for (graph, nodes) in graphs.iter().zip(&nodes) {
            let ours = nodes.iter().filter(|node| found.iter().any(|(other, _)| other.shares_with(node)));
            let (places, _) = packing::places(ours).expect("candidates have shapes");
            let left = if places.is_empty() {
                graph.clone()
            } else {
                rewritten(graph, WEIGHTS, &places, Attentions::Original)?
            };
            read.extend(external(&left)?.into_iter().filter(|range| range.file == file));
        }
        let before = found.len();
        found.retain(|(_, parts)| {
            !parts.iter().any(|part| read.iter().any(|range| part.overlaps(range.offset, range.bytes)))
        });
        if found.len() == before {
            return Ok(found.into_iter().map(|(node, _)| node.clone()).collect());
        }
    }
}

/// The angles of the tables that every graph reads, and reads for its attentions alone.
fn angles(graphs: &[Vec<u8>], stated: &Stated, file: &str) -> Result<Option<Angles>, GraphError> {
    let mut found = None;
    for graph in graphs {
        let Some(tables) = tables(graph)? else { return Ok(None) };
        let Some(angles) = Angles::of(&tables, file, &stated.frequencies) else { return Ok(None) };
        let Some(parts) = angles.parts() else { return Ok(None) };
        let without = Attentions::WithoutTables(&angles.frequencies);
        let left = external(&rewritten(graph, WEIGHTS, &BTreeMap::new(), without)?)?;
        let mut left = left.iter().filter(|range| range.file == file);
        let is_read = left.any(|range| parts.iter().any(|part| part.overlaps(range.offset, range.bytes)));
        if is_read || found.as_ref().is_some_and(|found| *found != angles) {
            return Ok(None);
        }
        found = Some(angles);
    }
    Ok(found)
}

fn are_apart(angles: &Angles, matrices: &[Matrix]) -> bool {
    let Some([cosines, sines]) = angles.parts() else { return false };
    let mut others = matrices.iter().filter_map(Matrix::parts).flatten();
    let is_in = |table: &Part, other: &Part| table.overlaps(other.offset, other.bytes);
    !is_in(&cosines, &sines) && !others.any(|other| is_in(&cosines, &other) || is_in(&sines, &other))
}

/// Whether the tables in the file follow from the angles to the bit.
fn follow(angles: &Angles, source: &mut File) -> io::Result<bool> {
    const ROWS: usize = 1024;
    let Some(parts) = angles.parts() else { return Ok(false) };
    let positions = usize::try_from(angles.positions).map_err(io::Error::other)?;
    for part in parts {
        let From::Angles { table } = part.from else { continue };
        source.seek(SeekFrom::Start(part.offset))?;
        for first in (0..positions).step_by(ROWS) {
            let made = angles.rows(table, first, ROWS.min(positions - first));
            let mut found = vec![0; made.len()];
            source.read_exact(&mut found)?;
            if found != made {
                return Ok(false);
            }
        }
    }
    Ok(true)
}

/// The rest of the file, from `end` on.
fn kept(matrices: &[Matrix], angles: Option<&Angles>, bytes: u64, mut end: u64) -> Vec<Kept> {
    let mut parts: Vec<_> = matrices.iter().filter_map(Matrix::parts).flatten().collect();
    parts.extend(angles.and_then(Angles::parts).into_iter().flatten());
    parts.sort_by_key(|part| part.offset);
    let mut kept = Vec::new();
    let mut next = 0;
    let mut keep = |from: u64, to: u64| {
        if from < to {
            let at = end + (from + ALIGNMENT - end % ALIGNMENT) % ALIGNMENT;
            kept.push(Kept { offset: from, bytes: to - from, at });
            end = at + (to - from);
        }
    };
    for part in parts {
        keep(next, part.offset);
        next = part.offset + part.bytes;
    }
    keep(next, bytes);
    kept
}

fn copy(source: &mut File, range: &Kept, to: &mut File) -> io::Result<()> {
    source.seek(SeekFrom::Start(range.offset))?;
    to.seek(SeekFrom::Start(range.at))?;
    let copied = io::copy(&mut source.take(range.bytes), to)?;
    if copied == range.bytes { Ok(()) } else { Err(io::ErrorKind::UnexpectedEof.into()) }
}
