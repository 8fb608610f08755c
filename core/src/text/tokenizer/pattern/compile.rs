//! From the parsed pattern to instructions, in two steps: expressions become nodes, in which each class of characters
//! stands once; nodes become instructions, repeated as often as the pattern says.

use std::collections::HashMap;

use fancy_regex::{Assertion, Expr, LookAround};
use regex_syntax::hir::{Class as HirClass, Hir, HirKind};

use super::class::Class;
use super::program::{Instruction, PatternFault, Program};

/// A pattern, as far as its meaning goes.
#[derive(Debug, Clone)]
enum Node {
    /// A character of this class.
    Take(usize),
    Assert(Assertion),
    Concat(Vec<Node>),
    Alternatives(Vec<Node>),
    /// `most` is absent where it is unlimited.
    Repeat {
        node: Box<Node>,
        least: usize,
        most: Option<usize>,
        greedy: bool,
    },
    Look {
        node: Box<Node>,
        negative: bool,
        back: usize,
    },
    Atomic(Box<Node>),
}

impl Program {
    /// Compiles a pattern as the checkpoint has it.
    pub(in crate::text::tokenizer) fn of_pattern(pattern: &str) -> Result<Self, PatternFault> {
        let syntax = |error: fancy_regex::Error| PatternFault::Syntax(error.to_string());
        compile(&Expr::parse_tree(pattern).map_err(syntax)?.expr)
    }

    /// Compiles a text that is to be found as it is.
    pub(in crate::text::tokenizer) fn of_text(text: &str) -> Result<Self, PatternFault> {
        compile(&Expr::Literal { val: text.to_owned(), casei: false })
    }
}

pub(super) fn compile(expression: &Expr) -> Result<Program, PatternFault> {
    let mut reader = Reader::default();
    let node = reader.read(expression)?;
    let mut program = Program { instructions: Vec::new(), classes: reader.classes, slots: 0 };
    emit(&mut program, &node)?;
    program.add(Instruction::Match)?;
    Ok(program)
}

/// Makes nodes of expressions. The depth is bounded by the parser: 64 groups.
#[derive(Default)]
struct Reader {
    classes: Vec<Class>,
    places: HashMap<Class, usize>,
    /// Parts that were read before, by their text and whether case counts.
    parts: HashMap<(String, bool), Node>,
}

impl Reader {
    fn read(&mut self, expression: &Expr) -> Result<Node, PatternFault> {
        let unsupported = |what| Err(PatternFault::Unsupported(what));
        Ok(match expression {
            Expr::Empty => Node::Concat(Vec::new()),
            Expr::Any { newline: true } => self.part("(?s:.)", false)?,
            Expr::Any { newline: false } => self.part(".", false)?,
            Expr::Assertion(assertion) => Node::Assert(*assertion),
            Expr::Literal { val, casei } => self.part(&regex_syntax::escape(val), *casei)?,
            Expr::Delegate { inner, casei, .. } => self.part(inner, *casei)?,
            Expr::Concat(children) => Node::Concat(self.read_all(children)?),
            Expr::Alt(children) => Node::Alternatives(self.read_all(children)?),
            Expr::Group(child) => self.read(child)?,
            Expr::AtomicGroup(child) => Node::Atomic(Box::new(self.read(child)?)),
            Expr::Repeat { child, lo, hi, greedy } => {
                let node = Box::new(self.read(child)?);
                let most = Some(*hi).filter(|most| *most != usize::MAX);
                // Such a repetition could go on without moving on. No honest pattern has one.
                if most.is_none() && may_be_empty(&node) {
                    return unsupported("an endless repetition of what may be empty");
                }
                Node::Repeat { node, least: *lo, most, greedy: *greedy }
            }
            Expr::LookAround(child, LookAround::LookAhead) => look(self.read(child)?, false, 0),
            Expr::LookAround(child, LookAround::LookAheadNeg) => look(self.read(child)?, true, 0),
            Expr::LookAround(child, LookAround::LookBehind) => self.read_behind(child, false)?,
            Expr::LookAround(child, LookAround::LookBehindNeg) => self.read_behind(child, true)?,
            Expr::Backref { .. } | Expr::BackrefWithRelativeRecursionLevel { .. } => {
                return unsupported("a back-reference");
            }
            Expr::BackrefExistsCondition(_) | Expr::Conditional { .. } => return unsupported("a condition"),
            Expr::SubroutineCall(_) | Expr::UnresolvedNamedSubroutineCall { .. } => {
                return unsupported("a call of a group");
            }
            Expr::KeepOut => return unsupported("`\\K`"),
            Expr::ContinueFromPreviousMatchEnd => return unsupported("`\\G`"),
        })
    }

