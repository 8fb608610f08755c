//! What foreign data may cost: the limits in one table, and the budget that an interpreter of such data takes as an
//! argument.
//!
//! Counts bound the work: steps, bytes, depth. A deadline stands beside them as the last resort, for work whose steps are
//! not ours to count. SECURITY.md shows [`LIMITS`] with the reasons; a test compares the two.
//!
//! ```
//! use wheelwork_package::budget::{Budget, Limit};
//!
//! const LINES: Limit = Limit { name: "lines of a list", number: 2, unit: "steps", reason: "an example" };
//! let budget = Budget::new().steps(LINES);
//! assert!(budget.take_steps(2).is_ok());
//! assert!(budget.take_steps(1).is_err());
//! ```

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use wheelwork_diagnostic::{Diagnosis, Diagnostic, Remedy, get, retry, unsupported};

/// A row of [`LIMITS`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limit {
    /// What is limited.
    pub name: &'static str,
    /// How much of it is allowed.
    pub number: u64,
    /// Of what; `ms` where it is a deadline.
    pub unit: &'static str,
    /// Why this number.
    pub reason: &'static str,
}

impl Limit {
    /// The same, and as much more as the size of an input justifies.
    #[must_use]
    pub fn plus(self, more: u64) -> Self {
        Self { number: self.number.saturating_add(more), ..self }
    }

    /// The number as a size in memory.
    #[must_use]
    #[allow(clippy::cast_possible_truncation)] // checked just before
    pub const fn as_usize(self) -> usize {
        // Limits are far below 4 GiB; where one were not, a 32-bit device would have the lower limit.
        if self.number > usize::MAX as u64 { usize::MAX } else { self.number as usize }
    }
}

/// Makes a constant of each row, and [`LIMITS`] of all.
macro_rules! limits {
    ($($constant:ident: $name:literal, $number:expr, $unit:literal, $reason:literal;)+) => {
        $(
            #[doc = concat!("The limit of ", $name, ".")]
            pub const $constant: Limit = Limit { name: $name, number: $number, unit: $unit, reason: $reason };
        )+
        /// Every limit that is enforced.
        pub const LIMITS: &[Limit] = &[$($constant),+];
    };
}

