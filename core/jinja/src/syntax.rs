//! The syntax tree. Chains of operators, attributes, filters and `elif` are lists and not nested, so that only what the
//! source nests is deep.

use std::sync::Arc;

pub(crate) type Name = Arc<str>;

#[derive(Debug)]
pub(crate) struct Statement {
    pub(crate) line: u32,
    pub(crate) node: Node,
}

#[derive(Debug)]
pub(crate) enum Node {
    Text(Arc<str>),
    Print(Expression),
    Set(Target, Expression),
    SetBlock(Target, Vec<Suffix>, Vec<Statement>),
    For(Box<For>),
    If(Vec<(Expression, Vec<Statement>)>, Vec<Statement>),
    With(Vec<(Target, Expression)>, Vec<Statement>),
    Filter(Vec<Suffix>, Vec<Statement>),
    Macro(Box<Macro>),
    /// The expression ends in a call, which gets the macro as `caller`.
    Call(Expression, Box<Macro>),
    /// What `generation` marks.
    Scope(Vec<Statement>),
    Break,
    Continue,
}

#[derive(Debug)]
pub(crate) struct For {
    pub(crate) target: Target,
    pub(crate) items: Expression,
    pub(crate) test: Option<Expression>,
    pub(crate) is_recursive: bool,
    pub(crate) body: Vec<Statement>,
    pub(crate) otherwise: Vec<Statement>,
}

#[derive(Debug)]
pub(crate) struct Macro {
    pub(crate) name: Name,
    pub(crate) parameters: Vec<(Name, Option<Expression>)>,
    pub(crate) body: Vec<Statement>,
    /// Which of the special variables the body asks for.
    pub(crate) wants: Wants,
}

#[derive(Debug, Default, Clone, Copy)]
pub(crate) struct Wants {
    pub(crate) caller: bool,
    pub(crate) positional: bool,
    pub(crate) named: bool,
}

#[derive(Debug)]
pub(crate) enum Target {
    Name(Name),
    Attribute(Name, Name),
    Several(Vec<Target>),
}

#[derive(Debug)]
pub(crate) enum Expression {
    Constant(Constant),
    Name(Name),
    List(Vec<Expression>),
    Tuple(Vec<Expression>),
    Dict(Vec<(Expression, Expression)>),
    Not(Box<Expression>),
    Sign(char, Box<Expression>),
    And(Vec<Expression>),
    Or(Vec<Expression>),
    /// Operators of one precedence, from left to right.
    Arithmetic(Box<Expression>, Vec<(Operator, Expression)>),
    Concat(Vec<Expression>),
    Compare(Box<Expression>, Vec<(Comparison, Expression)>),
    /// Test, value, and the value otherwise.
    Condition(Box<(Expression, Expression, Option<Expression>)>),
    Chain(Box<Expression>, Vec<Suffix>),
}

#[derive(Debug, Clone)]
pub(crate) enum Constant {
    None,
    Bool(bool),
    Integer(i64),
    Float(f64),
    Text(Arc<str>),
}

#[derive(Debug)]
pub(crate) struct Suffix {
    pub(crate) line: u32,
    pub(crate) kind: SuffixKind,
}

#[derive(Debug)]
pub(crate) enum SuffixKind {
    Attribute(Name),
    Item(Expression),
    Slice(Box<[Option<Expression>; 3]>),
    Call(Arguments),
    Filter(Name, Arguments),
    Test { name: Name, arguments: Arguments, is_negated: bool },
}

#[derive(Debug, Default)]
pub(crate) struct Arguments {
    pub(crate) positional: Vec<Expression>,
    pub(crate) named: Vec<(Name, Expression)>,
    pub(crate) spread: Option<Box<Expression>>,
    pub(crate) spread_named: Option<Box<Expression>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Operator {
    Add,
    Subtract,
    Multiply,
    Divide,
    FloorDivide,
    Remainder,
    Power,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Comparison {
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
    In,
    NotIn,
}
