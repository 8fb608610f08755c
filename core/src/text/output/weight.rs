//! What a schema would cost to compile, estimated before llguidance sees it.
//!
//! Where schemas apply together (`allOf`, a `$ref` with neighbours, properties that two of them name), llguidance
//! intersects their patterns and pairs their alternatives, and the work is the product: it looks at a budget of its own
//! only behind such a product. So the product is estimated here: for each place in the answer, the alternatives of all
//! schemas that apply there, multiplied. A pattern counts its repetitions and alternatives.

use std::collections::BTreeMap;

use serde_json::{Map, Value};
use wheelwork_package::budget::{Budget, Exhausted, OUTPUT_CASES, OUTPUT_MULTIPLES, OUTPUT_SCHEMA_STEPS};

use super::error::OutputError;

/// Refuses a schema whose parts multiply to too many cases.
pub(super) fn check(schema: &Value) -> Result<(), OutputError> {
    let budget = Budget::new().steps(OUTPUT_SCHEMA_STEPS);
    let mut reader = Reader { root: schema, budget, open: Vec::new() };
    let weight = reader.read(schema).map_err(OutputError::Compiling)?;
    if weight.heaviest() > most_cases() { Err(too_many_cases()) } else { Ok(()) }
}

/// How many properties a schema names, each where it stands. Where their number is limited too, the compiler lists them
/// once for each.
pub(super) fn properties_of(schema: &Value) -> usize {
    let mut count = 0_usize;
    let mut open = vec![schema];
    while let Some(value) = open.pop() {
        match value {
            Value::Object(fields) => {
                let named = fields.get("properties").and_then(Value::as_object).map_or(0, Map::len);
                let is_counted = fields.contains_key("minProperties") || fields.contains_key("maxProperties");
                count = count.saturating_add(if is_counted { named.saturating_mul(named) } else { named });
                open.extend(fields.values());
            }
            Value::Array(items) => open.extend(items),
            _ => {}
        }
    }
    count
}

/// Refuses numbers that answers have to be multiples of, where the compiler would look for the least of them for long, or
/// where it can't count with them.
pub(super) fn check_multiples(schema: &Value) -> Result<(), OutputError> {
    let mut found: Vec<(u64, u32)> = Vec::new();
    let mut open = vec![schema];
    while let Some(value) = open.pop() {
        match value {
            Value::Object(fields) => {
                found.extend(fields.get("multipleOf").and_then(Value::as_f64).map(decimal));
                open.extend(fields.values());
            }
            Value::Array(items) => open.extend(items),
            _ => {}
        }
    }
    // Zeros at the end of a number cost nothing.
    let cost = |mut digits: u64| {
        while digits > 0 && digits.is_multiple_of(10) {
            digits /= 10;
        }
        digits
    };
    let sum = found.iter().fold(0_u64, |sum, (digits, _)| sum.saturating_add(cost(*digits)));
    if sum > OUTPUT_MULTIPLES.number {
        return Err(OutputError::Compiling(Exhausted::Limit(OUTPUT_MULTIPLES)));
    }
    // Those that apply together are counted in steps of the finest, by numbers of 32 bits.
    let finest = found.iter().map(|(_, exponent)| *exponent).max().unwrap_or(0);
    let steps = |(digits, exponent): &(u64, u32)| {
        10_u64.checked_pow(finest - exponent).and_then(|scale| digits.checked_mul(scale)).unwrap_or(u64::MAX)
    };
    let mut steps: Vec<u64> = found.iter().map(steps).collect();
    steps.sort_unstable();
    steps.dedup();
    let together = steps.iter().rev().take(2).fold(1_u64, |product, steps| product.saturating_mul(*steps));
    if finest > MULTIPLE_DECIMALS || together > u64::from(u32::MAX) {
        let detail = "its values of `multipleOf` are too fine, or too large together".to_owned();
        return Err(OutputError::Invalid { kind: "JSON schema", detail });
    }
    Ok(())
}

/// Digits behind the point of a `multipleOf`.
const MULTIPLE_DECIMALS: u32 = 6;

/// A number as its digits, and how many of them stand behind the point.
fn decimal(number: f64) -> (u64, u32) {
    let written = number.abs().to_string();
    let (whole, fraction) = written.split_once('.').unwrap_or((&written, ""));
    let digits = format!("{whole}{fraction}");
    // What has more digits than fit is beyond any limit.
    let digits = digits.parse().unwrap_or(u64::MAX);
    (digits, u32::try_from(fraction.len()).unwrap_or(u32::MAX))
}

/// Refuses a grammar that intersects or complements patterns which have too many cases together: each operator multiplies
/// what the grammar has of them.
pub(super) fn check_intersections(grammar: &str) -> Result<(), OutputError> {
    let (mut operators, mut cases) = (0_u32, 1_usize);
    for line in grammar.lines() {
        // Texts and patterns end in their line; `//` begins a comment.
        let mut within = None;
        let mut chars = line.chars().peekable();
        while let Some(char) = chars.next() {
            match (within, char) {
                (None, '/') if chars.peek() == Some(&'/') => break,
                // What follows is no delimiter.
                (Some(_), '\\') => drop(chars.next()),
                (Some(delimiter), _) if char == delimiter => within = None,
                (None, '"' | '/') => within = Some(char),
                (None, '&' | '~') => operators += 1,
                (None | Some('/'), '*' | '+' | '?' | '{' | '|') => cases += 1,
                _ => {}
            }
        }
    }
    let factors = f64::from(operators + 1);
    if operators > 0 && log2(cases) * factors > most_cases() { Err(too_many_cases()) } else { Ok(()) }
}

