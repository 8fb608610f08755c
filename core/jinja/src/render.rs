//! Statements to text.

use std::rc::Rc;
use std::sync::Arc;

use crate::arguments::{Given, required};
use crate::error::{Failure, Outcome};
use crate::objects::attribute_name;
use crate::print::push;
use crate::scope::{Kept, Loop, Renderer, Scope};
use crate::syntax::{Expression, For, Node, Statement, Suffix, Target};
use crate::value::{Object, Value, take_items};

/// How a body ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Flow {
    End,
    Break,
    Continue,
}

impl<'t> Renderer<'t> {
    /// Runs statements, one level deeper.
    pub(crate) fn run(
        &mut self,
        statements: &'t [Statement],
        scope: &Rc<Scope>,
        output: &mut String,
    ) -> Outcome<Flow> {
        let _level = self.budget.nest()?;
        for statement in statements {
            self.budget.take_steps(1)?;
            self.line = statement.line;
            let flow = match &statement.node {
                Node::Text(text) => self.write(text, output)?,
                Node::Print(expression) => {
                    let text = self.evaluate_text(expression, scope)?;
                    self.write(&text, output)?
                }
                Node::If(branches, otherwise) => self.condition(branches, otherwise, scope, output)?,
                Node::For(node) => {
                    let items = self.evaluate(&node.items, scope)?;
                    self.for_loop(node, &items, scope, 0, output)?
                }
                Node::Break => Flow::Break,
                Node::Continue => Flow::Continue,
                other => self.define(other, scope, output)?,
            };
            if flow != Flow::End {
                return Ok(flow);
            }
        }
        Ok(Flow::End)
    }

    fn write(&self, text: &str, output: &mut String) -> Outcome<Flow> {
        let bytes = output.len().saturating_add(text.len());
        self.budget.check_output(u64::try_from(bytes).unwrap_or(u64::MAX))?;
        push(self.budget, text, output)?;
        Ok(Flow::End)
    }

    fn condition(
        &mut self,
        branches: &'t [(Expression, Vec<Statement>)],
        otherwise: &'t [Statement],
        scope: &Rc<Scope>,
        output: &mut String,
    ) -> Outcome<Flow> {
        for (test, body) in branches {
            if self.evaluate(test, scope)?.is_true() {
                return self.run(body, scope, output);
            }
        }
        self.run(otherwise, scope, output)
    }

    /// Statements that make variables or have a scope of their own.
    fn define(&mut self, node: &'t Node, scope: &Rc<Scope>, output: &mut String) -> Outcome<Flow> {
        match node {
            Node::Set(target, expression) => {
                let value = self.evaluate(expression, scope)?;
                self.assign(target, value, scope)?;
            }
            Node::SetBlock(target, filters, body) => {
                let (text, flow) = self.filtered(filters, body, scope)?;
                if flow != Flow::End {
                    return Ok(flow);
                }
                self.assign(target, text, scope)?;
            }
            Node::Filter(filters, body) => {
                let (text, flow) = self.filtered(filters, body, scope)?;
                let mut written = String::new();
                crate::print::print(self.budget, &text, &mut written)?;
                self.write(&written, output)?;
                return Ok(flow);
            }
            Node::With(variables, body) => {
                let inner = Scope::inside(scope);
                let mut values = Vec::new();
                for (_, value) in variables {
                    values.push(self.evaluate(value, scope)?);
                }
                for ((target, _), value) in variables.iter().zip(values) {
                    self.assign(target, value, &inner)?;
                }
                return self.run(body, &inner, output);
            }
            Node::Scope(body) => return self.run(body, &Scope::inside(scope), output),
            Node::Macro(node) => {
                let value = self.keep_macro(node, scope)?;
                scope.set(&node.name, value);
            }
            Node::Call(Expression::Chain(first, suffixes), node) => {
                let caller = self.keep_macro(node, scope)?;
                let value = self.evaluate(first, scope)?;
                let result = self.chain(value, suffixes, scope, Some(caller))?;
                let mut written = String::new();
                crate::print::print(self.budget, &result, &mut written)?;
                self.write(&written, output)?;
            }
            // `run` has the others; the parser makes no other call.
            _ => return Err(Failure::failed("a statement that does not exist")),
        }
        Ok(Flow::End)
    }

    /// A body in a scope of its own, as a text that goes through filters.
    fn filtered(
        &mut self,
        filters: &'t [Suffix],
        body: &'t [Statement],
        scope: &Rc<Scope>,
    ) -> Outcome<(Value, Flow)> {
        let mut text = String::new();
        let inner = Scope::inside(scope);
        let flow = self.run(body, &inner, &mut text)?;
        Ok((self.chain(Value::Text(text.into()), filters, &inner, None)?, flow))
    }

    fn assign(&mut self, target: &'t Target, value: Value, scope: &Rc<Scope>) -> Outcome<()> {
        match target {
            Target::Name(name) => scope.set(name, value),
            Target::Attribute(name, attribute) => {
                let Some(Value::Object(Object::Namespace(number))) = scope.get(name) else {
                    return Err(Failure::failed(format!(
                        "`{name}` is no namespace, so `{attribute}` can't be set"
                    )));
                };
                let attribute = attribute_name(attribute)?;
                if let Kept::Namespace(attributes) = self.kept(number)? {
                    attributes.insert(attribute, value);
                }
            }
            Target::Several(targets) => {
                let items = value.iterate(self.budget)?;
                if items.items.len() != targets.len() {
                    return Err(Failure::failed("as many values as names are needed"));
                }
                for (target, item) in targets.iter().zip(&items.items) {
                    self.assign(target, item.clone(), scope)?;
                }
            }
        }
        Ok(())
    }

