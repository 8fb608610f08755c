//! Parses expressions, with Jinja's precedences: condition, `or`, `and`, `not`, comparisons, `+ -`, `~`, `* / // %`, `**`,
//! signs, then attributes, calls, filters and tests.

use std::sync::Arc;

use crate::error::{Failure, Outcome};
use crate::lexer::Kind;
use crate::stream::Stream;
use crate::syntax::{Arguments, Comparison, Constant, Expression, Name, Operator, Suffix, SuffixKind};
use crate::{filters, predicates};

/// Left-associative operators, loosest first; `~` stands between the first two.
const LEVELS: [&[(&str, Operator)]; 3] = [
    &[("+", Operator::Add), ("-", Operator::Subtract)],
    &[
        ("*", Operator::Multiply),
        ("/", Operator::Divide),
        ("//", Operator::FloorDivide),
        ("%", Operator::Remainder),
    ],
    &[("**", Operator::Power)],
];

const COMPARISONS: [(&str, Comparison); 6] = [
    ("==", Comparison::Equal),
    ("!=", Comparison::NotEqual),
    ("<", Comparison::Less),
    ("<=", Comparison::LessOrEqual),
    (">", Comparison::Greater),
    (">=", Comparison::GreaterOrEqual),
];

/// An expression, conditions included.
pub(crate) fn expression(stream: &mut Stream<'_>) -> Outcome<Expression> {
    let _level = stream.nest()?;
    let (was_conditional, unknown) = (stream.is_conditional, stream.unknown.take());
    let mut value = or(stream)?;
    while stream.skip_name("if") {
        stream.unknown = None;
        stream.is_conditional = true;
        let test = or(stream)?;
        let otherwise = if stream.skip_name("else") { Some(expression(stream)?) } else { None };
        value = Expression::Condition(Box::new((test, value, otherwise)));
        stream.is_conditional = was_conditional;
    }
    stream.unknown = unknown.or(stream.unknown.take());
    Ok(value)
}

/// An expression without a condition, or several with commas between them, until one of Jinja's ends of a tuple.
pub(crate) fn tuple(stream: &mut Stream<'_>, with_condition: bool, end: Option<&str>) -> Outcome<Expression> {
    tuple_or_nothing(stream, with_condition, end)?.ok_or_else(|| stream.unexpected("an expression"))
}

fn tuple_or_nothing(
    stream: &mut Stream<'_>,
    with_condition: bool,
    end: Option<&str>,
) -> Outcome<Option<Expression>> {
    let mut items = Vec::new();
    let mut is_tuple = false;
    loop {
        let at_end = matches!(stream.kind(), Kind::PrintEnd | Kind::BlockEnd)
            || stream.is_operator(")")
            || end.is_some_and(|end| stream.is_name(end));
        if at_end {
            break;
        }
        items.push(if with_condition { expression(stream)? } else { or(stream)? });
        if !stream.skip_operator(",") {
            break;
        }
        is_tuple = true;
    }
    if is_tuple {
        return Ok(Some(Expression::Tuple(items)));
    }
    Ok(items.pop())
}

/// An expression without a condition.
fn or(stream: &mut Stream<'_>) -> Outcome<Expression> {
    let mut items = vec![and(stream)?];
    while stream.skip_name("or") {
        items.push(and(stream)?);
        stream.check_chain(items.len())?;
    }
    Ok(single_or(items, Expression::Or))
}

fn and(stream: &mut Stream<'_>) -> Outcome<Expression> {
    let mut items = vec![not(stream)?];
    while stream.skip_name("and") {
        items.push(not(stream)?);
        stream.check_chain(items.len())?;
    }
    Ok(single_or(items, Expression::And))
}

fn not(stream: &mut Stream<'_>) -> Outcome<Expression> {
    if stream.skip_name("not") {
        let _level = stream.nest()?;
        return Ok(Expression::Not(Box::new(not(stream)?)));
    }
    let first = arithmetic(stream, 0)?;
    let mut rest = Vec::new();
    loop {
        let found = COMPARISONS.into_iter().find(|(text, _)| stream.is_operator(text));
        let comparison = if let Some((_, comparison)) = found {
            stream.advance();
            comparison
        } else if stream.skip_name("in") {
            Comparison::In
        } else if stream.is_name("not") && stream.next_is_name("in") {
            stream.advance();
            stream.advance();
            Comparison::NotIn
        } else {
            break;
        };
        rest.push((comparison, arithmetic(stream, 0)?));
        stream.check_chain(rest.len())?;
    }
    Ok(if rest.is_empty() { first } else { Expression::Compare(Box::new(first), rest) })
}

fn arithmetic(stream: &mut Stream<'_>, level: usize) -> Outcome<Expression> {
    let Some(operators) = LEVELS.get(level) else { return unary(stream, true) };
    let operand = |stream: &mut Stream<'_>| {
        if level == 0 { concat(stream) } else { arithmetic(stream, level + 1) }
    };
    let first = operand(stream)?;
    let mut rest = Vec::new();
    while let Some((_, operator)) = operators.iter().find(|(text, _)| stream.is_operator(text)) {
        stream.advance();
        rest.push((*operator, operand(stream)?));
        stream.check_chain(rest.len())?;
    }
    Ok(if rest.is_empty() { first } else { Expression::Arithmetic(Box::new(first), rest) })
}

