//! Parses statements.

use std::collections::BTreeSet;

use wheelwork_package::budget::Budget;

use crate::error::{Failure, Outcome, TemplateError};
use crate::expressions::{expression, filter, tuple};
use crate::lexer::{Kind, Token};
use crate::stream::Stream;
use crate::syntax::{Expression, For, Macro, Name, Node, Statement, Suffix, SuffixKind, Target, Wants};

/// All statements of a template, and the variables that it reads.
pub(crate) fn parse(
    tokens: Vec<Token>,
    budget: &Budget,
) -> Result<(Vec<Statement>, BTreeSet<Name>), TemplateError> {
    let mut stream = Stream::new(tokens, budget);
    match statements(&mut stream, &[]) {
        Ok((statements, _)) => Ok((statements, stream.variables)),
        Err(failure) => Err(failure.at(stream.line())),
    }
}

/// Statements until one of the tags, whose name is read and given; at top level until the end.
fn statements(stream: &mut Stream<'_>, ends: &[&'static str]) -> Outcome<(Vec<Statement>, &'static str)> {
    let _level = stream.nest()?;
    let mut found = Vec::new();
    loop {
        let line = stream.line();
        let node = match stream.advance() {
            Kind::Data(text) => Node::Text(text),
            Kind::PrintBegin => {
                let value = tuple(stream, true, None)?;
                stream.expect(&Kind::PrintEnd, "}}")?;
                Node::Print(value)
            }
            Kind::BlockBegin => {
                let name = stream.expect_name()?;
                if let Some(end) = ends.iter().find(|end| **end == &*name) {
                    return Ok((found, end));
                }
                let node = statement(stream, &name, &mut found)?;
                stream.expect(&Kind::BlockEnd, "%}")?;
                node
            }
            _ if ends.is_empty() => return Ok((found, "")),
            _ => return Err(Failure::syntax(format!("`{}` is missing", ends.join("` or `")))),
        };
        if let Some(unknown) = stream.unknown.take() {
            return Err(unknown);
        }
        found.push(Statement { line, node });
    }
}

/// The statements between a tag's end and the tag that ends them; `endif` and the like are complete but for their `%}`.
fn body(stream: &mut Stream<'_>, ends: &[&'static str]) -> Outcome<(Vec<Statement>, &'static str)> {
    stream.skip_operator(":");
    stream.expect(&Kind::BlockEnd, "%}")?;
    statements(stream, ends)
}

/// A body in which filters and tests must exist, because nothing says that it may not run.
fn plain_body(stream: &mut Stream<'_>, ends: &[&'static str]) -> Outcome<(Vec<Statement>, &'static str)> {
    let was_conditional = std::mem::replace(&mut stream.is_conditional, false);
    let found = body(stream, ends);
    stream.is_conditional = was_conditional;
    found
}

fn statement(stream: &mut Stream<'_>, name: &str, before: &mut Vec<Statement>) -> Outcome<Node> {
    match name {
        "set" => set(stream),
        "for" => for_loop(stream),
        "if" => condition(stream),
        "macro" => {
            let name = stream.expect_name()?;
            Ok(Node::Macro(macro_of(stream, name, "endmacro")?))
        }
        "call" => call(stream),
        "generation" => Ok(Node::Scope(function_body(stream, "endgeneration")?.0)),
        "filter" => {
            let first = filter(stream)?;
            let filters = filters_after(stream, vec![first])?;
            Ok(Node::Filter(filters, plain_body(stream, &["endfilter"])?.0))
        }
        "with" => with(stream),
        "print" => print(stream, before),
        "break" | "continue" if stream.loops == 0 => {
            Err(Failure::syntax(format!("`{name}` stands outside a loop")))
        }
        "break" => Ok(Node::Break),
        "continue" => Ok(Node::Continue),
        "block" | "extends" | "include" | "import" | "from" | "autoescape" => {
            Err(Failure::unsupported(format!("the tag `{name}`")))
        }
        _ => Err(Failure::syntax(format!("the tag `{name}` is unknown"))),
    }
}

fn set(stream: &mut Stream<'_>) -> Outcome<Node> {
    let target = targets(stream, true, None)?;
    if stream.skip_operator("=") {
        return Ok(Node::Set(target, tuple(stream, true, None)?));
    }
    let filters = filters_after(stream, Vec::new())?;
    Ok(Node::SetBlock(target, filters, plain_body(stream, &["endset"])?.0))
}

fn filters_after(stream: &mut Stream<'_>, mut filters: Vec<Suffix>) -> Outcome<Vec<Suffix>> {
    while stream.skip_operator("|") {
        filters.push(filter(stream)?);
    }
    Ok(filters)
}

/// What is assigned to: a name, an attribute of a namespace, or several with commas between them.
fn targets(stream: &mut Stream<'_>, with_attributes: bool, end: Option<&str>) -> Outcome<Target> {
    let mut found = vec![target(stream, with_attributes)?];
    let mut is_several = false;
    while stream.skip_operator(",") {
        is_several = true;
        if stream.is_operator("=") || stream.is_operator(")") || end.is_some_and(|end| stream.is_name(end)) {
            break;
        }
        found.push(target(stream, with_attributes)?);
    }
    if is_several {
        return Ok(Target::Several(found));
    }
    found.pop().ok_or_else(|| stream.unexpected("a name"))
}

