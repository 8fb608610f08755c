//! The body: chunks that are damaged, missing or lying, and a container that is checked or signed as a whole.

use std::io::Cursor;

use wheelwork_package::container::{
    ChunkError, ContainerError, Digest, FrameError, Head, Seekable, Stream, sign, unwatched, verify,
};
use wheelwork_package::signature::{Policy, SecretKey};
use wheelwork_package::store::{InstallOptions, Store, StoreError, unpack};

use crate::support::assert_matches::assert_matches;
use crate::support::writer::{Container, raw_frame};
use crate::support::{Counting, files, install, intact_version, key, noise, tiny, trust, unopened};

fn damage(bytes: &[u8]) -> Vec<ContainerError> {
    verify(&mut Stream(bytes), &mut unwatched).unwrap().damage
}

/// The container with chunk 2 stored as `stored`, and an index that says so.
fn with_chunk_two(stored: Vec<u8>) -> Vec<u8> {
    let mut container = tiny(1);
    container.index.chunks[2].stored_bytes = stored.len().try_into().unwrap();
    container.index.chunks[2].stored_sha256 = Digest::of(&stored);
    container.stored[2] = stored;
    container.bytes()
}

fn chunk_error(bytes: &[u8]) -> ChunkError {
    match damage(bytes).pop() {
        Some(ContainerError::Chunk { chunk: 2, error, .. }) => error,
        other => panic!("{other:?}"),
    }
}

#[test]
fn an_intact_container_verifies_and_unpacks_to_its_files() {
    let bytes = tiny(1).bytes();
    assert!(damage(&bytes).is_empty());
    let folder = tempfile::tempdir().unwrap();
    let target = folder.path().join("tiny.ortpackage");
    let options = InstallOptions::default();
    unpack(&mut Stream(bytes.as_slice()), &target, &options, &mut unwatched).unwrap();
    let weights = [noise(3, 6000), noise(101, 2000)].concat();
    for (path, content) in files(&weights) {
        assert_eq!(fs_err::read(target.join(&path)).unwrap(), content, "{path}");
    }
    let again = unpack(&mut Stream(bytes.as_slice()), &target, &options, &mut unwatched);
    assert_matches!(again, Err(StoreError::NotOurs { .. }), "an existing folder is never written into");
}

#[cfg(unix)]
#[test]
fn files_that_are_equal_in_two_variants_become_one() {
    use std::os::unix::fs::MetadataExt;
    let folder = tempfile::tempdir().unwrap();
    let target = folder.path().join("tiny.ortpackage");
    let bytes = tiny(1).bytes();
    unpack(&mut Stream(bytes.as_slice()), &target, &InstallOptions::default(), &mut unwatched).unwrap();
    let node = |path: &str| fs_err::metadata(target.join(path)).unwrap().ino();
    assert_eq!(node("cpu/tokenizer.json"), node("qnn/tokenizer.json"));
    assert_ne!(node("cpu/tokenizer.json"), node("cpu/model.onnx"));
}

#[test]
fn pk_01_a_body_that_ends_early_says_what_is_missing() {
    let container = tiny(1);
    let bytes = container.bytes();
    let start = usize::try_from(container.head().byte_len()).unwrap();
    for length in (start..bytes.len()).step_by(97).chain([bytes.len() - 1]) {
        match verify(&mut Stream(&bytes[..length]), &mut unwatched) {
            Err(ContainerError::Truncated { need, have, part }) => {
                assert_eq!(have, length as u64);
                assert!(need > have && part.starts_with("chunk "), "{part}");
            }
            other => panic!("{length}: {other:?}"),
        }
    }
}

