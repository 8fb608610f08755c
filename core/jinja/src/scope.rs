//! Variables, and what the renderer keeps of objects that change. Values name such an object by its number, so that no
//! chain or circle of objects has to be followed when all of them end.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;
use std::sync::Arc;

use wheelwork_package::budget::Budget;

use crate::error::{Failure, Outcome};
use crate::syntax::{For, Macro};
use crate::value::{Object, Sequence, Value, take_slots};

/// Variables of a body, with those around it.
#[derive(Debug)]
pub(crate) struct Scope {
    outer: Option<Rc<Scope>>,
    depth: u64,
    variables: RefCell<BTreeMap<Arc<str>, Value>>,
}

impl Scope {
    pub(crate) fn outermost() -> Rc<Self> {
        Rc::new(Self { outer: None, depth: 1, variables: RefCell::default() })
    }

    pub(crate) fn inside(outer: &Rc<Self>) -> Rc<Self> {
        let depth = outer.depth.saturating_add(1);
        Rc::new(Self { outer: Some(Rc::clone(outer)), depth, variables: RefCell::default() })
    }

    /// How many scopes [`Scope::get`] may look through.
    pub(crate) fn depth(&self) -> u64 {
        self.depth
    }

    pub(crate) fn get(&self, name: &str) -> Option<Value> {
        let scopes = std::iter::successors(Some(self), |scope| scope.outer.as_deref());
        let mut found = scopes.map(|scope| scope.variables.borrow().get(name).cloned());
        found.find_map(|value| value)
    }

    pub(crate) fn set(&self, name: &Arc<str>, value: Value) {
        self.variables.borrow_mut().insert(Arc::clone(name), value);
    }
}

/// An object that the renderer keeps.
#[derive(Debug)]
pub(crate) enum Kept<'t> {
    Namespace(BTreeMap<Arc<str>, Value>),
    Macro(&'t Macro, Rc<Scope>),
    Loop(Loop<'t>),
    Cycler { items: Vec<Value>, next: usize },
    Joiner { separator: Value, is_used: bool },
}

#[derive(Debug)]
pub(crate) struct Loop<'t> {
    pub(crate) node: &'t For,
    /// Where the loop stands, for what it is called with.
    pub(crate) scope: Rc<Scope>,
    pub(crate) items: Rc<Sequence>,
    pub(crate) index: usize,
    pub(crate) depth: usize,
    /// What `changed` was called with last.
    pub(crate) last: Option<Value>,
}

/// A rendering that is under way.
pub(crate) struct Renderer<'t> {
    pub(crate) budget: &'t Budget,
    /// Seconds since 1970.
    pub(crate) now: i64,
    /// The line that runs.
    pub(crate) line: u32,
    kept: Vec<Kept<'t>>,
}

impl<'t> Renderer<'t> {
    pub(crate) fn new(budget: &'t Budget, now: i64) -> Self {
        Self { budget, now, line: 1, kept: Vec::new() }
    }

    /// Keeps an object and gives its number.
    pub(crate) fn keep(&mut self, kept: Kept<'t>) -> Outcome<usize> {
        take_slots(self.budget, 8)?;
        self.kept.push(kept);
        Ok(self.kept.len() - 1)
    }

    pub(crate) fn kept(&mut self, number: usize) -> Outcome<&mut Kept<'t>> {
        self.kept.get_mut(number).ok_or_else(|| Failure::failed("an object that is gone"))
    }

    pub(crate) fn keep_macro(&mut self, node: &'t Macro, scope: &Rc<Scope>) -> Outcome<Value> {
        Ok(Value::Object(Object::Macro(self.keep(Kept::Macro(node, Rc::clone(scope)))?)))
    }
}
