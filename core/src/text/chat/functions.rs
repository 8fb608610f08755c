//! What templates may call, set as `transformers` sets it.

use std::io;

use minijinja::syntax::SyntaxConfig;
use minijinja::value::Kwargs;
use minijinja::{Environment, Error, ErrorKind, Value};
use serde::Serialize;
use serde_json::ser::{Formatter, PrettyFormatter, Serializer};

/// The words of an error that comes from `raise_exception`, before the template's own.
pub(super) const REFUSED: &str = "refused: ";

/// An environment for one rendering of `source`.
///
/// # Errors
/// None in practice: the syntax is the engine's own.
pub(super) fn environment(source: &str, fuel: u64) -> Result<Environment<'_>, Error> {
    let mut environment = Environment::new();
    environment.set_syntax(SyntaxConfig::builder().trim_blocks(true).lstrip_blocks(true).build()?);
    environment.set_fuel(Some(fuel));
    environment.set_unknown_method_callback(minijinja_contrib::pycompat::unknown_method_callback);
    environment.add_filter("tojson", to_json);
    let source = source.to_owned();
    environment.add_function("raise_exception", move |words: &str| -> Result<Value, Error> {
        // Words that are not written in the template may repeat text of a message.
        let known = if source.contains(words) { words } else { "in words that may hold text of a message" };
        Err(Error::new(ErrorKind::InvalidOperation, format!("{REFUSED}{known}")))
    });
    Ok(environment)
}

/// JSON as Python writes it: `{"a": 1, "b": [1, 2]}`, or indented. Unlike the engine's own filter it leaves `<` and
/// its like as they are.
fn to_json(value: &Value, options: Kwargs) -> Result<String, Error> {
    let mut json = Vec::new();
    let indent: Option<usize> = options.get("indent")?;
    let written = match indent {
        Some(width) => {
            let spaces = " ".repeat(width.min(MAX_INDENT));
            value.serialize(&mut Serializer::with_formatter(
                &mut json,
                PrettyFormatter::with_indent(spaces.as_bytes()),
            ))
        }
        None => value.serialize(&mut Serializer::with_formatter(&mut json, Spaced)),
    };
    let failed = |_| Error::new(ErrorKind::InvalidOperation, "a value can't be written as JSON");
    written.map_err(failed)?;
    String::from_utf8(json).map_err(|_| Error::new(ErrorKind::InvalidOperation, "JSON is not UTF-8"))
}

const MAX_INDENT: usize = 16;

/// Python's separators: `, ` and `: `.
struct Spaced;

impl Formatter for Spaced {
    fn begin_array_value<W: ?Sized + io::Write>(&mut self, writer: &mut W, first: bool) -> io::Result<()> {
        if first { Ok(()) } else { writer.write_all(b", ") }
    }

    fn begin_object_key<W: ?Sized + io::Write>(&mut self, writer: &mut W, first: bool) -> io::Result<()> {
        self.begin_array_value(writer, first)
    }

    fn begin_object_value<W: ?Sized + io::Write>(&mut self, writer: &mut W) -> io::Result<()> {
        writer.write_all(b": ")
    }
}
