//! Whose package it is.

use base64ct::{Base64, Encoding};
use serde_json::{Value, json};
use wheelwork_package::container::Head;
use wheelwork_package::signature::{Policy, SecretKey, SignatureError, SignatureState};

use crate::support::assert_matches::assert_matches;
use crate::support::{key, tiny, trust, trusting};

fn head(bytes: &[u8]) -> Head {
    Head::read(&mut &*bytes).unwrap()
}

/// How a signature that was changed in this way stands.
fn state_after(change: impl FnOnce(&mut Value)) -> SignatureState {
    let container = tiny(1);
    let mut bundle = serde_json::from_slice(&container.signature(&key())).unwrap();
    change(&mut bundle);
    let bytes = container.with_signature(&serde_json::to_vec(&bundle).unwrap());
    trust(Policy::Warn).judge(&head(&bytes)).unwrap()
}

/// As [`state_after`], with the change in the statement, signed again by the right key.
fn state_after_signing(change: impl FnOnce(&mut Value)) -> SignatureState {
    state_after(|bundle| {
        let payload = bundle["dsseEnvelope"]["payload"].as_str().unwrap();
        let mut statement = serde_json::from_slice(&Base64::decode_vec(payload).unwrap()).unwrap();
        change(&mut statement);
        let payload = serde_json::to_vec(&statement).unwrap();
        bundle["dsseEnvelope"]["payload"] = json!(Base64::encode_string(&payload));
        bundle["dsseEnvelope"]["signatures"][0]["sig"] = json!(Base64::encode_string(&sign(&payload)));
    })
}

/// DSSE, as its own document has it.
fn sign(payload: &[u8]) -> Vec<u8> {
    use ed25519_dalek::Signer;
    let kind = "application/vnd.in-toto+json";
    let encoded = [format!("DSSEv1 {} {kind} {} ", kind.len(), payload.len()).as_bytes(), payload].concat();
    ed25519_dalek::SigningKey::from_bytes(&[7; 32]).sign(&encoded).to_bytes().to_vec()
}

fn is_invalid(state: &SignatureState, why: &str) -> bool {
    matches!(state, SignatureState::Invalid { why: found } if found.contains(why))
}

#[test]
fn a_signature_of_a_trusted_key_is_valid_under_every_policy_that_looks() {
    let signed = head(&tiny(1).signed(&key()));
    let expected = SignatureState::Valid { key: key().public().fingerprint().to_string() };
    assert_eq!(trust(Policy::Require).judge(&signed).unwrap(), expected);
    assert_eq!(trust(Policy::Warn).judge(&signed).unwrap(), expected);
    assert_eq!(trust(Policy::Off).judge(&signed).unwrap(), SignatureState::NotChecked);
}

#[test]
fn the_bundle_is_model_signing_with_our_member_beside() {
    let container = tiny(1);
    let bundle: Value = serde_json::from_slice(&container.signature(&key())).unwrap();
    assert_eq!(bundle["mediaType"], "application/vnd.dev.sigstore.bundle.v0.3+json");
    let payload = bundle["dsseEnvelope"]["payload"].as_str().unwrap();
    let statement: Value = serde_json::from_slice(&Base64::decode_vec(payload).unwrap()).unwrap();
    let resources = statement["predicate"]["resources"].as_array().unwrap();
    let names: Vec<_> =
        resources.iter().map(|resource| resource["name"].as_str().unwrap().to_owned()).collect();
    assert!(names.is_sorted());
    assert_eq!(names.len(), container.index.files.len());
    assert_eq!(statement["predicate"]["wwpkg"]["index_sha256"], container.head().id.to_string());
    assert_eq!(container.signature(&key()), container.signature(&key()), "signing is deterministic");
}

#[test]
fn pk_08_unsigned_and_wrongly_signed_packages_are_refused_where_a_signature_is_required() {
    let (ours, other) = (tiny(1), tiny(2));
    let stranger = SecretKey::from_seed(&[9; 32]);
    let cases = [
        (ours.bytes(), "missing"),
        (ours.signed(&stranger), "unknown"),
        (ours.with_signature(&other.signature(&key())), "invalid"),
        (ours.with_signature(b"{}"), "invalid"),
        (ours.with_signature(&[0xFF; 100]), "invalid"),
        (ours.with_signature(&b"[".repeat(100_000)), "invalid"),
    ];
    for (bytes, expected) in cases {
        let head = head(&bytes);
        let state = trust(Policy::Warn).judge(&head).unwrap();
        let kind = match &state {
            SignatureState::Missing => "missing",
            SignatureState::UnknownKey { .. } => "unknown",
            SignatureState::Invalid { .. } => "invalid",
            other => panic!("{other:?}"),
        };
        assert_eq!(kind, expected);
        let refused = trust(Policy::Require).judge(&head).unwrap_err();
        assert_matches!(refused, SignatureError::Required { state: found } if found == state);
    }
}

#[test]
fn pk_08_a_key_is_trusted_only_if_the_user_says_so() {
    let signed = head(&tiny(1).signed(&key()));
    assert!(trusting(&[]).judge(&signed).is_err());
    assert!(trusting(&[SecretKey::from_seed(&[9; 32]).public()]).judge(&signed).is_err());
    assert!(trusting(&[SecretKey::from_seed(&[9; 32]).public(), key().public()]).judge(&signed).is_ok());
}