    fn read_all(&mut self, expressions: &[Expr]) -> Result<Vec<Node>, PatternFault> {
        expressions.iter().map(|expression| self.read(expression)).collect()
    }

    /// A look behind: each alternative from as many characters before as it is long.
    fn read_behind(&mut self, expression: &Expr, negative: bool) -> Result<Node, PatternFault> {
        let alternatives = match self.read(expression)? {
            Node::Alternatives(nodes) => nodes,
            node => vec![node],
        };
        let looks = alternatives.into_iter().map(|node| {
            let unknown = PatternFault::Unsupported("a look behind of no fixed length");
            Ok(look(node.clone(), negative, width(&node).ok_or(unknown)?))
        });
        let looks = looks.collect::<Result<_, PatternFault>>()?;
        Ok(if negative { Node::Concat(looks) } else { Node::Alternatives(looks) })
    }

    /// A part that the `regex` crate's syntax describes: a class, or a text.
    fn part(&mut self, text: &str, ignore_case: bool) -> Result<Node, PatternFault> {
        let key = (text.to_owned(), ignore_case);
        if let Some(node) = self.parts.get(&key) {
            return Ok(node.clone());
        }
        let mut parser = regex_syntax::ParserBuilder::new().case_insensitive(ignore_case).build();
        let hir = parser.parse(text).map_err(|error| PatternFault::Syntax(error.to_string()))?;
        let node = self.read_hir(&hir)?;
        self.parts.insert(key, node.clone());
        Ok(node)
    }

    fn read_hir(&mut self, hir: &Hir) -> Result<Node, PatternFault> {
        let several = |reader: &mut Self, parts: &[Hir]| {
            parts.iter().map(|part| reader.read_hir(part)).collect::<Result<Vec<_>, _>>()
        };
        Ok(match hir.kind() {
            HirKind::Empty => Node::Concat(Vec::new()),
            HirKind::Literal(literal) => {
                let text = std::str::from_utf8(&literal.0)
                    .map_err(|_| PatternFault::Unsupported("bytes that are no UTF-8"))?;
                let takes = text.chars().map(|char| self.take(&Class::of_one(char)));
                Node::Concat(takes.collect())
            }
            HirKind::Class(HirClass::Unicode(class)) => self.take(&Class::of(class)),
            HirKind::Concat(parts) => Node::Concat(several(self, parts)?),
            HirKind::Alternation(parts) => Node::Alternatives(several(self, parts)?),
            HirKind::Capture(capture) => self.read_hir(&capture.sub)?,
            HirKind::Class(HirClass::Bytes(_)) | HirKind::Look(_) | HirKind::Repetition(_) => {
                return Err(PatternFault::Unsupported("a part of an unknown kind"));
            }
        })
    }

    fn take(&mut self, class: &Class) -> Node {
        let place = *self.places.entry(class.clone()).or_insert_with(|| {
            self.classes.push(class.clone());
            self.classes.len() - 1
        });
        Node::Take(place)
    }
}

fn look(node: Node, negative: bool, back: usize) -> Node {
    Node::Look { node: Box::new(node), negative, back }
}

/// How many characters a node takes, where that is fixed.
fn width(node: &Node) -> Option<usize> {
    match node {
        Node::Take(_) => Some(1),
        Node::Assert(_) | Node::Look { .. } => Some(0),
        Node::Concat(nodes) => {
            nodes.iter().map(width).try_fold(0_usize, |sum, width| sum.checked_add(width?))
        }
        Node::Alternatives(nodes) => {
            let mut widths = nodes.iter().map(width);
            let first = widths.next()??;
            widths.all(|width| width == Some(first)).then_some(first)
        }
        Node::Repeat { node, least, most, .. } if Some(*least) == *most => width(node)?.checked_mul(*least),
        Node::Repeat { .. } => None,
        Node::Atomic(node) => width(node),
    }
}

