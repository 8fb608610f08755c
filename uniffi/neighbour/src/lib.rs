//! Another library by UniFFI, as an app may have beside ours: a test of Kotlin's calls both in one process.
#![forbid(unsafe_code)]

use std::sync::Arc;

uniffi::setup_scaffolding!("neighbour");

/// Who is greeted.
#[derive(uniffi::Record)]
pub struct Guest {
    /// The name.
    pub name: String,
    /// How often.
    pub times: u32,
}

/// Why nobody is greeted.
#[derive(Debug, thiserror::Error, uniffi::Error)]
pub enum Refusal {
    /// A guest without a name.
    #[error("the guest has no name")]
    Nameless,
}

/// Greets with a word.
#[derive(uniffi::Object)]
pub struct Greeter {
    word: String,
}

#[uniffi::export]
impl Greeter {
    /// With that word.
    #[uniffi::constructor]
    pub fn new(word: String) -> Arc<Self> {
        Arc::new(Self { word })
    }

    /// The greeting. Error: a guest without a name.
    pub fn greet(&self, guest: Guest) -> Result<String, Refusal> {
        if guest.name.is_empty() {
            return Err(Refusal::Nameless);
        }
        Ok((0..guest.times).map(|_| format!("{} {}", self.word, guest.name)).collect::<Vec<_>>().join(", "))
    }
}