limits! {
    TEMPLATE_SOURCE: "source of a chat template", 256 << 10, "bytes",
        "the longest public ones have 30 KB";
    TEMPLATE_NESTING: "nesting of a chat template's syntax", 50, "levels",
        "Python stops at 20 blocks within each other";
    TEMPLATE_NAME: "a name in a chat template", 256, "bytes",
        "each look at a variable compares names";
    TEMPLATE_CHAIN: "chain of operators, filters or branches in a chat template", 1000, "parts",
        "Python's compiler stops at about as many operators";
    TEMPLATE_STEPS: "steps of a chat template", 250_000, "steps",
        "and two a byte of the messages, 32 a value of them; R1's takes less than a hundred a message";
    TEMPLATE_MEMORY: "memory that a chat template makes", 16 << 20, "bytes",
        "and 16 a byte of the messages: templates take a message apart and put it together a few times";
    TEMPLATE_DEPTH: "depth of a chat template's evaluation", 200, "levels",
        "a macro that calls itself for each level of a tool's schema takes about ten a level";
    TEMPLATE_VALUE_DEPTH: "depth of a chat template's values", 150, "levels",
        "JSON is read down to 128 levels";
    TEMPLATE_OUTPUT: "output of a chat template", 1 << 20, "bytes",
        "and eight a byte of the messages: what it adds to them is written in its source";
    TEMPLATE_DEADLINE: "time of a chat template", 5_000, "ms",
        "the last resort: its steps take a tenth of that on a slow phone";
    GRAPH_BYTES: "bytes of a graph without its weights", 16 << 20, "bytes",
        "a 70B's has less than one million";
    GRAPH_NODES: "nodes of a graph", 8192, "nodes",
        "a 70B's has 1500; ONNX Runtime takes time by the square of them";
    GRAPH_CONSTANT_BYTES: "constants that a graph computes when it is loaded", 32 << 20, "bytes",
        "and eight a byte of weights: codes of four bits that become single precision";
    GRAPH_CONSTANT_STEPS: "computing the constants of a graph", 1 << 30, "steps",
        "and 64 a byte of weights; half a second";
    GRAPH_CALL_BYTES: "tensors of a call of a graph", 128 << 20, "bytes",
        "and two a byte of weights: at 512 tokens, the rows of the widest matrices";
    GRAPH_CALL_STEPS: "a call of a graph", 1 << 33, "steps",
        "and eight a byte of weights and token: each weight is used once a token";
    NAMED_TEXT: "a text that is named on the command line", 64 << 20, "bytes",
        "a hundred thousand problems, or four times the longest text that is encoded";
    JSON_VALUES: "values in a JSON file", 1_000_000, "values",
        "a list of 65,536 added tokens has half as many; each takes up to 150 bytes once it is read";
    MESSAGE_VALUES: "values in messages and tools", 250_000, "values",
        "a message has three; they are copied a few times on their way into a template";
    SESSION_SEARCH: "looking for the next whole record of a damaged session", 128 << 20, "bytes",
        "two of the longest records, should the first have lost what the second stands behind";
    SESSION_COMPARE: "reading what looks like a record of a damaged session", 256 << 20, "bytes",
        "one place in many thousands looks like one and is none";
    TOKEN_BYTES: "a token of a vocabulary", 1024, "bytes",
        "R1's longest has 128; a prompt's length is bounded by it";
    ADDED_TOKENS_BYTES: "all added tokens", 1_048_576, "bytes",
        "finding them takes twenty bytes each; 65,536 numbered speech tokens have 720,896";
    MERGES: "merges of a tokenizer", 1_048_576, "merges",
        "Llama 3 has 280,147, twice its vocabulary";
    PATTERN_TEXT_BYTES: "all patterns and replacements of a tokenizer", 16_384, "bytes",
        "Qwen's has 113, DeepSeek's six have 600";
    PATTERN_INSTRUCTIONS: "instructions of a tokenizer's patterns", 16_384, "instructions",
        "Qwen's has 57; counted repetitions are written out";
    PATTERN_STEPS: "steps of a tokenizer", 4_000_000, "steps",
        "and 128 a byte of text; Qwen's takes up to 40 a byte";
    PATTERN_MEMO_BYTES: "what a pattern remembers", 33_554_432, "bytes",
        "two bits for each branch and byte, from the match that is looked for";
    PATTERN_ALTERNATIVES: "alternatives of a pattern that wait", 500_000, "alternatives",
        "40 bytes each; Qwen's has less than 20";
    NORMALIZED_BYTES: "what a tokenizer's normalizers write", 1_048_576, "bytes",
        "and sixteen a byte of text, over all steps: one step may multiply what another wrote";
    WORD_BYTES: "a word that is cut into tokens", 4_194_304, "bytes",
        "40 bytes each while its tokens are found; a megabyte of line ends is one word";
    OUTPUT_SCHEMA_STEPS: "schemas that an output constraint leads to", 50_000, "schemas",
        "a reference counts what it leads to; as many as the compiler itself takes";
    OUTPUT_CASES: "cases of an output constraint whose parts apply together", 4_096, "cases",
        "alternatives and repetitions of patterns multiply; each takes the compiler up to 0.1 ms";
    OUTPUT_MULTIPLES: "sum of what numbers of an output constraint are multiples of", 32_768, "in all",
        "the compiler looks for the least multiple: 1.3 s for 99,991";
    OUTPUT_PROPERTIES: "properties of an output constraint", 1_000, "properties",
        "the compiler's time grows with their square: 32 s for 8,000";
}

/// What one interpretation of foreign data may still cost. What is not limited is free.
#[derive(Default)]
pub struct Budget {
    steps: Meter,
    bytes: Meter,
    depth: Meter,
    output: Option<Limit>,
    deadline: Option<(Limit, Instant)>,
    cancelled: Option<Probe>,
}

