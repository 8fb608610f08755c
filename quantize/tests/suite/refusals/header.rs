//! Headers of safetensors files: rows CK-01 to CK-07.

use wheelwork_quantize::checkpoint::{HEADER_BYTES_LIMIT, HeaderFault, TENSORS_LIMIT};

use super::{fault_of, header_fault};
use crate::assert_matches::assert_matches;
use crate::checkpoint::Tiny;

#[test]
fn ck_01_a_header_longer_than_its_file_is_refused() {
    let tiny = Tiny::qwen2().written();
    for length in [100, 1 << 63, u64::MAX] {
        let mut bytes = length.to_le_bytes().to_vec();
        bytes.extend_from_slice(b"{}");
        fs_err::write(tiny.file("model.safetensors"), bytes).unwrap();
        assert_eq!(fault_of(tiny.refusal()), HeaderFault::InvalidHeaderLength { length, file: 10 });
    }
    fs_err::write(tiny.file("model.safetensors"), [1, 2, 3]).unwrap();
    assert_eq!(fault_of(tiny.refusal()), HeaderFault::InvalidHeaderLength { length: 0, file: 3 });
}

#[test]
fn ck_02_a_giant_header_is_refused_unread() {
    let tiny = Tiny::qwen2().written();
    let length = 99 << 20;
    let path = tiny.file("model.safetensors");
    fs_err::write(&path, u64::to_le_bytes(length)).unwrap();
    fs_err::OpenOptions::new().write(true).open(&path).unwrap().set_len(length + 8).unwrap();
    assert_eq!(fault_of(tiny.refusal()), HeaderFault::HeaderTooLarge { length, limit: HEADER_BYTES_LIMIT });
}

#[test]
fn ck_02_too_many_tensors_are_refused() {
    let entries: Vec<_> = (0..=TENSORS_LIMIT)
        .map(|index| format!(r#""{index}":{{"dtype":"F32","shape":[0],"data_offsets":[0,0]}}"#))
        .collect();
    let header = format!("{{{}}}", entries.join(","));
    assert!((header.len() as u64) < HEADER_BYTES_LIMIT);
    let expected = HeaderFault::TooManyTensors { tensors: TENSORS_LIMIT + 1, limit: TENSORS_LIMIT };
    assert_eq!(header_fault(&header, &[]), expected);
}

#[test]
fn ck_02_deep_nesting_is_refused() {
    for start in [r#"{"__metadata__":"#, r#"{"a":"#, ""] {
        let header = format!("{start}{}", "[".repeat(1 << 20));
        assert_matches!(header_fault(&header, &[]), HeaderFault::NotAHeader { .. });
    }
}

#[test]
fn ck_02_a_shape_of_a_million_sizes_is_refused() {
    let header =
        format!(r#"{{"a":{{"dtype":"F32","shape":[{}1],"data_offsets":[0,4]}}}}"#, "1,".repeat(1 << 20));
    assert_matches!(header_fault(&header, &[0; 4]), HeaderFault::NotAHeader { .. });
}

#[test]
fn ck_03_overlapping_offsets_are_refused() {
    let entries: Vec<_> = (0..1000)
        .map(|index| format!(r#""t{index}":{{"dtype":"F32","shape":[16],"data_offsets":[0,64]}}"#))
        .collect();
    let fault = header_fault(&format!("{{{}}}", entries.join(",")), &[0; 64]);
    assert_matches!(fault, HeaderFault::OverlappingOffsets { begin: 0, filled: 64, .. });

    let fault = header_fault(
        r#"{"a":{"dtype":"U8","shape":[8],"data_offsets":[0,8]},"b":{"dtype":"U8","shape":[8],"data_offsets":[7,15]}}"#,
        &[0; 15],
    );
    assert_eq!(fault, HeaderFault::OverlappingOffsets { tensor: "b".into(), begin: 7, filled: 8 });
}

#[test]
fn ck_04_bytes_that_belong_to_no_tensor_are_refused() {
    let gap = r#"{"a":{"dtype":"U8","shape":[4],"data_offsets":[0,4]},"b":{"dtype":"U8","shape":[4],"data_offsets":[6,10]}}"#;
    assert_eq!(header_fault(gap, &[0; 10]), HeaderFault::IncompleteBuffer { from: 4, to: 6 });
    let rest = r#"{"a":{"dtype":"U8","shape":[4],"data_offsets":[0,4]}}"#;
    assert_eq!(header_fault(rest, b"abcdPK\x03\x04"), HeaderFault::IncompleteBuffer { from: 4, to: 8 });
}

#[test]
fn ck_05_a_tensor_past_the_end_is_refused_by_name() {
    let fault = header_fault(r#"{"far":{"dtype":"U8","shape":[100],"data_offsets":[0,100]}}"#, &[0; 99]);
    assert_eq!(fault, HeaderFault::PastEnd { tensor: "far".into(), end: 100, data: 99 });
    let fault = header_fault(r#"{"back":{"dtype":"U8","shape":[0],"data_offsets":[8,4]}}"#, &[0; 8]);
    assert_eq!(fault, HeaderFault::BackwardOffsets { tensor: "back".into(), begin: 8, end: 4 });
}

#[test]
fn ck_06_a_shape_that_does_not_give_the_bytes_is_refused() {
    let fault = header_fault(r#"{"a":{"dtype":"F32","shape":[3,2],"data_offsets":[0,20]}}"#, &[0; 20]);
    assert_matches!(fault, HeaderFault::ShapeMismatch { needed: 24, present: 20, .. });
}

#[test]
fn ck_06_a_shape_that_overflows_is_refused() {
    let large = (1_u64 << 42) + 1;
    for shape in [vec![large, large], vec![u64::MAX, 2], vec![1 << 62, 4]] {
        let header = format!(r#"{{"a":{{"dtype":"F32","shape":{shape:?},"data_offsets":[0,4]}}}}"#);
        assert_eq!(
            header_fault(&header, &[0; 4]),
            HeaderFault::ValidationOverflow { tensor: "a".into(), shape }
        );
    }
}

#[test]
fn ck_07_a_name_twice_in_one_header_is_refused() {
    let fault = header_fault(
        r#"{"a":{"dtype":"U8","shape":[4],"data_offsets":[0,4]},"a":{"dtype":"U8","shape":[4],"data_offsets":[4,8]}}"#,
        &[0; 8],
    );
    assert_eq!(fault, HeaderFault::DuplicateTensor { tensor: "a".into() });
}
