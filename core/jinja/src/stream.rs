//! The tokens of a source while they are parsed, and how deep the parser is.

use std::collections::BTreeSet;
use std::sync::Arc;

use wheelwork_package::budget::{Budget, Exhausted, Nested, TEMPLATE_CHAIN};

use crate::error::{Failure, Outcome};
use crate::lexer::{Kind, Token};
use crate::syntax::Wants;

pub(crate) struct Stream<'b> {
    tokens: std::vec::IntoIter<Token>,
    current: Token,
    next: Token,
    pub(crate) budget: &'b Budget,
    /// Special variables that the macros around this place ask for, innermost last.
    pub(crate) wants: Vec<Wants>,
    /// Jinja finds an unknown filter or test when it reads the template, except here: in a condition.
    pub(crate) is_conditional: bool,
    /// The first unknown filter or test; turns out to be harmless where a condition follows.
    pub(crate) unknown: Option<Failure>,
    /// The variables that expressions read.
    pub(crate) variables: BTreeSet<Arc<str>>,
    /// Inside how many loops of the innermost macro.
    pub(crate) loops: u32,
}

const END: Token = Token { kind: Kind::End, line: 0 };

impl<'b> Stream<'b> {
    pub(crate) fn new(tokens: Vec<Token>, budget: &'b Budget) -> Self {
        let mut tokens = tokens.into_iter();
        let mut next = || tokens.next().unwrap_or(END);
        let (current, next) = (next(), next());
        Self {
            tokens,
            current,
            next,
            budget,
            wants: Vec::new(),
            is_conditional: false,
            unknown: None,
            variables: BTreeSet::new(),
            loops: 0,
        }
    }

    pub(crate) fn line(&self) -> u32 {
        self.current.line
    }

    pub(crate) fn kind(&self) -> &Kind {
        &self.current.kind
    }

    pub(crate) fn advance(&mut self) -> Kind {
        // The end stays where it is, so that errors name its line.
        let following = self.tokens.next().unwrap_or(Token { kind: Kind::End, line: self.next.line });
        let current = std::mem::replace(&mut self.next, following);
        std::mem::replace(&mut self.current, current).kind
    }

    pub(crate) fn is_operator(&self, operator: &str) -> bool {
        matches!(&self.current.kind, Kind::Operator(found) if *found == operator)
    }

    pub(crate) fn is_name(&self, name: &str) -> bool {
        matches!(&self.current.kind, Kind::Name(found) if &**found == name)
    }

    pub(crate) fn next_is_name(&self, name: &str) -> bool {
        matches!(&self.next.kind, Kind::Name(found) if &**found == name)
    }

    pub(crate) fn next_is_operator(&self, operator: &str) -> bool {
        matches!(&self.next.kind, Kind::Operator(found) if *found == operator)
    }

    pub(crate) fn skip_operator(&mut self, operator: &str) -> bool {
        let found = self.is_operator(operator);
        if found {
            self.advance();
        }
        found
    }

    pub(crate) fn skip_name(&mut self, name: &str) -> bool {
        let found = self.is_name(name);
        if found {
            self.advance();
        }
        found
    }

    pub(crate) fn expect_operator(&mut self, operator: &str) -> Outcome<()> {
        if self.skip_operator(operator) { Ok(()) } else { Err(self.unexpected(operator)) }
    }

    pub(crate) fn expect(&mut self, kind: &Kind, what: &str) -> Outcome<()> {
        if self.current.kind == *kind {
            self.advance();
            return Ok(());
        }
        Err(self.unexpected(what))
    }

    pub(crate) fn expect_name(&mut self) -> Outcome<Arc<str>> {
        match &self.current.kind {
            Kind::Name(name) => {
                let name = Arc::clone(name);
                self.advance();
                Ok(name)
            }
            _ => Err(self.unexpected("a name")),
        }
    }

    /// Checks how many parts a chain of operators, suffixes or branches has.
    pub(crate) fn check_chain(&self, parts: usize) -> Outcome<()> {
        if parts > TEMPLATE_CHAIN.as_usize() { Err(Exhausted::Limit(TEMPLATE_CHAIN).into()) } else { Ok(()) }
    }

    /// A filter or a test that does not exist is used here.
    pub(crate) fn note_unknown(&mut self, failure: Failure) {
        if !self.is_conditional {
            self.unknown.get_or_insert(failure);
        }
    }

    /// One level deeper until the guard is dropped.
    pub(crate) fn nest(&self) -> Outcome<Nested<'b>> {
        Ok(self.budget.nest()?)
    }

    pub(crate) fn unexpected(&self, expected: &str) -> Failure {
        let found = match &self.current.kind {
            Kind::Data(_) => "text",
            Kind::PrintBegin => "{{",
            Kind::PrintEnd => "}}",
            Kind::BlockBegin => "{%",
            Kind::BlockEnd => "%}",
            Kind::Name(name) => name,
            Kind::Text(_) => "a text",
            Kind::Integer(_) | Kind::Float(_) => "a number",
            Kind::Operator(operator) => operator,
            Kind::End => "the end",
        };
        Failure::syntax(format!("expected `{expected}`, found `{found}`"))
    }
}