#[test]
fn pk_02_flipped_bits_of_the_body_name_their_chunk_and_file() {
    let container = tiny(1);
    let bytes = container.bytes();
    let start = usize::try_from(container.head().byte_len()).unwrap();
    for at in (start..bytes.len()).step_by(101) {
        let mut flipped = bytes.clone();
        flipped[at] ^= 1 << (at % 8);
        let damage = damage(&flipped);
        match damage.as_slice() {
            [ContainerError::Chunk { chunk, at: begins, file, error: ChunkError::Stored { .. } }] => {
                let stored = u64::from(container.index.chunks[*chunk].stored_bytes);
                assert!((*begins..begins + stored).contains(&(at as u64)));
                let file =
                    container.index.files.iter().find(|entry| entry.path.to_string() == *file).unwrap();
                assert!(file.chunks.contains(&u32::try_from(*chunk).unwrap()));
            }
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn in_05_every_damaged_chunk_is_named_not_only_the_first() {
    let container = tiny(1);
    let mut bytes = container.bytes();
    let start = usize::try_from(container.head().byte_len()).unwrap();
    let second = start + container.stored[0].len() + 10;
    let last = bytes.len() - 10;
    for at in [second, last] {
        bytes[at] ^= 1;
    }
    let damage = damage(&bytes);
    let chunks = damage.iter().map(|error| match error {
        ContainerError::Chunk { chunk, .. } => *chunk,
        other => panic!("{other}"),
    });
    assert_eq!(chunks.collect::<Vec<_>>(), [1, container.stored.len() - 1]);
}

#[test]
fn pk_03_a_huge_window_is_refused_in_a_package_whose_digests_are_right() {
    let mut stored = vec![0x28, 0xB5, 0x2F, 0xFD, 0b1000_0000, 21 << 3];
    stored.extend(700_u32.to_le_bytes());
    stored.extend([1, 0, 0]);
    let error = chunk_error(&with_chunk_two(stored));
    assert_eq!(error, ChunkError::Frame(FrameError::Window { bytes: 2 << 30 }));
}

#[test]
fn pk_04_frames_that_lie_are_refused_in_a_package_whose_digests_are_right() {
    let container = tiny(1);
    let good = &container.stored[2];
    let mut larger = good.clone();
    larger[5] += 1;
    assert_matches!(chunk_error(&with_chunk_two(larger)), ChunkError::Frame(FrameError::ContentSize { .. }));
    let short = good[..good.len() - 20].to_vec();
    assert_matches!(chunk_error(&with_chunk_two(short)), ChunkError::Frame(FrameError::Short { .. }));
    let trailing = [good.as_slice(), &[0; 8]].concat();
    assert_eq!(chunk_error(&with_chunk_two(trailing)), ChunkError::Frame(FrameError::Trailing { bytes: 8 }));
    let other = raw_frame(&noise(77, 700));
    assert_matches!(chunk_error(&with_chunk_two(other)), ChunkError::Content { .. });
}

#[test]
fn pk_06_bytes_after_the_last_chunk_are_refused() {
    let bytes = [tiny(1).bytes(), vec![0]].concat();
    let end = bytes.len() as u64 - 1;
    assert_matches!(damage(&bytes).as_slice(), [ContainerError::Trailing { at }] if *at == end);
}

#[test]
fn a_file_whose_digest_lies_though_its_chunks_do_not_is_refused() {
    let mut container = tiny(1);
    let weights = container.index.files.iter().position(|file| file.chunks.len() > 5).unwrap();
    container.index.files[weights].sha256 = Digest::of(b"something else");
    let folder = tempfile::tempdir().unwrap();
    let target = folder.path().join("x");
    let bytes = container.bytes();
    let result = unpack(&mut Stream(bytes.as_slice()), &target, &unopened(), &mut unwatched);
    assert_matches!(
        result,
        Err(StoreError::Container(ContainerError::FileDigest { ref file, .. })) if file == "cpu/model.onnx.data"
    );
    assert_eq!(fs_err::read_dir(folder.path()).unwrap().count(), 0, "nothing is left");
}

#[test]
fn pk_08_nothing_is_read_past_the_head_of_a_package_that_is_refused() {
    let container = tiny(1);
    let bytes = container.bytes();
    let folder = tempfile::tempdir().unwrap();
    let mut source = Stream(Counting(bytes.as_slice(), 0));
    let options = InstallOptions { trust: trust(Policy::Require), ..InstallOptions::default() };
    let result = Store::new(folder.path()).install(&mut source, &options, &mut unwatched);
    assert_matches!(result, Err(StoreError::Signature(_)));
    assert_eq!(source.0.1, container.head().byte_len());
    assert_eq!(fs_err::read_dir(folder.path()).unwrap().count(), 0, "nothing is written either");
}

#[test]
fn signing_later_replaces_the_signature_and_nothing_else() {
    let container = tiny(1);
    let unsigned = container.bytes();
    let mut signed = Vec::new();
    sign(&mut Stream(unsigned.as_slice()), &key(), &mut signed).unwrap();
    assert_eq!(signed, container.signed(&key()));
    let mut again = Vec::new();
    let stranger = SecretKey::from_seed(&[9; 32]);
    sign(&mut Seekable(Cursor::new(&signed)), &stranger, &mut again).unwrap();
    assert_eq!(again, container.signed(&stranger));
    let mut damaged = unsigned;
    let last = damaged.len() - 5;
    damaged[last] ^= 1;
    let result = sign(&mut Stream(damaged.as_slice()), &key(), &mut Vec::new());
    assert_matches!(result, Err(ContainerError::Chunk { .. }), "what is damaged is not signed");
}

#[test]
fn in_06_the_head_of_one_version_with_the_chunks_of_another_is_refused() {
    let (old, new) = (tiny(1), tiny(2));
    assert_eq!(old.stored.concat().len(), new.stored.concat().len(), "the mix has the right length");
    let head = Head::read(&mut new.signed(&key()).as_slice()).unwrap().to_bytes();
    let mixed = [head, old.stored.concat()].concat();
    let folder = tempfile::tempdir().unwrap();
    let store = Store::new(folder.path());
    let options = InstallOptions { trust: trust(Policy::Require), ..InstallOptions::default() };
    install(&store, &old.signed(&key()), &options).unwrap();
    let result = install(&store, &mixed, &options);
    assert_matches!(
        result,
        Err(StoreError::Container(ContainerError::Chunk { error: ChunkError::Stored { .. }, .. }))
    );
    assert_eq!(intact_version(&store), 1);
}

#[test]
fn the_writer_of_these_tests_shares_chunks() {
    let twice = vec![("a".to_owned(), noise(1, 1400)), ("genai_config.json".to_owned(), noise(1, 1400))];
    let container = Container::new("x", 1, &twice, 700);
    assert_eq!(container.stored.len(), 2);
    assert!(damage(&container.bytes()).is_empty());
}