fn concat(stream: &mut Stream<'_>) -> Outcome<Expression> {
    let mut items = vec![arithmetic(stream, 1)?];
    while stream.skip_operator("~") {
        items.push(arithmetic(stream, 1)?);
        stream.check_chain(items.len())?;
    }
    Ok(single_or(items, Expression::Concat))
}

fn single_or(mut items: Vec<Expression>, several: fn(Vec<Expression>) -> Expression) -> Expression {
    match (items.pop(), items.is_empty()) {
        (Some(only), true) => only,
        (Some(last), false) => {
            items.push(last);
            several(items)
        }
        (None, _) => several(items),
    }
}

fn unary(stream: &mut Stream<'_>, with_filters: bool) -> Outcome<Expression> {
    let sign = ['-', '+'].into_iter().find(|sign| stream.is_operator(sign.encode_utf8(&mut [0; 4])));
    let value = match sign {
        Some(sign) => {
            let _level = stream.nest()?;
            stream.advance();
            Expression::Sign(sign, Box::new(unary(stream, false)?))
        }
        None => primary(stream)?,
    };
    let mut suffixes = Vec::new();
    while let Some(suffix) = postfix(stream)? {
        suffixes.push(suffix);
        stream.check_chain(suffixes.len())?;
    }
    while with_filters && let Some(suffix) = filter_or_test(stream)? {
        suffixes.push(suffix);
        stream.check_chain(suffixes.len())?;
    }
    Ok(if suffixes.is_empty() { value } else { Expression::Chain(Box::new(value), suffixes) })
}

fn primary(stream: &mut Stream<'_>) -> Outcome<Expression> {
    let constant = |constant| Ok(Expression::Constant(constant));
    match stream.kind().clone() {
        Kind::Name(name) => {
            stream.advance();
            match &*name {
                "true" | "True" => constant(Constant::Bool(true)),
                "false" | "False" => constant(Constant::Bool(false)),
                "none" | "None" => constant(Constant::None),
                _ => {
                    for wants in &mut stream.wants {
                        wants.caller |= &*name == "caller";
                        wants.positional |= &*name == "varargs";
                        wants.named |= &*name == "kwargs";
                    }
                    stream.variables.insert(Arc::clone(&name));
                    Ok(Expression::Name(name))
                }
            }
        }
        Kind::Text(first) => {
            stream.advance();
            let Kind::Text(_) = stream.kind() else { return constant(Constant::Text(first)) };
            let mut text = first.to_string();
            while let Kind::Text(more) = stream.kind() {
                text += more;
                stream.advance();
            }
            constant(Constant::Text(text.into()))
        }
        Kind::Integer(number) => {
            stream.advance();
            constant(Constant::Integer(number))
        }
        Kind::Float(number) => {
            stream.advance();
            constant(Constant::Float(number))
        }
        Kind::Operator("(") => {
            stream.advance();
            let inner = tuple_or_nothing(stream, true, None)?.unwrap_or(Expression::Tuple(Vec::new()));
            stream.expect_operator(")")?;
            Ok(inner)
        }
        Kind::Operator("[") => {
            stream.advance();
            Ok(Expression::List(items(stream, "]", expression)?))
        }
        Kind::Operator("{") => {
            stream.advance();
            let pair = |stream: &mut Stream<'_>| {
                let key = expression(stream)?;
                stream.expect_operator(":")?;
                Ok((key, expression(stream)?))
            };
            Ok(Expression::Dict(items(stream, "}", pair)?))
        }
        _ => Err(stream.unexpected("an expression")),
    }
}

