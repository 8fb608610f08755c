//! What the records say, besides what [`crate::turn`] records of a turn.

use serde::{Deserialize, Serialize};
use wheelwork_package::card::KvForm;

use crate::facts::ModelIdentity;
use crate::sequence::Sequence;

/// Kinds of records, as [`crate::snapshot`] lists them.
pub(super) mod kind {
    pub(in crate::session::snapshot) const BINDING: u8 = 1;
    pub(in crate::session::snapshot) const MESSAGES: u8 = 2;
    pub(in crate::session::snapshot) const CACHE: u8 = 3;
    pub(in crate::session::snapshot) const TURN: u8 = 4;
    pub(in crate::session::snapshot) const PROGRESS: u8 = 5;
    pub(in crate::session::snapshot) const TURN_END: u8 = 6;
    pub(in crate::session::snapshot) const ALL: std::ops::RangeInclusive<u8> = BINDING..=TURN_END;
}

/// What a cache belongs to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Binding {
    #[serde(flatten)]
    pub(crate) identity: ModelIdentity,
    /// The form of keys and values.
    pub(crate) kv_cache: KvForm,
}

impl Binding {
    pub(crate) fn of(sequence: &Sequence) -> Self {
        let (identity, kv_cache) = sequence.identity();
        Self { identity, kv_cache }
    }
}

#[cfg(test)]
pub(super) mod testing {
    use super::{Binding, KvForm, ModelIdentity};

    /// Of nothing in particular.
    pub(in crate::session::snapshot) fn binding() -> Binding {
        let (model, variant, runtime) = (String::new(), String::new(), String::new());
        let identity = ModelIdentity { model, variant, runtime, adapters: Vec::new() };
        Binding { identity, kv_cache: KvForm::Float }
    }
}
