//! How many values JSON may hold: one of two bytes takes thirty and more once it is read, so a limit of bytes is none of
//! memory.

use std::cell::Cell;
use std::fmt;

use serde::de::{self, Deserialize, DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};

use crate::budget::{Exhausted, Limit};

/// The most values of a small part of a file.
const FEW: usize = 10_000;

/// Counts the values of a JSON text before anything is made of it: what begins a list or an object, and each comma. Of what
/// is no JSON it counts something, too.
///
/// # Errors
/// [`Exhausted`] where there are more than the limit.
pub fn check_values(json: &[u8], limit: Limit) -> Result<(), Exhausted> {
    let (mut count, mut is_text, mut is_escaped) = (1_u64, false, false);
    for byte in json {
        match byte {
            _ if is_escaped => is_escaped = false,
            b'\\' if is_text => is_escaped = true,
            b'"' => is_text = !is_text,
            b'[' | b'{' | b',' if !is_text => count += 1,
            _ => {}
        }
    }
    if count > limit.number { Err(Exhausted::Limit(limit)) } else { Ok(()) }
}

/// A value that is small in every honest file, for `deserialize_with`. A larger one is given up while it is read.
pub(crate) fn few<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Value>, D::Error> {
    let left = Cell::new(FEW);
    let value = Few(&left).deserialize(deserializer)?;
    Ok(Some(value).filter(|value| !value.is_null()))
}

/// Reads a value, and counts it down.
struct Few<'c>(&'c Cell<usize>);

impl<'de> DeserializeSeed<'de> for Few<'_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        let left = self.0.get().checked_sub(1);
        self.0.set(left.ok_or_else(|| de::Error::custom(format!("it has more than {FEW} values")))?);
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Few<'_> {
    type Value = Value;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a value")
    }

    fn visit_unit<E: de::Error>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E: de::Error>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E: de::Error>(self, number: i64) -> Result<Value, E> {
        Ok(Value::from(number))
    }

    fn visit_u64<E: de::Error>(self, number: u64) -> Result<Value, E> {
        Ok(Value::from(number))
    }

    fn visit_f64<E: de::Error>(self, number: f64) -> Result<Value, E> {
        Ok(Number::from_f64(number).map_or(Value::Null, Value::Number))
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Value, E> {
        Ok(Value::String(text.to_owned()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let mut list = Vec::new();
        while let Some(item) = items.next_element_seed(Few(self.0))? {
            list.push(item);
        }
        Ok(Value::Array(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Value, A::Error> {
        let mut object = Map::new();
        while let Some(key) = entries.next_key()? {
            object.insert(key, entries.next_value_seed(Few(self.0))?);
        }
        Ok(Value::Object(object))
    }
}

/// A list that is given up once it is longer than any honest one.
pub(crate) fn at_most<'de, D, T>(deserializer: D, most: usize, what: &'static str) -> Result<Vec<T>, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de>,
{
    struct Items<T>(usize, &'static str, std::marker::PhantomData<T>);
    impl<'de, T: Deserialize<'de>> Visitor<'de> for Items<T> {
        type Value = Vec<T>;

        fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
            write!(formatter, "a list of {}", self.1)
        }

        fn visit_unit<E: de::Error>(self) -> Result<Vec<T>, E> {
            Ok(Vec::new())
        }

        fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Vec<T>, A::Error> {
            let mut list = Vec::new();
            while let Some(item) = items.next_element()? {
                if list.len() >= self.0 {
                    return Err(de::Error::custom(format!("there are more than {} {}", self.0, self.1)));
                }
                list.push(item);
            }
            Ok(list)
        }
    }
    deserializer.deserialize_any(Items(most, what, std::marker::PhantomData))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn count_is(json: &str, count: u64) {
        let limit = |number| Limit { name: "values", number, unit: "values", reason: "a test" };
        assert!(check_values(json.as_bytes(), limit(count)).is_ok(), "{json}");
        assert!(check_values(json.as_bytes(), limit(count - 1)).is_err(), "{json}");
    }

    #[test]
    fn fi_08_values_are_counted_outside_of_texts() {
        count_is("0", 1);
        count_is("[0,0,0]", 4);
        count_is(r#"{"a": [1, {"b,[{": "\",[\\"}], "c": 2}"#, 6);
    }

    #[test]
    fn fi_08_a_small_value_is_what_it_is_and_a_large_one_is_given_up() {
        #[derive(serde::Deserialize)]
        struct File {
            #[serde(default, deserialize_with = "few")]
            part: Option<Value>,
        }
        let read = |json: &str| serde_json::from_str::<File>(json).map(|file| file.part);
        let part = json!({"a": [1, -2, 3.5, "x", null, true], "b": {"c": []}});
        assert_eq!(read(&json!({"part": part}).to_string()).unwrap(), Some(part));
        assert_eq!(read("{}").unwrap(), None);
        assert_eq!(read(r#"{"part": null}"#).unwrap(), None);
        let many = format!(r#"{{"part": [{}0]}}"#, "0,".repeat(FEW));
        assert!(read(&many).unwrap_err().to_string().contains("more than 10000 values"));
    }
}
