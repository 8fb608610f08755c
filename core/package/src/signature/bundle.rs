//! The bundle: a statement in a DSSE envelope in a Sigstore bundle with a bare key.

use base64ct::{Base64, Encoding};
use serde::{Deserialize, Serialize};

use super::key::{PublicKey, SecretKey};
use super::state::excerpt;
use super::statement::Statement;
use crate::container::Head;
use crate::json;

const MEDIA_TYPE: &str = "application/vnd.dev.sigstore.bundle.v0.3+json";
const PAYLOAD_TYPE: &str = "application/vnd.in-toto+json";

/// Why a bundle is not a signature of the package that it comes with.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[allow(missing_docs)] // the fields are what the messages say
pub enum BundleError {
    /// Bundle or statement are no JSON of the expected form.
    #[error("its {part} is not valid: {detail}")]
    Json { part: &'static str, detail: String },
    /// A field with another value than allowed.
    #[error("its {field} is `{found}`, expected `{expected}`")]
    Field { field: &'static str, found: String, expected: String },
    /// Not exactly one signature or subject.
    #[error("it has {found} {what}, expected 1")]
    Count { what: &'static str, found: usize },
    /// A field that is no Base64, or not of the right length.
    #[error("its {field} is not the Base64 that it must be")]
    Base64 { field: &'static str },
    /// The signature is not of this statement by this key.
    #[error("the signature does not belong to the statement")]
    WrongSignature,
    /// The statement hashes files in a way that we do not write.
    #[error("its statement is not about whole files with SHA-256")]
    Serialization,
    /// The statement names other files, or the same with other content; `None` for the side that has no more.
    #[error("its statement has {} where the package has {}", shown(.found), shown(.expected))]
    Resource { expected: Option<String>, found: Option<String> },
}

impl SecretKey {
    /// Signs a package: the bytes for the signature block of its head.
    ///
    /// The same key and the same head give the same bytes.
    #[must_use]
    pub fn sign(&self, head: &Head) -> Vec<u8> {
        // Structs of strings always serialise.
        let statement = serde_json::to_vec(&Statement::of(head)).unwrap_or_default();
        let signature = self.sign_bytes(&pre_authentication_encoding(&statement));
        let bundle = Bundle {
            media_type: MEDIA_TYPE.to_owned(),
            verification_material: VerificationMaterial {
                public_key: Hint { hint: self.public().fingerprint().to_string() },
                tlog_entries: Vec::new(),
            },
            envelope: Envelope {
                payload: Base64::encode_string(&statement),
                payload_type: PAYLOAD_TYPE.to_owned(),
                signatures: vec![Signature { sig: Base64::encode_string(&signature), keyid: String::new() }],
            },
        };
        serde_json::to_vec(&bundle).unwrap_or_default()
    }
}

#[derive(Serialize, Deserialize)]
pub(super) struct Bundle {
    #[serde(rename = "mediaType")]
    media_type: String,
    #[serde(rename = "verificationMaterial")]
    verification_material: VerificationMaterial,
    #[serde(rename = "dsseEnvelope")]
    envelope: Envelope,
}

#[derive(Serialize, Deserialize)]
struct VerificationMaterial {
    #[serde(rename = "publicKey")]
    public_key: Hint,
    #[serde(rename = "tlogEntries", skip_deserializing)]
    tlog_entries: Vec<()>,
}

#[derive(Serialize, Deserialize)]
struct Hint {
    hint: String,
}

#[derive(Serialize, Deserialize)]
struct Envelope {
    payload: String,
    #[serde(rename = "payloadType")]
    payload_type: String,
    signatures: Vec<Signature>,
}

#[derive(Serialize, Deserialize)]
struct Signature {
    sig: String,
    #[serde(skip_deserializing)]
    keyid: String,
}

impl Bundle {
    pub(super) fn parse(bytes: &[u8]) -> Result<Self, BundleError> {
        let bundle: Self = json::from_bytes(bytes)
            .map_err(|error| BundleError::Json { part: "bundle", detail: error.to_string() })?;
        for (field, found, expected) in [
            ("media type", &bundle.media_type, MEDIA_TYPE),
            ("payload type", &bundle.envelope.payload_type, PAYLOAD_TYPE),
        ] {
            if found != expected {
                return Err(BundleError::Field {
                    field,
                    found: excerpt(found),
                    expected: expected.to_owned(),
                });
            }
        }
        Ok(bundle)
    }

    /// Which key the bundle says it was signed with.
    pub(super) fn hint(&self) -> &str {
        &self.verification_material.public_key.hint
    }

    /// Verifies the signature, then holds the statement against the package.
    pub(super) fn verify(&self, key: &PublicKey, head: &Head) -> Result<(), BundleError> {
        let [signature] = self.envelope.signatures.as_slice() else {
            return Err(BundleError::Count { what: "signatures", found: self.envelope.signatures.len() });
        };
        let statement = Base64::decode_vec(&self.envelope.payload)
            .map_err(|_| BundleError::Base64 { field: "payload" })?;
        let mut bytes = [0; 64];
        match Base64::decode(&signature.sig, &mut bytes) {
            Ok(decoded) if decoded.len() == 64 => {}
            _ => return Err(BundleError::Base64 { field: "sig" }),
        }
        if !key.verifies(&pre_authentication_encoding(&statement), &bytes) {
            return Err(BundleError::WrongSignature);
        }
        let statement: Statement = json::from_bytes(&statement)
            .map_err(|error| BundleError::Json { part: "statement", detail: error.to_string() })?;
        statement.check(head)
    }
}

/// What is signed instead of the payload, so that a signature holds for one payload type only (DSSE 1.0.2, `PAE`).
fn pre_authentication_encoding(payload: &[u8]) -> Vec<u8> {
    let mut bytes = format!("DSSEv1 {} {PAYLOAD_TYPE} {} ", PAYLOAD_TYPE.len(), payload.len()).into_bytes();
    bytes.extend(payload);
    bytes
}

fn shown(file: &Option<String>) -> String {
    file.as_ref().map_or_else(|| "no more files".to_owned(), |file| format!("`{file}`"))
}