/// Items with commas between them, until the closing bracket.
fn items<T>(
    stream: &mut Stream<'_>,
    end: &str,
    mut item: impl FnMut(&mut Stream<'_>) -> Outcome<T>,
) -> Outcome<Vec<T>> {
    let mut found = Vec::new();
    while !stream.is_operator(end) {
        if !found.is_empty() {
            stream.expect_operator(",")?;
        }
        if !stream.is_operator(end) {
            found.push(item(stream)?);
        }
    }
    stream.advance();
    Ok(found)
}

/// An attribute, an item or a call.
fn postfix(stream: &mut Stream<'_>) -> Outcome<Option<Suffix>> {
    let line = stream.line();
    let kind = if stream.skip_operator(".") {
        match stream.advance() {
            Kind::Name(name) => SuffixKind::Attribute(name),
            Kind::Integer(number) => SuffixKind::Item(Expression::Constant(Constant::Integer(number))),
            _ => return Err(Failure::syntax("expected a name or a number after `.`")),
        }
    } else if stream.skip_operator("[") {
        subscript(stream)?
    } else if stream.is_operator("(") {
        SuffixKind::Call(arguments(stream)?)
    } else {
        return Ok(None);
    };
    Ok(Some(Suffix { line, kind }))
}

fn subscript(stream: &mut Stream<'_>) -> Outcome<SuffixKind> {
    let mut parts = [None, None, None];
    let mut colons = 0;
    while !stream.is_operator("]") && !stream.is_operator(",") {
        if stream.is_operator(":") && colons < 2 {
            stream.advance();
            colons += 1;
        } else if parts[colons].is_none() {
            parts[colons] = Some(expression(stream)?);
        } else {
            return Err(stream.unexpected("]"));
        }
    }
    let item = match (colons, parts) {
        (0, [Some(first), None, None]) if stream.is_operator(",") => {
            stream.advance();
            let mut rest = items(stream, "]", expression)?;
            rest.insert(0, first);
            return Ok(SuffixKind::Item(Expression::Tuple(rest)));
        }
        (0, [Some(item), None, None]) => SuffixKind::Item(item),
        (0, _) => SuffixKind::Item(Expression::Tuple(Vec::new())),
        (_, parts) => SuffixKind::Slice(Box::new(parts)),
    };
    stream.expect_operator("]")?;
    Ok(item)
}

/// A filter, a test, or a call of what they gave.
fn filter_or_test(stream: &mut Stream<'_>) -> Outcome<Option<Suffix>> {
    let line = stream.line();
    if stream.is_operator("|") {
        stream.advance();
        return filter(stream).map(Some);
    }
    if stream.skip_name("is") {
        return Ok(Some(Suffix { line, kind: test(stream)? }));
    }
    if stream.is_operator("(") {
        return Ok(Some(Suffix { line, kind: SuffixKind::Call(arguments(stream)?) }));
    }
    Ok(None)
}

/// A filter behind its `|`.
pub(crate) fn filter(stream: &mut Stream<'_>) -> Outcome<Suffix> {
    let line = stream.line();
    let name = dotted_name(stream)?;
    if !filters::exists(&name) {
        stream.note_unknown(Failure::unsupported(format!("the filter `{name}`")));
    }
    let arguments = if stream.is_operator("(") { arguments(stream)? } else { Arguments::default() };
    Ok(Suffix { line, kind: SuffixKind::Filter(name, arguments) })
}

fn test(stream: &mut Stream<'_>) -> Outcome<SuffixKind> {
    let is_negated = stream.skip_name("not");
    let name = dotted_name(stream)?;
    if !predicates::exists(&name) {
        stream.note_unknown(Failure::unsupported(format!("the test `{name}`")));
    }
    let follows = matches!(stream.kind(), Kind::Name(_) | Kind::Text(_) | Kind::Integer(_) | Kind::Float(_))
        || stream.is_operator("[")
        || stream.is_operator("{");
    let arguments = if stream.is_operator("(") {
        arguments(stream)?
    } else if follows && !["else", "or", "and"].into_iter().any(|name| stream.is_name(name)) {
        if stream.is_name("is") {
            return Err(Failure::syntax("tests can't be chained"));
        }
        let _level = stream.nest()?;
        let value = primary(stream)?;
        let mut suffixes = Vec::new();
        while let Some(suffix) = postfix(stream)? {
            suffixes.push(suffix);
            stream.check_chain(suffixes.len())?;
        }
        let value = if suffixes.is_empty() { value } else { Expression::Chain(Box::new(value), suffixes) };
        Arguments { positional: vec![value], ..Arguments::default() }
    } else {
        Arguments::default()
    };
    Ok(SuffixKind::Test { name, arguments, is_negated })
}

fn dotted_name(stream: &mut Stream<'_>) -> Outcome<Name> {
    let mut name = stream.expect_name()?;
    while stream.skip_operator(".") {
        name = Arc::from(format!("{name}.{}", stream.expect_name()?));
    }
    Ok(name)
}

fn arguments(stream: &mut Stream<'_>) -> Outcome<Arguments> {
    let invalid = || Failure::syntax("arguments stand in an order that no call has");
    let mut found = Arguments::default();
    stream.expect_operator("(")?;
    while !stream.is_operator(")") {
        if stream.skip_operator("*") {
            if found.spread.is_some() || found.spread_named.is_some() {
                return Err(invalid());
            }
            found.spread = Some(Box::new(expression(stream)?));
        } else if stream.skip_operator("**") {
            if found.spread_named.is_some() {
                return Err(invalid());
            }
            found.spread_named = Some(Box::new(expression(stream)?));
        } else if matches!(stream.kind(), Kind::Name(_)) && stream.next_is_operator("=") {
            if found.spread_named.is_some() {
                return Err(invalid());
            }
            let name = stream.expect_name()?;
            stream.advance();
            found.named.push((name, expression(stream)?));
        } else {
            if found.spread.is_some() || found.spread_named.is_some() || !found.named.is_empty() {
                return Err(invalid());
            }
            found.positional.push(expression(stream)?);
        }
        if !stream.is_operator(")") {
            stream.expect_operator(",")?;
        }
    }
    stream.advance();
    Ok(found)
}
