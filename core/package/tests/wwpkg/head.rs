//! The head: prelude, index and the digests behind them.

use proptest::prelude::*;
use wheelwork_diagnostic::Diagnostic;
use wheelwork_package::container::index::{ChunkEntry, IndexError};
use wheelwork_package::container::{ContainerError, Digest, Head, Index, NameError};

use crate::support::assert_matches::assert_matches;
use crate::support::writer::{Container, entry_path, head, reseal};
use crate::support::{key, tiny};

fn read(bytes: &[u8]) -> Result<Head, ContainerError> {
    Head::read(&mut &*bytes)
}

/// What an index with this change is refused for.
fn broken(change: &dyn Fn(&mut Index)) -> IndexError {
    let mut index = tiny(1).index;
    change(&mut index);
    Index::decode(&index.encode()).unwrap_err()
}

#[test]
fn what_another_writer_wrote_is_read_and_comes_out_the_same() {
    let container = tiny(3);
    let bytes = container.signed(&key());
    let head = read(&bytes).unwrap();
    assert_eq!(head.index, container.index);
    assert_eq!(head.to_bytes(), bytes[..head.to_bytes().len()]);
    assert_eq!(head.byte_len(), head.to_bytes().len() as u64);
    assert_eq!(head.index.encode(), container.index.encode());
}

#[test]
fn pk_01_every_truncation_of_the_head_says_what_is_missing() {
    let bytes = tiny(1).signed(&key());
    let head_bytes = read(&bytes).unwrap().to_bytes().len();
    for length in 0..head_bytes {
        match read(&bytes[..length]) {
            Err(ContainerError::Truncated { need, have, .. }) => {
                assert_eq!(have, length as u64);
                assert!(need > have && need <= head_bytes as u64, "{need} of {head_bytes} at {length}");
            }
            other => panic!("{length}: {other:?}"),
        }
    }
}

#[test]
fn pk_02_every_flipped_bit_of_the_head_is_found() {
    let container = tiny(1);
    for bytes in [container.bytes(), container.signed(&key())] {
        let head_bytes = read(&bytes).unwrap().to_bytes().len();
        for at in 0..head_bytes {
            for bit in 0..8 {
                let mut flipped = bytes[..head_bytes].to_vec();
                flipped[at] ^= 1 << bit;
                let error = read(&flipped).expect_err("a flipped bit went unnoticed");
                assert!(!error.code().is_empty() && !error.remedy().to_string().is_empty());
            }
        }
    }
}

