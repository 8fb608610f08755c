//! Values of a template: Python's, without the classes. Nothing here changes once it is made, but for how far a generator
//! is read; what changes (namespaces, loops) lives in the renderer and is named here by its number. So values form no
//! circles, and their depth is known when they are made.

use std::cell::Cell;
use std::rc::Rc;
use std::sync::Arc;

use wheelwork_package::budget::{Budget, Exhausted, TEMPLATE_VALUE_DEPTH};

use crate::error::{Failure, Outcome};
use crate::syntax::Constant;

#[derive(Debug, Clone)]
pub(crate) enum Value {
    /// Holds what to say where it is used all the same.
    Undefined(Rc<str>),
    None,
    Bool(bool),
    Integer(i64),
    Float(f64),
    Text(Arc<str>),
    /// Text that is escaped for HTML: prints as text, and is refused where Python would escape what meets it.
    Markup(Arc<str>),
    Sequence(Rc<Sequence>),
    Map(Rc<Map>),
    /// What `map` and its like give: read once, without a length, and never false.
    Generator(Rc<Generator>),
    Object(Object),
    /// A method that was looked up and not called yet.
    Method(Rc<(Value, &'static str)>),
}

#[derive(Debug)]
pub(crate) struct Sequence {
    pub(crate) kind: SequenceKind,
    pub(crate) items: Vec<Value>,
    depth: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum SequenceKind {
    List,
    Tuple,
    /// What `groupby` gives: a tuple with names.
    Group,
    Keys,
    Values,
    Items,
    Range,
}

/// A dictionary, in the order of its entries.
#[derive(Debug)]
pub(crate) struct Map {
    pub(crate) entries: Vec<(Value, Value)>,
    depth: u64,
}

#[derive(Debug)]
pub(crate) struct Generator {
    items: Rc<Sequence>,
    read: Cell<usize>,
}

/// What the renderer keeps, or a function of the environment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Object {
    Namespace(usize),
    Macro(usize),
    Loop(usize),
    Cycler(usize),
    Joiner(usize),
    Function(&'static str),
}

/// What a place in a list or a dictionary takes, in bytes.
const SLOT_BYTES: u64 = 32;
/// What a text takes besides its bytes.
const TEXT_BYTES: usize = 32;
/// So many bytes or items are looked at for one step.
pub(crate) const BYTES_A_STEP: u64 = 64;
const ITEMS_A_STEP: u64 = 4;

impl Value {
    /// A text that a template made.
    pub(crate) fn text(budget: &Budget, text: String) -> Outcome<Self> {
        take_text(budget, text.len().saturating_add(TEXT_BYTES))?;
        Ok(Self::Text(text.into()))
    }

    /// A short text of ours.
    pub(crate) fn word(text: &str) -> Self {
        Self::Text(text.into())
    }

    pub(crate) fn list(budget: &Budget, items: Vec<Value>) -> Outcome<Self> {
        Self::sequence(budget, SequenceKind::List, items)
    }

    pub(crate) fn tuple(budget: &Budget, items: Vec<Value>) -> Outcome<Self> {
        Self::sequence(budget, SequenceKind::Tuple, items)
    }

    pub(crate) fn sequence(budget: &Budget, kind: SequenceKind, items: Vec<Value>) -> Outcome<Self> {
        take_slots(budget, items.len())?;
        let depth = deeper(items.iter())?;
        Ok(Self::Sequence(Rc::new(Sequence { kind, items, depth })))
    }

    pub(crate) fn generator(budget: &Budget, items: Vec<Value>) -> Outcome<Self> {
        let Self::Sequence(items) = Self::list(budget, items)? else { return Ok(Self::None) };
        Ok(Self::Generator(Rc::new(Generator { items, read: Cell::new(0) })))
    }

    /// A dictionary of entries whose keys differ.
    pub(crate) fn map(budget: &Budget, entries: Vec<(Value, Value)>) -> Outcome<Self> {
        take_slots(budget, entries.len().saturating_mul(2))?;
        let depth = deeper(entries.iter().flat_map(|(key, value)| [key, value]))?;
        Ok(Self::Map(Rc::new(Map { entries, depth })))
    }

    pub(crate) fn method(budget: &Budget, receiver: &Value, name: &'static str) -> Outcome<Self> {
        take_slots(budget, 2)?;
        Ok(Self::Method(Rc::new((receiver.clone(), name))))
    }

    pub(crate) fn undefined(words: impl AsRef<str>) -> Self {
        Self::Undefined(words.as_ref().into())
    }

    fn depth(&self) -> u64 {
        match self {
            Self::Sequence(sequence) => sequence.depth,
            Self::Map(map) => map.depth,
            Self::Generator(generator) => generator.items.depth,
            // A method of a method does not exist, so this adds one at most.
            Self::Method(method) => method.0.depth(),
            _ => 0,
        }
    }

    /// Text, escaped or not.
    pub(crate) fn as_text(&self) -> Option<&Arc<str>> {
        match self {
            Self::Text(text) | Self::Markup(text) => Some(text),
            _ => None,
        }
    }

    /// A whole number; `true` is 1.
    pub(crate) fn as_integer(&self) -> Option<i64> {
        match self {
            Self::Integer(number) => Some(*number),
            Self::Bool(value) => Some(i64::from(*value)),
            _ => None,
        }
    }

    #[allow(clippy::cast_precision_loss)] // as Python converts
    pub(crate) fn as_float(&self) -> Option<f64> {
        match self {
            Self::Float(number) => Some(*number),
            _ => self.as_integer().map(|number| number as f64),
        }
    }

    pub(crate) fn is_undefined(&self) -> bool {
        matches!(self, Self::Undefined(_))
    }

    pub(crate) fn is_true(&self) -> bool {
        match self {
            Self::Undefined(_) | Self::None => false,
            Self::Bool(value) => *value,
            Self::Integer(number) => *number != 0,
            Self::Float(number) => *number != 0.0,
            Self::Text(text) | Self::Markup(text) => !text.is_empty(),
            Self::Sequence(sequence) => !sequence.items.is_empty(),
            Self::Map(map) => !map.entries.is_empty(),
            Self::Generator(_) | Self::Object(_) | Self::Method(_) => true,
        }
    }

    /// Python's name of the type.
    pub(crate) fn type_name(&self) -> &'static str {
        match self {
            Self::Undefined(_) => "Undefined",
            Self::None => "NoneType",
            Self::Bool(_) => "bool",
            Self::Integer(_) => "int",
            Self::Float(_) => "float",
            Self::Text(_) => "str",
            Self::Markup(_) => "Markup",
            Self::Sequence(sequence) => match sequence.kind {
                SequenceKind::List => "list",
                SequenceKind::Tuple | SequenceKind::Group => "tuple",
                SequenceKind::Keys => "dict_keys",
                SequenceKind::Values => "dict_values",
                SequenceKind::Items => "dict_items",
                SequenceKind::Range => "range",
            },
            Self::Map(_) => "dict",
            Self::Generator(_) => "generator",
            Self::Object(Object::Namespace(_)) => "Namespace",
            Self::Object(_) | Self::Method(_) => "function",
        }
    }

    /// The items that a loop over this sees. Takes a generator's items away.
    pub(crate) fn iterate(&self, budget: &Budget) -> Outcome<Rc<Sequence>> {
        let made = |items: Vec<Value>| match Self::list(budget, items)? {
            Self::Sequence(sequence) => Ok(sequence),
            _ => Err(Failure::failed("a list is no list")),
        };
        match self {
            Self::Sequence(sequence) => {
                take_items(budget, sequence.items.len())?;
                Ok(Rc::clone(sequence))
            }
            Self::Map(map) => {
                take_items(budget, map.entries.len())?;
                made(map.entries.iter().map(|(key, _)| key.clone()).collect())
            }
            Self::Text(text) | Self::Markup(text) => {
                take_text(budget, text.len().saturating_mul(48))?;
                let mut buffer = [0; 4];
                made(text.chars().map(|char| Self::word(char.encode_utf8(&mut buffer))).collect())
            }
            Self::Undefined(_) => made(Vec::new()),
            Self::Generator(generator) => {
                let rest = generator.items.items.get(generator.read.get()..).unwrap_or_default();
                take_items(budget, rest.len())?;
                generator.read.set(generator.items.items.len());
                made(rest.to_vec())
            }
            Self::Object(Object::Loop(_)) => Err(Failure::unsupported("a loop over `loop`")),
            _ => Err(Failure::failed(format!("a value of type {} is not iterable", self.type_name()))),
        }
    }

    pub(crate) fn is_iterable(&self) -> bool {
        matches!(
            self,
            Self::Sequence(_)
                | Self::Map(_)
                | Self::Text(_)
                | Self::Markup(_)
                | Self::Undefined(_)
                | Self::Generator(_)
        )
    }

    pub(crate) fn length(&self, budget: &Budget) -> Outcome<usize> {
        match self {
            Self::Sequence(sequence) => Ok(sequence.items.len()),
            Self::Map(map) => Ok(map.entries.len()),
            Self::Text(text) | Self::Markup(text) => {
                take_look(budget, text.len())?;
                Ok(text.chars().count())
            }
            Self::Undefined(_) => Ok(0),
            _ => Err(Failure::failed(format!("a value of type {} has no length", self.type_name()))),
        }
    }
}

impl Generator {
    /// The next item, taken away.
    pub(crate) fn next(&self) -> Option<Value> {
        let next = self.items.items.get(self.read.get()).cloned();
        self.read.set(self.read.get().saturating_add(1));
        next
    }
}

impl From<&Constant> for Value {
    fn from(constant: &Constant) -> Self {
        match constant {
            Constant::None => Self::None,
            Constant::Bool(value) => Self::Bool(*value),
            Constant::Integer(number) => Self::Integer(*number),
            Constant::Float(number) => Self::Float(*number),
            Constant::Text(text) => Self::Text(Arc::clone(text)),
        }
    }
}

/// One more than the deepest.
fn deeper<'v>(values: impl Iterator<Item = &'v Value>) -> Outcome<u64> {
    let depth = values.map(Value::depth).max().unwrap_or(0) + 1;
    if depth > TEMPLATE_VALUE_DEPTH.number {
        return Err(Exhausted::Limit(TEMPLATE_VALUE_DEPTH).into());
    }
    Ok(depth)
}

fn count(number: usize) -> u64 {
    u64::try_from(number).unwrap_or(u64::MAX)
}

/// Pays for a text of so many bytes, before or after it is made.
pub(crate) fn take_text(budget: &Budget, bytes: usize) -> Outcome<()> {
    budget.take_bytes(count(bytes))?;
    take_look(budget, bytes)
}

/// Pays for looking at a text of so many bytes.
pub(crate) fn take_look(budget: &Budget, bytes: usize) -> Outcome<()> {
    Ok(budget.take_steps(1 + count(bytes) / BYTES_A_STEP)?)
}

/// Pays for looking at so many items.
pub(crate) fn take_items(budget: &Budget, items: usize) -> Outcome<()> {
    Ok(budget.take_steps(1 + count(items) / ITEMS_A_STEP)?)
}

/// Pays for a list of so many items.
pub(crate) fn take_slots(budget: &Budget, items: usize) -> Outcome<()> {
    budget.take_bytes(count(items).saturating_mul(SLOT_BYTES))?;
    take_items(budget, items)
}