fn target(stream: &mut Stream<'_>, with_attributes: bool) -> Outcome<Target> {
    let _level = stream.nest()?;
    let closing = if stream.skip_operator("(") {
        ")"
    } else if stream.skip_operator("[") {
        return Err(Failure::syntax("a list can't be assigned to"));
    } else {
        let name = assignable(stream)?;
        if with_attributes && stream.skip_operator(".") {
            return Ok(Target::Attribute(name, stream.expect_name()?));
        }
        return Ok(Target::Name(name));
    };
    let inner = targets(stream, false, None)?;
    stream.expect_operator(closing)?;
    Ok(inner)
}

fn assignable(stream: &mut Stream<'_>) -> Outcome<Name> {
    let name = stream.expect_name()?;
    match &*name {
        "true" | "false" | "none" | "True" | "False" | "None" => {
            Err(Failure::syntax(format!("`{name}` can't be assigned to")))
        }
        _ => Ok(name),
    }
}

fn for_loop(stream: &mut Stream<'_>) -> Outcome<Node> {
    let target = targets(stream, false, Some("in"))?;
    if !stream.skip_name("in") {
        return Err(stream.unexpected("in"));
    }
    let items = tuple(stream, false, Some("recursive"))?;
    let test = if stream.skip_name("if") { Some(expression(stream)?) } else { None };
    let is_recursive = stream.skip_name("recursive");
    stream.loops += 1;
    let (body, end) = plain_body(stream, &["endfor", "else"])?;
    stream.loops -= 1;
    let otherwise = if end == "else" { plain_body(stream, &["endfor"])?.0 } else { Vec::new() };
    Ok(Node::For(Box::new(For { target, items, test, is_recursive, body, otherwise })))
}

fn condition(stream: &mut Stream<'_>) -> Outcome<Node> {
    let was_conditional = std::mem::replace(&mut stream.is_conditional, true);
    let mut branches = Vec::new();
    let otherwise = loop {
        let test = tuple(stream, false, None)?;
        let (found, end) = body(stream, &["elif", "else", "endif"])?;
        branches.push((test, found));
        stream.check_chain(branches.len())?;
        match end {
            "elif" => {}
            "else" => break body(stream, &["endif"])?.0,
            _ => break Vec::new(),
        }
    };
    stream.is_conditional = was_conditional;
    Ok(Node::If(branches, otherwise))
}

fn with(stream: &mut Stream<'_>) -> Outcome<Node> {
    let mut variables = Vec::new();
    while *stream.kind() != Kind::BlockEnd {
        if !variables.is_empty() {
            stream.expect_operator(",")?;
        }
        let name = target(stream, false)?;
        stream.expect_operator("=")?;
        variables.push((name, expression(stream)?));
    }
    Ok(Node::With(variables, plain_body(stream, &["endwith"])?.0))
}

fn print(stream: &mut Stream<'_>, before: &mut Vec<Statement>) -> Outcome<Node> {
    let line = stream.line();
    let mut last = Node::Text("".into());
    let mut is_first = true;
    while *stream.kind() != Kind::BlockEnd {
        if !is_first {
            stream.expect_operator(",")?;
        }
        is_first = false;
        before.push(Statement { line, node: last });
        last = Node::Print(expression(stream)?);
    }
    Ok(last)
}

fn call(stream: &mut Stream<'_>) -> Outcome<Node> {
    let parameters = if stream.is_operator("(") { parameters(stream)? } else { Vec::new() };
    let called = expression(stream)?;
    let ends_in_call = |suffixes: &[Suffix]| {
        suffixes.last().is_some_and(|suffix| matches!(suffix.kind, SuffixKind::Call(_)))
    };
    if !matches!(&called, Expression::Chain(_, suffixes) if ends_in_call(suffixes)) {
        return Err(Failure::syntax("`call` needs a call"));
    }
    let (body, wants) = function_body(stream, "endcall")?;
    Ok(Node::Call(called, Box::new(Macro { name: "caller".into(), parameters, body, wants })))
}

fn macro_of(stream: &mut Stream<'_>, name: Name, end: &'static str) -> Outcome<Box<Macro>> {
    let parameters = parameters(stream)?;
    let (body, wants) = function_body(stream, end)?;
    Ok(Box::new(Macro { name, parameters, body, wants }))
}

/// The body of a macro: loops around it don't count, and it may ask for special variables.
fn function_body(stream: &mut Stream<'_>, end: &'static str) -> Outcome<(Vec<Statement>, Wants)> {
    let loops = std::mem::take(&mut stream.loops);
    stream.wants.push(Wants::default());
    let found = plain_body(stream, &[end]);
    stream.loops = loops;
    let wants = stream.wants.pop().unwrap_or_default();
    Ok((found?.0, wants))
}

fn parameters(stream: &mut Stream<'_>) -> Outcome<Vec<(Name, Option<Expression>)>> {
    stream.expect_operator("(")?;
    let mut found: Vec<(Name, Option<Expression>)> = Vec::new();
    while !stream.skip_operator(")") {
        if !found.is_empty() {
            stream.expect_operator(",")?;
        }
        let name = assignable(stream)?;
        let default = if stream.skip_operator("=") { Some(expression(stream)?) } else { None };
        if default.is_none() && found.last().is_some_and(|(_, default)| default.is_some()) {
            return Err(Failure::syntax("a parameter without a default stands behind one with one"));
        }
        found.push((name, default));
    }
    Ok(found)
}
