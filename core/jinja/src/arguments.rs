//! Arguments of a call, and what a function of ours makes of them.

use std::sync::Arc;

use wheelwork_package::budget::Budget;

use crate::error::{Failure, Outcome};
use crate::value::{Value, take_items, take_look};

/// Evaluated arguments.
#[derive(Debug, Default)]
pub(crate) struct Given {
    pub(crate) positional: Vec<Value>,
    pub(crate) named: Vec<(Arc<str>, Value)>,
}

impl Given {
    /// The arguments of a function with these parameters, in their order.
    pub(crate) fn bind<const COUNT: usize>(self, names: [&str; COUNT]) -> Outcome<[Option<Value>; COUNT]> {
        let mut bound = [const { None }; COUNT];
        if self.positional.len() > COUNT {
            return Err(Failure::failed("too many arguments"));
        }
        for (place, value) in bound.iter_mut().zip(self.positional) {
            *place = Some(value);
        }
        for (name, value) in self.named {
            let place = names.iter().position(|known| *known == &*name);
            match place.and_then(|place| bound.get_mut(place)) {
                Some(place @ None) => *place = Some(value),
                Some(Some(_)) => return Err(Failure::failed("an argument stands twice")),
                None => return Err(Failure::failed("an unknown argument")),
            }
        }
        Ok(bound)
    }

    /// Pays for a look at each argument.
    pub(crate) fn pay(&self, budget: &Budget) -> Outcome<()> {
        let named = self.named.iter().map(|(_, value)| value);
        self.positional.iter().chain(named).try_for_each(|value| pay(budget, value))
    }

    /// Nothing may be given.
    pub(crate) fn none(self) -> Outcome<()> {
        self.bind::<0>([]).map(drop)
    }
}

/// An argument that must be given.
pub(crate) fn required(value: Option<Value>) -> Outcome<Value> {
    value.ok_or_else(|| Failure::failed("too few arguments"))
}

/// An argument; a `None` that is given stands for what is left out.
pub(crate) fn not_none(value: Option<Value>) -> Option<Value> {
    value.filter(|value| !matches!(value, Value::None))
}

/// Whether a switch is given and on.
pub(crate) fn is_on(value: Option<Value>) -> bool {
    value.is_some_and(|value| value.is_true())
}

/// A whole number.
pub(crate) fn integer(value: &Value) -> Outcome<i64> {
    value.as_integer().ok_or_else(|| {
        Failure::failed(format!("a value of type {} where a whole number belongs", value.type_name()))
    })
}

/// A text.
pub(crate) fn text(value: &Value) -> Outcome<Arc<str>> {
    value
        .as_text()
        .cloned()
        .ok_or_else(|| Failure::failed(format!("a value of type {} where a text belongs", value.type_name())))
}

/// A count or a width: what is negative is zero.
pub(crate) fn size(value: &Value) -> Outcome<usize> {
    Ok(usize::try_from(integer(value)?.max(0)).unwrap_or(usize::MAX))
}

/// Pays for what a function looks at.
pub(crate) fn pay(budget: &Budget, value: &Value) -> Outcome<()> {
    match value {
        Value::Text(text) | Value::Markup(text) => take_look(budget, text.len()),
        Value::Sequence(sequence) => take_items(budget, sequence.items.len()),
        Value::Map(map) => take_items(budget, map.entries.len()),
        _ => take_look(budget, 0),
    }
}

/// Names the function that failed.
pub(crate) fn within(failure: Failure, name: &str) -> Failure {
    match failure {
        Failure::Failed(words) => Failure::Failed(format!("`{name}`: {words}")),
        Failure::Unsupported(words) => Failure::Unsupported(format!("`{name}`: {words}")),
        other => other,
    }
}
