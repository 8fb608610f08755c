//! The index of a container: any bytes are refused or have exactly one meaning.
#![no_main]

use libfuzzer_sys::fuzz_target;
use wheelwork_package::container::{Head, Index};

fuzz_target!(|bytes: &[u8]| {
    // As a whole head, prelude first; its digests stop nearly everything else.
    let _ = Head::read(&mut &*bytes);
    let Ok(index) = Index::decode(bytes) else { return };
    assert_eq!(index.encode(), bytes, "the index is canonical");
    let head = Head::new(&index).expect("an index that was read can be written");
    assert_eq!(
        Head::read(&mut head.to_bytes().as_slice()).expect("a head that was written can be read"),
        head
    );
});
