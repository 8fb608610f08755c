//! A template: read once, rendered often.

use std::collections::BTreeSet;
use std::sync::Arc;

use wheelwork_package::budget::{
    Budget, Exhausted, TEMPLATE_DEADLINE, TEMPLATE_DEPTH, TEMPLATE_MEMORY, TEMPLATE_NESTING, TEMPLATE_OUTPUT,
    TEMPLATE_SOURCE, TEMPLATE_STEPS,
};

use crate::error::{Failure, TemplateError};
use crate::json::from_json;
use crate::lexer::tokens;
use crate::parser::parse;
use crate::scope::{Renderer, Scope};
use crate::syntax::Statement;

/// What one rendering may cost, for texts of so many bytes that the caller brings.
#[must_use]
pub fn budget(text_bytes: usize) -> Budget {
    let text_bytes = u64::try_from(text_bytes).unwrap_or(u64::MAX);
    Budget::new()
        .steps(TEMPLATE_STEPS.plus(text_bytes.saturating_mul(2)))
        .bytes(TEMPLATE_MEMORY.plus(text_bytes.saturating_mul(16)))
        .output(TEMPLATE_OUTPUT.plus(text_bytes.saturating_mul(8)))
        .depth(TEMPLATE_DEPTH)
        .deadline(TEMPLATE_DEADLINE)
}

/// A template whose syntax is checked.
#[derive(Debug)]
pub struct Template {
    statements: Vec<Statement>,
    /// The variables that it reads.
    variables: BTreeSet<Arc<str>>,
}

impl Template {
    /// Reads a template; runs nothing of it.
    ///
    /// # Errors
    /// [`TemplateError`] for a source that is too large or too deep, or breaks the language's rules, or uses what is not
    /// supported.
    pub fn new(source: &str) -> Result<Self, TemplateError> {
        if source.len() > TEMPLATE_SOURCE.as_usize() {
            return Err(Failure::Exhausted(Exhausted::Limit(TEMPLATE_SOURCE)).at(1));
        }
        let (statements, variables) = parse(tokens(source)?, &Budget::new().depth(TEMPLATE_NESTING))?;
        Ok(Self { statements, variables })
    }

    /// Whether the template reads a variable of this name.
    #[must_use]
    pub fn reads(&self, variable: &str) -> bool {
        self.variables.contains(variable)
    }

    /// Renders the template with these variables. `now` is the time in seconds since 1970, for `strftime_now`.
    ///
    /// # Errors
    /// [`TemplateError`].
    pub fn render(
        &self,
        variables: &[(&str, serde_json::Value)],
        now: i64,
        budget: &Budget,
    ) -> Result<String, TemplateError> {
        let mut renderer = Renderer::new(budget, now);
        let scope = Scope::outermost();
        for (name, value) in variables {
            scope.set(&Arc::from(*name), from_json(budget, value).map_err(|failure| failure.at(1))?);
        }
        let mut output = String::new();
        match renderer.run(&self.statements, &scope, &mut output) {
            Ok(_) => Ok(output),
            Err(failure) => Err(failure.at(renderer.line)),
        }
    }
}
