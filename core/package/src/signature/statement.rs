//! The signed statement: an in-toto statement with the model-signing predicate, about every file and the index.

use serde::{Deserialize, Serialize};

use super::bundle::BundleError;
use super::state::excerpt;
use crate::container::{Digest, Head, Index};

const STATEMENT_TYPE: &str = "https://in-toto.io/Statement/v1";
const PREDICATE_TYPE: &str = "https://model_signing/signature/v1.0";

#[derive(Serialize, Deserialize)]
pub(super) struct Statement {
    #[serde(rename = "_type")]
    statement_type: String,
    subject: Vec<Subject>,
    #[serde(rename = "predicateType")]
    predicate_type: String,
    predicate: Predicate,
}

#[derive(Serialize, Deserialize)]
struct Subject {
    name: String,
    digest: RootDigest,
}

#[derive(Serialize, Deserialize)]
struct RootDigest {
    sha256: Digest,
}

#[derive(Serialize, Deserialize)]
struct Predicate {
    serialization: Serialization,
    resources: Vec<Resource>,
    wwpkg: Container,
}

#[derive(PartialEq, Serialize, Deserialize)]
struct Serialization {
    method: String,
    hash_type: String,
    allow_symlinks: bool,
}

#[derive(Clone, PartialEq, Serialize, Deserialize)]
struct Resource {
    name: String,
    algorithm: String,
    digest: Digest,
}

/// What model signing has no word for: the container's index, and with it version, sizes and chunks.
#[derive(Serialize, Deserialize)]
struct Container {
    index_sha256: Digest,
}

impl Statement {
    /// The statement about a package.
    pub(super) fn of(head: &Head) -> Self {
        Self {
            statement_type: STATEMENT_TYPE.to_owned(),
            subject: vec![Subject {
                name: head.index.name.to_string(),
                digest: RootDigest { sha256: root_digest(&head.index) },
            }],
            predicate_type: PREDICATE_TYPE.to_owned(),
            predicate: Predicate {
                serialization: Serialization::ours(),
                resources: resources(&head.index).collect(),
                wwpkg: Container { index_sha256: head.id },
            },
        }
    }

    /// Holds the statement against the package that it comes with.
    pub(super) fn check(&self, head: &Head) -> Result<(), BundleError> {
        let expect = |field, found: &str, expected: &str| {
            if found == expected {
                Ok(())
            } else {
                Err(BundleError::Field { field, found: excerpt(found), expected: expected.to_owned() })
            }
        };
        expect("_type", &self.statement_type, STATEMENT_TYPE)?;
        expect("predicateType", &self.predicate_type, PREDICATE_TYPE)?;
        if self.predicate.serialization != Serialization::ours() {
            return Err(BundleError::Serialization);
        }
        expect("index_sha256", &self.predicate.wwpkg.index_sha256.to_string(), &head.id.to_string())?;
        let mut signed = self.predicate.resources.iter();
        for expected in resources(&head.index) {
            match signed.next() {
                Some(found) if *found == expected => {}
                found => {
                    let found = found.map(|found| excerpt(&found.name));
                    return Err(BundleError::Resource { expected: Some(expected.name), found });
                }
            }
        }
        if let Some(extra) = signed.next() {
            return Err(BundleError::Resource { expected: None, found: Some(excerpt(&extra.name)) });
        }
        let [subject] = self.subject.as_slice() else {
            return Err(BundleError::Count { what: "subjects", found: self.subject.len() });
        };
        expect("root digest", &subject.digest.sha256.to_string(), &root_digest(&head.index).to_string())
    }
}

impl Serialization {
    fn ours() -> Self {
        Self { method: "files".to_owned(), hash_type: "sha256".to_owned(), allow_symlinks: false }
    }
}

fn resources(index: &Index) -> impl Iterator<Item = Resource> {
    index.files.iter().map(|file| Resource {
        name: file.path.to_string(),
        algorithm: "sha256".to_owned(),
        digest: file.sha256,
    })
}

/// The SHA-256 of the files' digests in their order.
fn root_digest(index: &Index) -> Digest {
    let digests: Vec<u8> = index.files.iter().flat_map(|file| *file.sha256.as_bytes()).collect();
    Digest::of(&digests)
}