#[test]
fn pk_08_an_edited_statement_or_envelope_is_invalid() {
    for field in ["payload", "sig"] {
        let state = state_after(|bundle| {
            let envelope = &mut bundle["dsseEnvelope"];
            let place =
                if field == "sig" { &mut envelope["signatures"][0]["sig"] } else { &mut envelope["payload"] };
            let mut text = place.as_str().unwrap().to_owned().into_bytes();
            text[10] = if text[10] == b'A' { b'B' } else { b'A' };
            *place = json!(String::from_utf8(text).unwrap());
        });
        assert!(is_invalid(&state, "does not belong"), "{state:?}");
    }
    let none = state_after(|bundle| bundle["dsseEnvelope"]["signatures"] = json!([]));
    assert!(is_invalid(&none, "0 signatures"), "{none:?}");
    let two = state_after(|bundle| {
        let one = bundle["dsseEnvelope"]["signatures"][0].clone();
        bundle["dsseEnvelope"]["signatures"] = json!([one, one]);
    });
    assert!(is_invalid(&two, "2 signatures"), "{two:?}");
    let short = state_after(|bundle| bundle["dsseEnvelope"]["signatures"][0]["sig"] = json!("AAAA"));
    assert!(is_invalid(&short, "Base64"), "{short:?}");
    let media = state_after(|bundle| bundle["mediaType"] = json!("text/plain"));
    assert!(is_invalid(&media, "media type"), "{media:?}");
    let payload_type = state_after(|bundle| bundle["dsseEnvelope"]["payloadType"] = json!("text/plain"));
    assert!(is_invalid(&payload_type, "payload type"), "{payload_type:?}");
}

#[test]
fn pk_06_a_statement_with_other_files_is_invalid_though_its_signature_is_right() {
    let rest = |change: fn(&mut Vec<Value>)| {
        state_after_signing(move |statement| {
            change(statement["predicate"]["resources"].as_array_mut().unwrap());
        })
    };
    for state in [
        rest(|resources| drop(resources.pop())),
        rest(|resources| resources.push(resources[0].clone())),
        rest(|resources| resources.swap(0, 1)),
        rest(|resources| resources[0]["name"] = json!("../../etc/passwd")),
        rest(|resources| resources[0]["algorithm"] = json!("blake2b")),
        rest(|resources| resources[0]["digest"] = resources[1]["digest"].clone()),
    ] {
        assert!(is_invalid(&state, "where the package has"), "{state:?}");
    }
}

#[test]
fn pk_08_a_statement_about_something_else_is_invalid_though_its_signature_is_right() {
    type Change = fn(&mut Value);
    let cases: [(Change, &str); 6] = [
        (|statement| statement["_type"] = json!("x"), "_type"),
        (|statement| statement["predicateType"] = json!("x"), "predicateType"),
        (|statement| statement["predicate"]["serialization"]["method"] = json!("shards"), "whole files"),
        (|statement| statement["predicate"]["wwpkg"]["index_sha256"] = json!("0".repeat(64)), "index_sha256"),
        (|statement| statement["subject"][0]["digest"]["sha256"] = json!("0".repeat(64)), "root digest"),
        (|statement| statement["subject"] = json!([]), "0 subjects"),
    ];
    for (change, why) in cases {
        let state = state_after_signing(change);
        assert!(is_invalid(&state, why), "{why}: {state:?}");
    }
    let unchanged = state_after_signing(|_| {});
    assert!(unchanged.is_valid(), "{unchanged:?}");
    let extended = state_after_signing(|statement| statement["predicate"]["more"] = json!(1));
    assert!(extended.is_valid(), "unknown members are ignored: {extended:?}");
}

#[test]
fn pk_09_a_digest_that_is_none_is_invalid() {
    for digest in
        ["", "../../../../etc/passwd", &"0".repeat(63), &"A".repeat(64), &format!("/{}", "0".repeat(63))]
    {
        let digest = json!(digest);
        let state =
            state_after_signing(move |statement| statement["predicate"]["resources"][0]["digest"] = digest);
        assert!(is_invalid(&state, "64 lowercase"), "{state:?}");
    }
}

#[test]
fn a_bundle_that_is_no_utf_8_is_invalid_though_nobody_asks_for_what_is_not() {
    let container = tiny(1);
    let text = String::from_utf8(container.signature(&key())).unwrap();
    let (before, after) = text.split_once(r#""keyid":""#).unwrap();
    let bundle = [before.as_bytes(), br#""keyid":""#, b"\xff", after.as_bytes()].concat();
    let state = trust(Policy::Warn).judge(&head(&container.with_signature(&bundle))).unwrap();
    assert!(is_invalid(&state, "utf-8"), "{state:?}");
}

#[test]
fn members_that_stand_twice_are_refused() {
    let container = tiny(1);
    let bundle = String::from_utf8(container.signature(&key())).unwrap();
    let twice = bundle.replacen('{', "{\"mediaType\":\"x\",", 1);
    let state = trust(Policy::Warn).judge(&head(&container.with_signature(twice.as_bytes()))).unwrap();
    assert!(is_invalid(&state, "duplicate"), "{state:?}");
}
