//! The signature bundle of a container: any bytes are judged, and none of them valid without the key.
#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use wheelwork_package::container::Head;
use wheelwork_package::signature::{Policy, PublicKey, Trust};

/// The container that the project keeps of format 1.0, and its key.
static FROZEN: LazyLock<(Head, Trust)> = LazyLock::new(|| {
    let container = include_bytes!("../../core/package/tests/frozen/1.0.wwpkg");
    let key = PublicKey::from_pem(include_str!("../../core/package/tests/frozen/1.0.pub.pem"));
    let trust = Trust { policy: Policy::Warn, keys: key.into_iter().collect() };
    (Head::read(&mut container.as_slice()).expect("the frozen container is read"), trust)
});

fuzz_target!(|bytes: &[u8]| {
    let (frozen, trust) = &*FROZEN;
    let mut head = frozen.clone();
    let signed = head.signature.replace(bytes.to_vec());
    let state = trust.judge(&head).expect("the policy is to warn");
    // Another spelling of the same JSON is as valid; another signature is not, and nobody finds one.
    if state.is_valid() {
        let text = |bytes: Option<Vec<u8>>| String::from_utf8(bytes.unwrap_or_default()).unwrap_or_default();
        let (signed, found) = (text(signed), text(head.signature));
        let sig = signed.split("\"sig\":\"").nth(1).and_then(|rest| rest.split('"').next()).unwrap_or("?");
        assert!(found.contains(sig.trim_end_matches('=')) || found.contains('\\'), "{found}");
    }
});
