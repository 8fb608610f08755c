//! Protobuf's wire format, as far as a reader needs it.
//!
//! A message is a sequence of fields: a varint `number << 3 | type`, then by type a varint (0), eight bytes (1), a
//! varint length and so many bytes (2), or four bytes (5). Groups (3, 4) are refused: no ONNX message has them.
//! Source: <https://protobuf.dev/programming-guides/encoding/>.

use super::GraphError;

/// The value of a field; bytes are a part of what was given.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Value<'a> {
    Varint(u64),
    Fixed64(u64),
    Bytes(&'a [u8]),
    Fixed32(u32),
}

/// One field of a message.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Field<'a> {
    pub(super) number: u64,
    pub(super) value: Value<'a>,
}

/// The fields of a message, in order. After an error the iterator ends.
#[derive(Debug, Clone)]
pub(super) struct Fields<'a> {
    rest: &'a [u8],
}

impl<'a> Fields<'a> {
    pub(super) fn new(message: &'a [u8]) -> Self {
        Self { rest: message }
    }

    fn read(&mut self) -> Option<Field<'a>> {
        let tag = self.varint()?;
        let number = tag >> 3;
        let value = match tag & 7 {
            0 => Value::Varint(self.varint()?),
            1 => Value::Fixed64(u64::from_le_bytes(*self.take(8)?.first_chunk()?)),
            2 => {
                let length = usize::try_from(self.varint()?).ok()?;
                Value::Bytes(self.take(length)?)
            }
            5 => Value::Fixed32(u32::from_le_bytes(*self.take(4)?.first_chunk()?)),
            _ => return None,
        };
        (number > 0).then_some(Field { number, value })
    }

    fn varint(&mut self) -> Option<u64> {
        let mut value = 0_u64;
        for shift in (0..64).step_by(7) {
            let byte = *self.take(1)?.first()?;
            let bits = u64::from(byte & 0x7f);
            // The tenth byte has room for one bit.
            if shift == 63 && bits > 1 {
                return None;
            }
            value |= bits << shift;
            if byte & 0x80 == 0 {
                return Some(value);
            }
        }
        None
    }

    fn take(&mut self, length: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.rest.split_at_checked(length)?;
        self.rest = rest;
        Some(taken)
    }
}

impl<'a> Iterator for Fields<'a> {
    type Item = Result<Field<'a>, GraphError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.rest.is_empty() {
            return None;
        }
        let field = self.read().ok_or(GraphError::Encoding);
        if field.is_err() {
            self.rest = &[];
        }
        Some(field)
    }
}

impl<'a> Field<'a> {
    pub(super) fn bytes(&self) -> Result<&'a [u8], GraphError> {
        match self.value {
            Value::Bytes(bytes) => Ok(bytes),
            _ => Err(GraphError::Encoding),
        }
    }

    pub(super) fn varint(&self) -> Result<u64, GraphError> {
        match self.value {
            Value::Varint(value) => Ok(value),
            _ => Err(GraphError::Encoding),
        }
    }

    /// A varint that stands for a signed number, as `int64` does.
    pub(super) fn int(&self) -> Result<i64, GraphError> {
        self.varint().map(u64::cast_signed)
    }

    /// A repeated `int64`: alone, or many packed into bytes. Adds to `numbers`, at most `limit` of them.
    pub(super) fn ints(&self, numbers: &mut Vec<i64>, limit: usize) -> Result<(), GraphError> {
        let Value::Bytes(packed) = self.value else {
            numbers.push(self.int()?);
            return if numbers.len() <= limit { Ok(()) } else { Err(GraphError::Encoding) };
        };
        let mut packed = Fields::new(packed);
        while !packed.rest.is_empty() {
            if numbers.len() == limit {
                return Err(GraphError::Encoding);
            }
            numbers.push(packed.varint().ok_or(GraphError::Encoding)?.cast_signed());
        }
        Ok(())
    }
}

/// Appends a varint.
pub(super) fn put_varint(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        // The low seven bits and a sign that more follow.
        out.push(value.to_le_bytes()[0] | 0x80);
        value >>= 7;
    }
    out.push(value.to_le_bytes()[0]);
}

/// Appends a field of a whole number.
pub(super) fn put_int(out: &mut Vec<u8>, number: u64, value: u64) {
    put_varint(out, number << 3);
    put_varint(out, value);
}

/// Appends a field of bytes.
pub(super) fn put_bytes(out: &mut Vec<u8>, number: u64, bytes: &[u8]) {
    put_varint(out, number << 3 | 2);
    put_varint(out, bytes.len() as u64);
    out.extend_from_slice(bytes);
}

/// Appends a field as it was read.
pub(super) fn put(out: &mut Vec<u8>, field: &Field<'_>) {
    match field.value {
        Value::Varint(value) => put_int(out, field.number, value),
        Value::Fixed64(value) => {
            put_varint(out, field.number << 3 | 1);
            out.extend_from_slice(&value.to_le_bytes());
        }
        Value::Bytes(bytes) => put_bytes(out, field.number, bytes),
        Value::Fixed32(value) => {
            put_varint(out, field.number << 3 | 5);
            out.extend_from_slice(&value.to_le_bytes());
        }
    }
}

/// The same message with every field of that number passed through `edit`.
pub(super) fn replace(
    message: &[u8],
    number: u64,
    mut edit: impl FnMut(&[u8]) -> Result<Vec<u8>, GraphError>,
) -> Result<Vec<u8>, GraphError> {
    let mut out = Vec::with_capacity(message.len());
    for field in Fields::new(message) {
        let field = field?;
        if field.number == number {
            put_bytes(&mut out, number, &edit(field.bytes()?)?);
        } else {
            put(&mut out, &field);
        }
    }
    Ok(out)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn what_is_written_is_read_again(value: u64, bytes in prop::collection::vec(any::<u8>(), 0..300), word: u32) {
            let fields = [
                Field { number: 1, value: Value::Varint(value) },
                Field { number: 300, value: Value::Bytes(&bytes) },
                Field { number: 2, value: Value::Fixed32(word) },
                Field { number: 3, value: Value::Fixed64(value) },
            ];
            let mut message = Vec::new();
            fields.iter().for_each(|field| put(&mut message, field));
            let read: Result<Vec<_>, _> = Fields::new(&message).collect();
            prop_assert_eq!(read.unwrap(), fields);
            for end in 0..message.len() {
                let read: Vec<_> = Fields::new(&message[..end]).collect();
                prop_assert!(read.len() <= fields.len());
            }
        }

        #[test]
        fn any_bytes_end(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            prop_assert!(Fields::new(&bytes).count() <= bytes.len());
        }
    }

    #[test]
    fn lengths_are_not_trusted() {
        let huge = [0x0a, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01];
        assert!(Fields::new(&huge).next().unwrap().is_err());
        let eleven_bytes = [[0x08].as_slice(), &[0x80; 10], &[0]].concat();
        assert!(Fields::new(&eleven_bytes).next().unwrap().is_err());
        assert!(Fields::new(&[0x0b]).next().unwrap().is_err(), "a group");
        assert!(Fields::new(&[0x00, 0x00]).next().unwrap().is_err(), "field 0");
    }
}
