//! Expressions to values.

use std::rc::Rc;
use std::sync::Arc;

use crate::arguments::{Given, within};
use crate::compare::{contains, equal, insert, order};
use crate::error::{Failure, Outcome};
use crate::operators::{arithmetic, sign};
use crate::print::{print, printed};
use crate::scope::{Renderer, Scope};
use crate::syntax::{Arguments, Comparison, Expression, Suffix, SuffixKind};
use crate::value::{Object, Value};
use crate::{access, filters, methods, objects, predicates, render};

impl<'t> Renderer<'t> {
    pub(crate) fn evaluate(&mut self, expression: &'t Expression, scope: &Rc<Scope>) -> Outcome<Value> {
        self.budget.take_steps(1)?;
        match expression {
            Expression::Constant(constant) => Ok(constant.into()),
            Expression::Name(name) => {
                self.budget.take_steps(scope.depth() / 8)?;
                let found = scope.get(name).or_else(|| objects::function(name));
                Ok(found.unwrap_or_else(|| Value::undefined(format!("`{name}` is undefined"))))
            }
            _ => self.evaluate_inner(expression, scope),
        }
    }

    /// What has parts, a level deeper.
    fn evaluate_inner(&mut self, expression: &'t Expression, scope: &Rc<Scope>) -> Outcome<Value> {
        let _level = self.budget.nest()?;
        match expression {
            Expression::Constant(_) | Expression::Name(_) => self.evaluate(expression, scope),
            Expression::List(items) => Value::list(self.budget, self.all(items, scope)?),
            Expression::Tuple(items) => Value::tuple(self.budget, self.all(items, scope)?),
            Expression::Dict(pairs) => self.dict(pairs, scope),
            Expression::Not(inner) => Ok(Value::Bool(!self.evaluate(inner, scope)?.is_true())),
            Expression::Sign(char, inner) => sign(*char, &self.evaluate(inner, scope)?),
            Expression::And(items) => self.first_that(items, scope, false),
            Expression::Or(items) => self.first_that(items, scope, true),
            Expression::Arithmetic(first, rest) => {
                let mut value = self.evaluate(first, scope)?;
                for (operator, right) in rest {
                    let right = self.evaluate(right, scope)?;
                    value = arithmetic(self.budget, *operator, &value, &right)?;
                }
                Ok(value)
            }
            Expression::Concat(items) => {
                let mut text = String::new();
                for item in items {
                    let item = self.evaluate(item, scope)?;
                    print(self.budget, &item, &mut text)?;
                }
                Ok(Value::Text(text.into()))
            }
            Expression::Compare(first, rest) => self.compare(first, rest, scope),
            Expression::Condition(parts) => {
                let (test, value, otherwise) = &**parts;
                match otherwise {
                    _ if self.evaluate(test, scope)?.is_true() => self.evaluate(value, scope),
                    Some(otherwise) => self.evaluate(otherwise, scope),
                    None => Ok(Value::undefined("a condition without `else` is false")),
                }
            }
            Expression::Chain(first, suffixes) => {
                let value = self.evaluate(first, scope)?;
                self.chain(value, suffixes, scope, None)
            }
        }
    }

    fn all(&mut self, expressions: &'t [Expression], scope: &Rc<Scope>) -> Outcome<Vec<Value>> {
        expressions.iter().map(|expression| self.evaluate(expression, scope)).collect()
    }

    fn dict(&mut self, pairs: &'t [(Expression, Expression)], scope: &Rc<Scope>) -> Outcome<Value> {
        let mut entries = Vec::new();
        for (key, value) in pairs {
            let (key, value) = (self.evaluate(key, scope)?, self.evaluate(value, scope)?);
            insert(self.budget, &mut entries, key, value)?;
        }
        Value::map(self.budget, entries)
    }

    /// The first value that is true, or false; else the last.
    fn first_that(&mut self, items: &'t [Expression], scope: &Rc<Scope>, wanted: bool) -> Outcome<Value> {
        let mut value = Value::None;
        for item in items {
            value = self.evaluate(item, scope)?;
            if value.is_true() == wanted {
                break;
            }
        }
        Ok(value)
    }

    fn compare(
        &mut self,
        first: &'t Expression,
        rest: &'t [(Comparison, Expression)],
        scope: &Rc<Scope>,
    ) -> Outcome<Value> {
        use std::cmp::Ordering::{Equal, Greater, Less};
        let mut left = self.evaluate(first, scope)?;
        for (comparison, right) in rest {
            let right = self.evaluate(right, scope)?;
            let budget = self.budget;
            let ordered = |wanted: &[std::cmp::Ordering]| {
                Ok::<_, Failure>(order(budget, &left, &right)?.is_some_and(|order| wanted.contains(&order)))
            };
            let holds = match comparison {
                Comparison::Equal => equal(budget, &left, &right)?,
                Comparison::NotEqual => !equal(budget, &left, &right)?,
                Comparison::Less => ordered(&[Less])?,
                Comparison::LessOrEqual => ordered(&[Less, Equal])?,
                Comparison::Greater => ordered(&[Greater])?,
                Comparison::GreaterOrEqual => ordered(&[Greater, Equal])?,
                Comparison::In => contains(budget, &right, &left)?,
                Comparison::NotIn => !contains(budget, &right, &left)?,
            };
            if !holds {
                return Ok(Value::Bool(false));
            }
            left = right;
        }
        Ok(Value::Bool(true))
    }