type Probe = Box<dyn Fn() -> bool + Send + Sync>;

/// A limit, and how much of it is used.
#[derive(Debug, Default)]
struct Meter {
    limit: Option<Limit>,
    used: AtomicU64,
}

/// So many steps are between two looks at the clock and the cancel probe.
const PROBE_STEPS: u64 = 1024;

impl Budget {
    /// Nothing is limited yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Limits [`Budget::take_steps`].
    #[must_use]
    pub fn steps(self, limit: Limit) -> Self {
        Self { steps: Meter::new(limit), ..self }
    }

    /// Limits [`Budget::take_bytes`].
    #[must_use]
    pub fn bytes(self, limit: Limit) -> Self {
        Self { bytes: Meter::new(limit), ..self }
    }

    /// Limits [`Budget::nest`].
    #[must_use]
    pub fn depth(self, limit: Limit) -> Self {
        Self { depth: Meter::new(limit), ..self }
    }

    /// Limits [`Budget::check_output`].
    #[must_use]
    pub fn output(self, limit: Limit) -> Self {
        Self { output: Some(limit), ..self }
    }

    /// Ends the work that many milliseconds from now, wherever it looks at its budget.
    #[must_use]
    pub fn deadline(self, limit: Limit) -> Self {
        // A deadline that the clock can't hold is none.
        let end = Instant::now().checked_add(Duration::from_millis(limit.number));
        Self { deadline: end.map(|end| (limit, end)), ..self }
    }

    /// Ends the work once the probe says so.
    #[must_use]
    pub fn cancelled_by(self, probe: impl Fn() -> bool + Send + Sync + 'static) -> Self {
        Self { cancelled: Some(Box::new(probe)), ..self }
    }

    /// Takes steps; looks at deadline and cancel now and then.
    ///
    /// # Errors
    /// [`Exhausted`].
    pub fn take_steps(&self, count: u64) -> Result<(), Exhausted> {
        let before = self.steps.take(count)?;
        if before / PROBE_STEPS == before.saturating_add(count) / PROBE_STEPS { Ok(()) } else { self.probe() }
    }

    /// Takes bytes of memory or of output.
    ///
    /// # Errors
    /// [`Exhausted`].
    pub fn take_bytes(&self, count: u64) -> Result<(), Exhausted> {
        self.bytes.take(count).map(drop)
    }

    /// Whether an output may have so many bytes.
    ///
    /// # Errors
    /// [`Exhausted`].
    pub fn check_output(&self, bytes: u64) -> Result<(), Exhausted> {
        match self.output {
            Some(limit) if bytes > limit.number => Err(Exhausted::Limit(limit)),
            _ => Ok(()),
        }
    }

    /// Goes one level deeper, until the guard is dropped.
    ///
    /// # Errors
    /// [`Exhausted`].
    pub fn nest(&self) -> Result<Nested<'_>, Exhausted> {
        // The guard is made first, so that the level is given back where the limit is reached.
        let nested = Nested(&self.depth);
        self.depth.take(1).map(|_| nested)
    }

    /// Looks at deadline and cancel now: for work that takes no steps.
    ///
    /// # Errors
    /// [`Exhausted`].
    pub fn probe(&self) -> Result<(), Exhausted> {
        if self.cancelled.as_ref().is_some_and(|cancelled| cancelled()) {
            return Err(Exhausted::Cancelled);
        }
        match self.deadline {
            Some((limit, end)) if Instant::now() >= end => Err(Exhausted::Limit(limit)),
            _ => Ok(()),
        }
    }
}

impl fmt::Debug for Budget {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { steps, bytes, depth, output, deadline, cancelled: _ } = self;
        let fields = [("steps", steps), ("bytes", bytes), ("depth", depth)];
        let mut shown = formatter.debug_struct("Budget");
        for (name, meter) in fields {
            shown.field(name, meter);
        }
        shown.field("output", output).field("deadline", deadline).finish_non_exhaustive()
    }
}