/// The logarithm of [`OUTPUT_CASES`].
fn most_cases() -> f64 {
    log2(OUTPUT_CASES.as_usize())
}

fn too_many_cases() -> OutputError {
    OutputError::Compiling(Exhausted::Limit(OUTPUT_CASES))
}

/// The cases at a place of the answer, as logarithms to base 2, so that a product is a sum.
#[derive(Debug, Default, Clone)]
struct Weight {
    here: f64,
    /// Of properties and items.
    inside: BTreeMap<String, Weight>,
}

/// What stands for every property that has no name of its own, and for every item.
const OTHERS: &str = "";

impl Weight {
    /// Both apply.
    fn and(mut self, other: Self) -> Self {
        self.here += other.here;
        for (place, weight) in other.inside {
            let known = self.inside.remove(&place).unwrap_or_default();
            self.inside.insert(place, known.and(weight));
        }
        self
    }

    /// One of both applies.
    fn or(mut self, other: Self) -> Self {
        self.here = self.here.max(other.here);
        for (place, weight) in other.inside {
            let known = self.inside.remove(&place).unwrap_or_default();
            self.inside.insert(place, known.or(weight));
        }
        self
    }

    fn heaviest(&self) -> f64 {
        let others = self.inside.get(OTHERS).map_or(0.0, Self::heaviest);
        let named = self.inside.iter().filter(|(place, _)| place.as_str() != OTHERS);
        let inside = named.map(|(_, weight)| weight.heaviest()).fold(0.0, f64::max);
        self.here.max(inside + others)
    }
}

struct Reader<'s> {
    root: &'s Value,
    budget: Budget,
    /// References that are being followed: one that leads back to itself adds nothing.
    open: Vec<&'s str>,
}

impl<'s> Reader<'s> {
    fn read(&mut self, schema: &'s Value) -> Result<Weight, Exhausted> {
        self.budget.take_steps(1)?;
        let Value::Object(fields) = schema else { return Ok(Weight::default()) };
        let mut weight = Weight { here: own_weight(fields), ..Weight::default() };
        for (field, value) in fields {
            let part = match (field.as_str(), value) {
                ("$ref", Value::String(reference)) => self.follow(reference)?,
                ("allOf", Value::Array(members)) => self.read_all(members, Weight::and)?,
                ("anyOf" | "oneOf", Value::Array(members)) => {
                    let mut weight = self.read_all(members, Weight::or)?;
                    weight.here += log2(members.len());
                    weight
                }
                ("if" | "then" | "else" | "not" | "propertyNames", member) => self.read(member)?,
                ("properties" | "patternProperties" | "dependentSchemas", Value::Object(members)) => {
                    let mut weight = Weight::default();
                    for (name, member) in members {
                        weight.inside.insert(name.clone(), self.read(member)?);
                    }
                    weight
                }
                (
                    "additionalProperties"
                    | "unevaluatedProperties"
                    | "items"
                    | "additionalItems"
                    | "unevaluatedItems"
                    | "contains",
                    member @ Value::Object(_),
                ) => {
                    let inside = [(OTHERS.to_owned(), self.read(member)?)].into();
                    Weight { inside, ..Weight::default() }
                }
                ("prefixItems" | "items", Value::Array(members)) => {
                    let mut weight = Weight::default();
                    for (place, member) in members.iter().enumerate() {
                        weight.inside.insert(place.to_string(), self.read(member)?);
                    }
                    weight
                }
                _ => continue,
            };
            weight = weight.and(part);
        }
        Ok(weight)
    }

    fn read_all(
        &mut self,
        members: &'s [Value],
        join: fn(Weight, Weight) -> Weight,
    ) -> Result<Weight, Exhausted> {
        members.iter().try_fold(Weight::default(), |weight, member| Ok(join(weight, self.read(member)?)))
    }

    fn follow(&mut self, reference: &'s str) -> Result<Weight, Exhausted> {
        let target = reference.strip_prefix('#').and_then(|pointer| self.root.pointer(pointer));
        let Some(target) = target.filter(|_| !self.open.contains(&reference)) else {
            return Ok(Weight::default());
        };
        self.open.push(reference);
        let weight = self.read(target);
        self.open.pop();
        weight
    }
}

/// What a schema's own keywords multiply where it is intersected.
fn own_weight(fields: &Map<String, Value>) -> f64 {
    let text = |field: &str| fields.get(field).and_then(Value::as_str);
    let pattern = text("pattern").map_or(0.0, pattern_weight);
    let format = if text("format").is_some() { log2(4) } else { 0.0 };
    let number = if fields.contains_key("multipleOf") { log2(2) } else { 0.0 };
    pattern + format + number
}

/// How many ways on a pattern has at most after a character: one for each repetition and alternative.
fn pattern_weight(pattern: &str) -> f64 {
    log2(1 + pattern.bytes().filter(|byte| b"*+?{|".contains(byte)).count())
}

fn log2(count: usize) -> f64 {
    // No form is longer than 256 KiB.
    f64::from(u32::try_from(count.max(1)).unwrap_or(u32::MAX)).log2()
}