    /// Attributes, items, calls, filters and tests, from left to right. The last call gets the caller of a `call` block.
    pub(crate) fn chain(
        &mut self,
        mut value: Value,
        suffixes: &'t [Suffix],
        scope: &Rc<Scope>,
        caller: Option<Value>,
    ) -> Outcome<Value> {
        for (index, suffix) in suffixes.iter().enumerate() {
            self.line = suffix.line.max(1);
            self.budget.take_steps(1)?;
            value = match &suffix.kind {
                SuffixKind::Attribute(name) => self.attribute(&value, name)?,
                SuffixKind::Item(key) => {
                    let key = self.evaluate(key, scope)?;
                    match (&value, key.as_text()) {
                        (Value::Object(object), Some(name)) => objects::attribute(self, *object, name)?,
                        _ => access::item(self.budget, &value, &key)?,
                    }
                }
                SuffixKind::Slice(bounds) => {
                    let mut found = [None, None, None];
                    for (found, bound) in found.iter_mut().zip(bounds.iter()) {
                        *found = bound.as_ref().map(|bound| self.evaluate(bound, scope)).transpose()?;
                    }
                    access::slice(self.budget, &value, &found)?
                }
                SuffixKind::Call(arguments) => {
                    let mut given = self.given(arguments, scope)?;
                    if let Some(caller) = caller.as_ref().filter(|_| index + 1 == suffixes.len()) {
                        given.named.push((Arc::from("caller"), caller.clone()));
                    }
                    self.line = suffix.line.max(1);
                    self.call(&value, given)?
                }
                SuffixKind::Filter(name, arguments) => {
                    let given = self.given(arguments, scope)?;
                    self.line = suffix.line.max(1);
                    // The name stands in the template, so it may be told.
                    let missing = || format!("the filter `{name}`");
                    filters::call(self.budget, name, value, given, missing)?
                }
                SuffixKind::Test { name, arguments, is_negated } => {
                    let given = self.given(arguments, scope)?;
                    self.line = suffix.line.max(1);
                    let missing = || format!("the test `{name}`");
                    let holds = predicates::call(self.budget, name, &value, given, filters::exists, missing)?;
                    Value::Bool(holds != *is_negated)
                }
            };
        }
        Ok(value)
    }

    fn attribute(&mut self, value: &Value, name: &str) -> Outcome<Value> {
        let found = match value {
            Value::Object(object) => objects::attribute(self, *object, name)?,
            _ => access::attribute(self.budget, value, name)?,
        };
        match found {
            // The name stands in the template, so it may be told.
            Value::Undefined(_) => {
                Ok(Value::undefined(format!("a value of type {} has no `{name}`", value.type_name())))
            }
            found => Ok(found),
        }
    }

    fn given(&mut self, arguments: &'t Arguments, scope: &Rc<Scope>) -> Outcome<Given> {
        let mut given = Given { positional: self.all(&arguments.positional, scope)?, named: Vec::new() };
        if let Some(spread) = &arguments.spread {
            let spread = self.evaluate(spread, scope)?;
            given.positional.extend(spread.iterate(self.budget)?.items.iter().cloned());
        }
        for (name, value) in &arguments.named {
            given.named.push((Arc::clone(name), self.evaluate(value, scope)?));
        }
        if let Some(spread) = &arguments.spread_named {
            let Value::Map(map) = self.evaluate(spread, scope)? else {
                return Err(Failure::failed("`**` needs a dictionary"));
            };
            for (key, value) in &map.entries {
                self.budget.take_steps(1)?;
                let name =
                    key.as_text().ok_or_else(|| Failure::failed("a named argument whose name is no text"))?;
                given.named.push((Arc::clone(name), value.clone()));
            }
        }
        Ok(given)
    }

    fn call(&mut self, value: &Value, given: Given) -> Outcome<Value> {
        match value {
            Value::Method(method) => match &method.0 {
                Value::Object(object) => objects::method(self, *object, method.1, given),
                receiver => methods::call(self.budget, receiver, method.1, given),
            },
            Value::Object(Object::Function(name)) => {
                objects::call(self, name, given).map_err(|failure| within(failure, name))
            }
            Value::Object(Object::Macro(number)) => render::call_macro(self, *number, given),
            Value::Object(Object::Loop(number)) => render::call_loop(self, *number, given),
            Value::Object(Object::Joiner(number)) => render::call_joiner(self, *number, given),
            Value::Undefined(words) => Err(Failure::failed(&**words)),
            _ => Err(Failure::failed(format!("a value of type {} can't be called", value.type_name()))),
        }
    }

    /// `str(value)` of an expression.
    pub(crate) fn evaluate_text(&mut self, expression: &'t Expression, scope: &Rc<Scope>) -> Outcome<String> {
        let value = self.evaluate(expression, scope)?;
        printed(self.budget, &value)
    }
}