impl Meter {
    fn new(limit: Limit) -> Self {
        Self { limit: Some(limit), used: AtomicU64::new(0) }
    }

    /// What was used before.
    fn take(&self, count: u64) -> Result<u64, Exhausted> {
        // Counts are added from one thread at a time or need no order between threads.
        let before = self.used.fetch_add(count, Ordering::Relaxed);
        match self.limit {
            Some(limit) if before.saturating_add(count) > limit.number => Err(Exhausted::Limit(limit)),
            _ => Ok(before),
        }
    }
}

/// A level of depth; given back when dropped.
#[derive(Debug)]
pub struct Nested<'b>(&'b Meter);

impl Drop for Nested<'_> {
    fn drop(&mut self) {
        self.0.used.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Foreign data cost more than it may, or nobody waits for it any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Exhausted {
    /// A limit is exceeded.
    #[error("the limit of {} is exceeded: {} {}", .0.name, .0.number, .0.unit)]
    Limit(Limit),
    /// The caller cancelled.
    #[error("the work was cancelled")]
    Cancelled,
}

impl Diagnostic for Exhausted {
    fn diagnosis(&self) -> Diagnosis {
        match self {
            Self::Limit(limit) => {
                unsupported("limit_exceeded", get("the file from another source")).at(limit.name)
            }
            Self::Cancelled => retry("work_cancelled", Remedy::Retry),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    const TWO: Limit = Limit { name: "twos", number: 2, unit: "steps", reason: "a test" };

    #[test]
    fn security_md_has_the_limits_as_they_are() {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../SECURITY.md");
        let text = fs_err::read_to_string(path).unwrap();
        let (_, table) = text.split_once("| what | limit | why |\n|---|---|---|\n").unwrap();
        let rows: Vec<_> = table.lines().take_while(|line| line.starts_with('|')).collect();
        let row = |limit: &Limit| {
            let Limit { name, number, unit, reason } = limit;
            format!("| {name} | {number} {unit} | {reason} |")
        };
        assert_eq!(rows, LIMITS.iter().map(row).collect::<Vec<_>>());
    }

    #[test]
    fn each_limit_is_exceeded_by_one_more_and_named() {
        let budget = Budget::new().steps(TWO).bytes(TWO.plus(1));
        assert_eq!(budget.take_steps(2), Ok(()));
        assert_eq!(budget.take_steps(1), Err(Exhausted::Limit(TWO)));
        assert_eq!(budget.take_bytes(3), Ok(()));
        assert_eq!(budget.take_bytes(u64::MAX), Err(Exhausted::Limit(TWO.plus(1))));
        assert_eq!(Exhausted::Limit(TWO).to_string(), "the limit of twos is exceeded: 2 steps");
        assert_eq!(Budget::new().take_steps(u64::MAX), Ok(()));
        assert_eq!(Budget::new().output(TWO).check_output(2), Ok(()));
        assert_eq!(Budget::new().output(TWO).check_output(3), Err(Exhausted::Limit(TWO)));
    }

    #[test]
    fn a_level_that_is_left_is_given_back() {
        let budget = Budget::new().depth(TWO);
        for _ in 0..3 {
            let _outer = budget.nest().unwrap();
            let _inner = budget.nest().unwrap();
            assert_eq!(budget.nest().unwrap_err(), Exhausted::Limit(TWO));
        }
    }

    #[test]
    fn work_ends_when_it_is_cancelled_or_its_time_is_over() {
        let cancelled = Budget::new().cancelled_by(|| true);
        assert_eq!(cancelled.take_steps(1), Ok(()), "it looks now and then");
        assert_eq!(cancelled.take_steps(PROBE_STEPS), Err(Exhausted::Cancelled));
        let over = Limit { number: 0, unit: "ms", ..TWO };
        assert_eq!(Budget::new().deadline(over).probe(), Err(Exhausted::Limit(over)));
        assert_eq!(Budget::new().deadline(TWO.plus(u64::MAX)).probe(), Ok(()));
    }
}