#[test]
fn pk_02_damage_names_its_part() {
    let bytes = tiny(1).signed(&key());
    let index_bytes = u32::from_le_bytes(bytes[20..24].try_into().unwrap()) as usize;
    for (at, expected) in
        [(18, "index"), (32, "index"), (32 + index_bytes - 1, "index"), (32 + index_bytes + 40, "signature")]
    {
        let mut flipped = bytes.clone();
        flipped[at] ^= 1;
        match read(&flipped) {
            Err(ContainerError::Damaged { part, .. }) => assert_eq!(part, expected),
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn pk_04_lengths_that_lie_are_refused_before_anything_is_allocated() {
    let mut bytes = tiny(1).bytes();
    for length in [0, (16 << 20) + 1, u32::MAX] {
        bytes[20..24].copy_from_slice(&length.to_le_bytes());
        assert_matches!(read(&bytes), Err(ContainerError::IndexSize { bytes }) if bytes == length);
    }
    let (index, mut bytes) = (tiny(1).index.encode(), tiny(1).bytes());
    let at = 32 + index.len() + 32;
    bytes[at..at + 4].copy_from_slice(&u32::MAX.to_le_bytes());
    assert_matches!(read(&bytes), Err(ContainerError::SignatureTooLarge { bytes: u32::MAX }));
    // Counts within the index, each with the digest right.
    let counts_at = [8 + 1 + 4, 8 + 1 + 4 + 2 + 4 + 4];
    for at in counts_at {
        let mut lying = index.clone();
        lying[at..at + 2].copy_from_slice(&[0xFF, 0xFF]);
        let error = read(&head(&lying, &[])).unwrap_err();
        assert_matches!(error, ContainerError::Index(IndexError::Count { .. } | IndexError::Short { .. }));
    }
}

#[test]
fn pk_05_hostile_names_are_refused_wherever_a_name_stands() {
    let index = tiny(1).index.encode();
    let place = |name: &str| index.windows(name.len()).position(|bytes| bytes == name.as_bytes()).unwrap();
    for name in ["tiny", "cpu", "qnn", "manifest.json", "tokenizer.json"] {
        for hostile in [b'/', b'\\', b':', b'A', 0, b' ', b'\n', 0x7F] {
            let mut changed = index.clone();
            changed[place(name)] = hostile;
            let error = read(&head(&changed, &[])).unwrap_err();
            assert_matches!(error, ContainerError::Index(IndexError::Name(NameError::Character { .. })));
        }
        let mut changed = index.clone();
        changed[place(name)] = b'.';
        assert_matches!(
            read(&head(&changed, &[])),
            Err(ContainerError::Index(IndexError::Name(NameError::Dot { .. })))
        );
        changed[place(name)] = 0xC3;
        assert_matches!(read(&head(&changed, &[])), Err(ContainerError::Index(IndexError::NotText { .. })));
    }
    let mut device = index.clone();
    device[place("cpu")..][..3].copy_from_slice(b"nul");
    assert_matches!(
        read(&head(&device, &[])),
        Err(ContainerError::Index(IndexError::Name(NameError::Device { .. })))
    );
}

#[test]
fn pk_06_duplicate_unordered_and_missing_entries_are_refused() {
    assert_matches!(
        broken(&|index| index.files.insert(1, index.files[0].clone())),
        IndexError::Duplicate { path } if path == "cpu/genai_config.json"
    );
    assert_matches!(broken(&|index| index.files.swap(0, 1)), IndexError::Order { .. });
    assert_matches!(
        broken(&|index| index.files.retain(|file| file.path.to_string() != "manifest.json")),
        IndexError::NotAPackage
    );
    assert_matches!(broken(&|index| index.chunks.truncate(20)), IndexError::NoSuchChunk { .. });
    assert_matches!(broken(&|index| index.chunks.swap(1, 2)), IndexError::FileSize { .. });
    assert_matches!(
        broken(&|index| drop(index.files.remove(1))),
        IndexError::ChunkOrder { .. } | IndexError::UnusedChunk { .. }
    );
    let unused = broken(&|index| {
        let content_sha256 = Digest::of(b"nobody uses this");
        index.chunks.push(ChunkEntry { content_sha256, ..index.chunks[0] });
    });
    assert_matches!(unused, IndexError::UnusedChunk { .. });
    let twice = broken(&|index| {
        let last = index.chunks.len() - 1;
        index.chunks[last].content_sha256 = index.chunks[0].content_sha256;
    });
    assert_matches!(twice, IndexError::DuplicateChunk { .. });
    assert_matches!(
        broken(&|index| index.files[4].path = entry_path("cpu")),
        IndexError::FileIsFolder { .. } | IndexError::Order { .. }
    );
}

#[test]
fn pk_06_sizes_and_digests_that_contradict_each_other_are_refused() {
    assert_matches!(broken(&|index| index.files[2].bytes += 1), IndexError::FileSize { .. });
    assert_matches!(broken(&|index| index.files[4].sha256 = Digest::of(b"")), IndexError::FileDigest { .. });
    assert_matches!(broken(&|index| index.chunks[0].content_bytes = 0), IndexError::ContentSize { .. });
    assert_matches!(
        broken(&|index| index.chunks[0].content_bytes = (4 << 20) + 1),
        IndexError::ContentSize { .. }
    );
    assert_matches!(broken(&|index| index.chunks[0].stored_bytes = 0), IndexError::StoredSize { .. });
    assert_matches!(broken(&|index| index.chunks[0].stored_bytes = u32::MAX), IndexError::StoredSize { .. });
    assert_matches!(
        broken(&|index| index.files[2].sha256 = index.files[3].sha256),
        IndexError::Twins { first, second } if first == "cpu/model.onnx.data" && second == "cpu/tokenizer.json"
    );
    let trailing = [tiny(1).index.encode(), vec![0]].concat();
    assert_eq!(Index::decode(&trailing), Err(IndexError::Trailing { bytes: 1 }));
}

#[test]
fn pk_07_newer_versions_and_unknown_features_say_which_wheelwork_they_need() {
    let mut bytes = tiny(1).bytes();
    bytes[24..30].copy_from_slice(&[2, 0, 5, 0, 1, 0]);
    bytes[8] = 2;
    let error = read(&bytes).unwrap_err();
    assert_matches!(error, ContainerError::Version { major: 2, .. });
    assert!(error.to_string().contains("needs Wheelwork >= 2.5.1"), "{error}");
    bytes[8] = 1;
    bytes[12] = 4;
    let error = read(&bytes).unwrap_err();
    assert_matches!(error, ContainerError::Features { unknown: 4, .. });
    assert!(error.to_string().contains("needs Wheelwork >= 2.5.1"), "{error}");
    bytes[12] = 0;
    bytes[30] = 1;
    assert_matches!(read(&bytes), Err(ContainerError::Reserved { found: 1 }));
}

#[test]
fn pk_07_a_newer_minor_version_and_optional_features_are_read() {
    let mut bytes = tiny(1).bytes();
    bytes[10] = 9;
    bytes[16] = 0xFF;
    reseal(&mut bytes);
    assert_eq!(read(&bytes).unwrap().index, tiny(1).index);
}

#[test]
fn other_files_are_not_containers() {
    for bytes in [b"PK\x03\x04 and more than eight bytes, to be sure".as_slice(), &[0; 64]] {
        assert_matches!(read(bytes), Err(ContainerError::NotAContainer { .. }));
    }
}

proptest! {
    #[test]
    fn any_files_survive_writing_and_reading(
        contents in proptest::collection::btree_map("[a-z0-9]{1,8}", proptest::collection::vec(0_u8..4, 0..300), 1..8),
        version: u64,
        chunk_bytes in 1_usize..100,
    ) {
        // No name that begins with f is a device on some system.
        let mut files: Vec<_> = contents.into_iter().map(|(name, content)| (format!("x/f{name}"), content)).collect();
        files.insert(0, ("genai_config.json".to_owned(), vec![1]));
        let container = Container::new("p", version, &files, chunk_bytes);
        prop_assert_eq!(read(&container.bytes()).unwrap().index, container.index);
    }

    #[test]
    fn any_bytes_in_place_of_the_index_give_an_error_or_its_only_form(bytes in proptest::collection::vec(any::<u8>(), 1..400)) {
        if let Ok(index) = Index::decode(&bytes) {
            prop_assert_eq!(index.encode(), bytes);
        }
    }

    /// Changed fields with the digest made right again: refused, or the one form of another index.
    #[test]
    fn any_changed_index_gives_an_error_or_its_only_form(at in 0_usize..5000, value: u8) {
        let mut index = tiny(1).index.encode();
        let at = at % index.len();
        index[at] = value;
        if let Ok(decoded) = Index::decode(&index) {
            prop_assert_eq!(decoded.encode(), index);
        }
    }
}