    fn for_loop(
        &mut self,
        node: &'t For,
        items: &Value,
        scope: &Rc<Scope>,
        depth: usize,
        output: &mut String,
    ) -> Outcome<Flow> {
        let mut items = items.iterate(self.budget)?;
        if let Some(test) = &node.test {
            let mut kept = Vec::new();
            for item in &items.items {
                let inner = Scope::inside(scope);
                self.assign(&node.target, item.clone(), &inner)?;
                if self.evaluate(test, &inner)?.is_true() {
                    kept.push(item.clone());
                }
            }
            items = Value::list(self.budget, kept)?.iterate(self.budget)?;
        }
        if items.items.is_empty() {
            return self.run(&node.otherwise, &Scope::inside(scope), output);
        }
        let state =
            Loop { node, scope: Rc::clone(scope), items: Rc::clone(&items), index: 0, depth, last: None };
        let number = self.keep(Kept::Loop(state))?;
        let name = Arc::from("loop");
        let mut is_complete = false;
        for (index, item) in items.items.iter().enumerate() {
            self.budget.take_steps(1)?;
            if let Kept::Loop(state) = self.kept(number)? {
                state.index = index;
            }
            let inner = Scope::inside(scope);
            self.assign(&node.target, item.clone(), &inner)?;
            inner.set(&name, Value::Object(Object::Loop(number)));
            match self.run(&node.body, &inner, output)? {
                Flow::Break => break,
                Flow::Continue => {}
                Flow::End => is_complete = true,
            }
        }
        // As in Jinja: an item counts whose body came to its end.
        if is_complete {
            return Ok(Flow::End);
        }
        self.run(&node.otherwise, &Scope::inside(scope), output)
    }
}

/// `loop(items)` inside a recursive loop: its body for other items.
pub(crate) fn call_loop(renderer: &mut Renderer<'_>, number: usize, given: Given) -> Outcome<Value> {
    let [items] = given.bind(["iterable"])?;
    let items = required(items)?;
    let Kept::Loop(state) = renderer.kept(number)? else {
        return Err(Failure::failed("a loop that is none"));
    };
    let (node, scope, depth) = (state.node, Rc::clone(&state.scope), state.depth + 1);
    if !node.is_recursive {
        return Err(Failure::failed("a loop that is not `recursive` can't be called"));
    }
    let _level = renderer.budget.nest()?;
    let mut output = String::new();
    renderer.for_loop(node, &items, &scope, depth, &mut output)?;
    Ok(Value::Text(output.into()))
}

/// Nothing the first time, then the separator.
pub(crate) fn call_joiner(renderer: &mut Renderer<'_>, number: usize, given: Given) -> Outcome<Value> {
    given.none()?;
    match renderer.kept(number)? {
        Kept::Joiner { separator, is_used } => {
            Ok(if std::mem::replace(is_used, true) { separator.clone() } else { Value::word("") })
        }
        _ => Err(Failure::failed("a joiner that is none")),
    }
}

pub(crate) fn call_macro(renderer: &mut Renderer<'_>, number: usize, given: Given) -> Outcome<Value> {
    let Kept::Macro(node, scope) = renderer.kept(number)? else {
        return Err(Failure::failed("a macro that is none"));
    };
    let node = *node;
    let scope = Scope::inside(scope);
    let _level = renderer.budget.nest()?;
    let name = &node.name;
    let mut positional = given.positional.into_iter();
    let mut named = given.named;
    let count = named.len() + 12;
    let mut take = |name: &str| {
        let place = named.iter().position(|(known, _)| &**known == name);
        place.map(|place| named.remove(place).1)
    };
    let mut has_caller = false;
    for (parameter, default) in &node.parameters {
        take_items(renderer.budget, count)?;
        has_caller |= &**parameter == "caller";
        let value = match (positional.next().or_else(|| take(parameter)), default) {
            (Some(value), _) => value,
            (None, Some(default)) => renderer.evaluate(default, &scope)?,
            (None, None) => Value::undefined(format!("the parameter `{parameter}` was not given")),
        };
        scope.set(parameter, value);
    }
    if node.wants.caller && !has_caller {
        let caller = take("caller");
        scope.set(&Arc::from("caller"), caller.unwrap_or_else(|| Value::undefined("there is no caller")));
    }
    if node.wants.named {
        let entries = named.into_iter().map(|(name, value)| (Value::Text(name), value)).collect();
        scope.set(&Arc::from("kwargs"), Value::map(renderer.budget, entries)?);
    } else if !named.is_empty() {
        return Err(Failure::failed(format!("the macro `{name}` lacks a parameter")));
    }
    let rest: Vec<_> = positional.collect();
    if node.wants.positional {
        scope.set(&Arc::from("varargs"), Value::tuple(renderer.budget, rest)?);
    } else if !rest.is_empty() {
        return Err(Failure::failed(format!("the macro `{name}` has fewer parameters")));
    }
    let mut output = String::new();
    renderer.run(&node.body, &scope, &mut output)?;
    Ok(Value::Text(output.into()))
}
