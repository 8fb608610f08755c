//! Jinja as Hugging Face's chat templates use it: what `transformers` renders, or an error that names the function and
//! the line. A template comes with a checkpoint and is a program of a stranger's, so nothing here works without a
//! budget: the size and nesting of the source, each step, each byte that is made, the depth of evaluation and of values.
//!
//! ```text
//! source -> lexer -> stream -> parser, expressions -> syntax      Template::new
//! syntax -> render (statements), evaluate (expressions)           Template::render
//!             scope        variables, and objects that change
//!             value        values that don't; compare, operators, access, print, json
//!             filters, predicates, methods, objects               what a template may call
//! ```
//!
//! The reference is Jinja2's immutable sandbox as `transformers` sets it up: blocks trimmed, loop controls,
//! `{% generation %}`, its `tojson`, `raise_exception` and `strftime_now`. There is no loader, so nothing is included.
//! Characters of the planes of private use stay as they are where Python would escape them, so that callers can have them
//! stand for others. Python has whole numbers without end; here they have 64 bits, and what goes beyond is an error.
#![forbid(unsafe_code)]

mod access;
mod arguments;
mod compare;
mod date;
mod error;
mod evaluate;
mod expressions;
mod filters;
mod format;
mod json;
mod lexer;
mod methods;
mod numbers;
mod objects;
mod operators;
mod parser;
mod parts;
mod percent;
mod predicates;
mod print;
mod render;
mod scope;
mod spaces;
mod stream;
mod syntax;
mod template;
mod value;

pub use error::{Failure, TemplateError};
pub use template::{Template, budget};