/// Whether a node may match without taking a character.
fn may_be_empty(node: &Node) -> bool {
    match node {
        Node::Take(_) => false,
        Node::Assert(_) | Node::Look { .. } => true,
        Node::Concat(nodes) => nodes.iter().all(may_be_empty),
        Node::Alternatives(nodes) => nodes.iter().any(may_be_empty),
        Node::Repeat { node, least, .. } => *least == 0 || may_be_empty(node),
        Node::Atomic(node) => may_be_empty(node),
    }
}

/// Adds the instructions of a node.
fn emit(program: &mut Program, node: &Node) -> Result<(), PatternFault> {
    match node {
        Node::Take(class) => program.add(Instruction::Take { class: *class }).map(drop),
        Node::Assert(assertion) => program.add(Instruction::Assert(*assertion)).map(drop),
        Node::Concat(nodes) => nodes.iter().try_for_each(|node| emit(program, node)),
        Node::Alternatives(nodes) => emit_alternatives(program, nodes),
        Node::Repeat { node, least, most, greedy } => emit_repeat(program, node, (*least, *most), *greedy),
        Node::Look { node, negative, back } => {
            let slot = program.add_slot();
            let here = program.add(Instruction::Look { negative: *negative, back: *back, then: 0, slot })?;
            emit_apart(program, node, here)
        }
        Node::Atomic(node) => {
            let slot = program.add_slot();
            let here = program.add(Instruction::Atomic { then: 0, slot })?;
            emit_apart(program, node, here)
        }
    }
}

/// What a look or an atomic group holds, with an end of its own.
fn emit_apart(program: &mut Program, node: &Node, here: usize) -> Result<(), PatternFault> {
    emit(program, node)?;
    let end = program.add(Instruction::Match)? + 1;
    if let Instruction::Look { then, .. } | Instruction::Atomic { then, .. } = &mut program.instructions[here]
    {
        *then = end;
    }
    Ok(())
}

fn emit_alternatives(program: &mut Program, nodes: &[Node]) -> Result<(), PatternFault> {
    let mut ends = Vec::new();
    for (index, node) in nodes.iter().enumerate() {
        if index + 1 == nodes.len() {
            emit(program, node)?;
            break;
        }
        let either = add_either(program)?;
        emit(program, node)?;
        ends.push(program.add(Instruction::Jump { to: 0 })?);
        set_second(program, either, true);
    }
    let end = program.len();
    ends.into_iter().for_each(|place| program.instructions[place] = Instruction::Jump { to: end });
    Ok(())
}

fn emit_repeat(
    program: &mut Program,
    node: &Node,
    (least, most): (usize, Option<usize>),
    greedy: bool,
) -> Result<(), PatternFault> {
    if let (Node::Take(class), None, true) = (node, most, greedy) {
        (1..least).try_for_each(|_| emit(program, node))?;
        let slot = program.add_slot();
        return program.add(Instruction::TakeRun { class: *class, least: least.min(1), slot }).map(drop);
    }
    for _ in 0..least {
        emit_counted(program, node)?;
    }
    let Some(most) = most else {
        let either = add_either(program)?;
        emit(program, node)?;
        program.add(Instruction::Jump { to: either })?;
        set_second(program, either, greedy);
        return Ok(());
    };
    let mut places = Vec::new();
    for _ in least..most {
        places.push(add_either(program)?);
        emit(program, node)?;
    }
    places.into_iter().for_each(|either| set_second(program, either, greedy));
    Ok(())
}

/// A part that stands often. One without instructions must end as well.
fn emit_counted(program: &mut Program, node: &Node) -> Result<(), PatternFault> {
    let before = program.len();
    emit(program, node)?;
    if program.len() == before { program.add(Instruction::Jump { to: before + 1 }).map(drop) } else { Ok(()) }
}

fn add_either(program: &mut Program) -> Result<usize, PatternFault> {
    let slot = program.add_slot();
    let next = program.len() + 1;
    program.add(Instruction::Either { first: next, second: next, slot })
}

/// Lets an [`Instruction::Either`] go on here: at last, or, unless it is `greedy`, at first.
fn set_second(program: &mut Program, either: usize, greedy: bool) {
    let here = program.len();
    if let Instruction::Either { first, second, .. } = &mut program.instructions[either] {
        *if greedy { second } else { first } = here;
    }
}
