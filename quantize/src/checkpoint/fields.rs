//! Fields of a JSON object, each read as the type that it must have: another type is an error that names the field, the
//! value and what is allowed. `null` is the same as absent, as Hugging Face writes both.

use std::path::Path;

use serde_json::{Map, Value};

use super::config_error::ConfigError;
use super::files::shortened;

/// The fields of one object in a file.
#[derive(Debug, Clone, Copy)]
pub(super) struct Fields<'a> {
    path: &'a Path,
    /// The field that holds the object, unless it is the whole file.
    section: Option<&'a str>,
    values: &'a Map<String, Value>,
}

impl<'a> Fields<'a> {
    /// The fields of a file.
    pub(super) fn of(path: &'a Path, values: &'a Map<String, Value>) -> Self {
        Self { path, section: None, values }
    }

    /// The file.
    pub(super) fn path(&self) -> &'a Path {
        self.path
    }

    /// A field's name as errors give it.
    pub(super) fn name(&self, field: &str) -> String {
        self.section.map_or_else(|| field.to_owned(), |section| format!("{section}.{field}"))
    }

    pub(super) fn is_empty(&self) -> bool {
        self.values.is_empty()
    }

    /// An object in a field.
    pub(super) fn section(&self, field: &'a str) -> Result<Option<Self>, ConfigError> {
        let values = self.typed(field, "an object", Value::as_object)?;
        Ok(values.map(|values| Self { path: self.path, section: Some(field), values }))
    }

    pub(super) fn integer(&self, field: &str) -> Result<Option<i64>, ConfigError> {
        self.typed(field, "a whole number", Value::as_i64)
    }

    pub(super) fn number(&self, field: &str) -> Result<Option<f64>, ConfigError> {
        self.typed(field, "a number", Value::as_f64)
    }

    pub(super) fn text(&self, field: &str) -> Result<Option<&'a str>, ConfigError> {
        self.typed(field, "a text", Value::as_str)
    }

    pub(super) fn flag(&self, field: &str) -> Result<Option<bool>, ConfigError> {
        self.typed(field, "true or false", Value::as_bool)
    }

    /// A list of texts; none where the field is absent.
    pub(super) fn texts(&self, field: &str) -> Result<Vec<&'a str>, ConfigError> {
        let texts = |value: &'a Value| value.as_array()?.iter().map(Value::as_str).collect();
        Ok(self.typed(field, "a list of texts", texts)?.unwrap_or_default())
    }

    /// One token id or a list of them; none where the field is absent.
    pub(super) fn ids(&self, field: &str) -> Result<Vec<u32>, ConfigError> {
        let id = |value: &Value| value.as_u64().and_then(|id| u32::try_from(id).ok());
        let ids = |value: &'a Value| match value {
            Value::Array(ids) => ids.iter().map(id).collect(),
            one => id(one).map(|id| vec![id]),
        };
        Ok(self.typed(field, "a token id or a list of token ids", ids)?.unwrap_or_default())
    }

    /// The first field whose value is an object or a list.
    pub(super) fn nested(&self) -> Option<&'a str> {
        let nested = self.values.iter().find(|(_, value)| value.is_object() || value.is_array());
        nested.map(|(field, _)| field.as_str())
    }

    pub(super) fn typed<T>(
        &self,
        field: &str,
        expected: &'static str,
        read: impl FnOnce(&'a Value) -> Option<T>,
    ) -> Result<Option<T>, ConfigError> {
        match self.values.get(field) {
            None | Some(Value::Null) => Ok(None),
            Some(value) => read(value).map(Some).ok_or_else(|| ConfigError::WrongValue {
                path: self.path.into(),
                field: self.name(field),
                found: shortened(&value.to_string()).replace("\\\"", "\""),
                expected,
            }),
        }
    }
}
