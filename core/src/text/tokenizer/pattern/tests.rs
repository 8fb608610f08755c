use proptest::prelude::*;
use wheelwork_package::budget::{Budget, Limit};

use super::memo::{Known, Memo};
use super::*;

/// Patterns of published tokenizers.
const PUBLISHED: [&str; 12] = [
    // GPT-2, Qwen2 and R1's Qwen distils, Llama 3, GPT-4 (with possessive quantifiers), GPT-4o.
    r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+",
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+",
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+",
    r"'(?i:[sdmt]|ll|ve|re)|[^\r\n\p{L}\p{N}]?+\p{L}++|\p{N}{1,3}+| ?[^\s\p{L}\p{N}]++[\r\n]*+|\s++$|\s*[\r\n]|\s+(?!\S)|\s",
    r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+(?i:'s|'t|'re|'ve|'m|'ll|'d)?|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*(?i:'s|'t|'re|'ve|'m|'ll|'d)?|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+",
    // DeepSeek V3 and coder, SmolLM, Falcon, Qwen3 with marks, a look behind.
    r#"[!"\#$%&'()*+,\-./:;<=>?@\[\\\]^_`{|}~][A-Za-z]+|[^\r\n\p{L}\p{P}\p{S}]?[\p{L}\p{M}]+| ?[\p{P}\p{S}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"#,
    r"\s+$",
    r"[一-龥ࠀ-一가-퟿]+",
    r"\s?[A-Za-zµÀ-ÖØ-öø-ƺƼ-ƿǄ-ʓʕ-ʯͰ-ͳͶͷͻ-ͽͿΆΈ-Ί]+",
    r"[0-9][0-9][0-9]",
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?[\p{L}\p{M}]+|\p{N}| ?[^\s\p{L}\p{M}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+",
    r"(?<=[.!?])\s+|(?<!\d)\d{1,2}\b|\B-",
];

fn unlimited(program: &Program, text: &str) -> Vec<(usize, usize)> {
    let budget = Budget::new();
    let mut search = Search::new(program, text, &budget);
    std::iter::from_fn(|| search.next().unwrap()).map(|found| (found.start, found.end)).collect()
}

fn reference(pattern: &str, text: &str) -> Vec<(usize, usize)> {
    let regex = fancy_regex::Regex::new(pattern).unwrap();
    regex.find_iter(text).map(|found| found.unwrap()).map(|found| (found.start(), found.end())).collect()
}

/// Patterns of all that is supported, on few letters.
fn patterns() -> impl Strategy<Value = String> {
    let part = prop::sample::select(vec![
        "a", "b", " ", ".", r"\n", "[ab]", "[^a]", r"\s", r"\S", r"\w", r"\p{L}", "^", "$", r"\b", r"\B",
        "(?i:A)", "ä",
    ])
    .prop_map(str::to_owned);
    part.prop_recursive(4, 24, 4, |inner| {
        let quantifier = prop::sample::select(vec!["?", "??", "{2}", "{1,3}", "{0,2}?"]);
        let endless = prop::sample::select(vec!["*", "+", "*?", "+?", "{2,}", "++"]);
        let taking = prop::sample::select(vec!["a", "[ab]", r"\s", "(?:ab|b)", "(?:a|ab)", r"\w"]);
        prop_oneof![
            3 => prop::collection::vec(inner.clone(), 1..4).prop_map(|parts| parts.concat()),
            2 => prop::collection::vec(inner.clone(), 2..4).prop_map(|parts| format!("(?:{})", parts.join("|"))),
            2 => (inner.clone(), quantifier).prop_map(|(part, often)| format!("(?:{part}){often}")),
            3 => (taking, endless).prop_map(|(part, often)| format!("{part}{often}")),
            1 => inner.clone().prop_map(|part| format!("(?={part})")),
            1 => inner.clone().prop_map(|part| format!("(?!{part})")),
            1 => inner.prop_map(|part| format!("(?>{part})")),
        ]
    })
}

proptest! {
    #[test]
    fn published_patterns_find_what_fancy_regex_finds(
        pattern in prop::sample::select(PUBLISHED.to_vec()),
        text in prop_oneof![any::<String>(), r"[a-zA-Z0-9 '\-.!?\n\räßé中文가ΩÅ\u{301}\t$<|/]{0,60}", r"( |\n|\t|\r|a|S|'|5){0,40}"],
    ) {
        let program = Program::of_pattern(pattern).unwrap();
        prop_assert_eq!(unlimited(&program, &text), reference(pattern, &text));
    }

    #[test]
    fn any_pattern_finds_what_fancy_regex_finds(pattern in patterns(), text in "[abA ä\\n_]{0,12}") {
        // Refused: what fancy-regex refuses as well.
        let Ok(program) = Program::of_pattern(&pattern) else { return Ok(()) };
        let Ok(regex) = fancy_regex::Regex::new(&pattern) else { return Ok(()) };
        let expected: Vec<_> = regex.find_iter(&text).map_while(Result::ok).map(|it| (it.start(), it.end())).collect();
        prop_assert_eq!(unlimited(&program, &text), expected, "{}", pattern);
    }
}

#[test]
fn published_patterns_compile_and_a_long_text_costs_few_steps_a_byte() {
    let text = "It's 12 o'clock,\n\n  and  ÄÖ 中文字 don't...   \r\n".repeat(200) + &" ".repeat(5_000) + "x";
    for pattern in PUBLISHED {
        let program = Program::of_pattern(pattern).unwrap();
        let limit = Limit { name: "steps", number: 60 * text.len() as u64, unit: "steps", reason: "a test" };
        let budget = Budget::new().steps(limit);
        let mut search = Search::new(&program, &text, &budget);
        while search.next().unwrap().is_some() {}
    }
}

#[test]
fn ck_28_what_backtracks_without_end_elsewhere_is_linear_here() {
    let text = "a".repeat(20_000);
    for pattern in [
        r"(?=(a+)+b)a",
        r"(?:a+)+b",
        r"(?:a|a)+b",
        r"(?:a|aa)+$b",
        r"(?=(?:a|b)+?c)a",
        r"(?:a?){20}a{20}b",
        r"a+a+a+b",
        r"(?!(?:aa?)+b)a",
        r"(?=a+)a",
        r"(?=a+?$)a",
        ".*[^a]|a",
        r"\w+\s|a",
    ] {
        let program = Program::of_pattern(pattern).unwrap();
        let number = 6 * (program.len() * text.len()) as u64;
        let budget = Budget::new().steps(Limit { name: "steps", number, unit: "steps", reason: "a test" });
        let mut search = Search::new(&program, &text, &budget);
        while search.next().unwrap_or_else(|error| panic!("{pattern}: {error}")).is_some() {}
    }
}

#[test]
fn ck_28_what_can_not_be_bounded_is_refused_by_name() {
    let fault = |pattern: &str| Program::of_pattern(pattern).unwrap_err().to_string();
    assert!(fault(r"(a*)*\1b").contains("repetition of what may be empty"));
    assert!(fault(r"(a)\1").contains("back-reference"));
    assert!(fault(r"(?<=a+)b").contains("look behind"));
    assert!(fault(r"a\Kb").contains(r"\K"));
    assert!(fault(r"\Ga").contains(r"\G"));
    for pattern in
        ["(?:a{1000}){1000}", "(?:(?:(?:(?=a)a){1000}){1000}){1000}", r"[\p{L}\p{N}]{9000}[a]{9000}"]
    {
        assert!(fault(pattern).contains("instructions"), "{pattern}: {}", fault(pattern));
    }
    let deep = "(".repeat(2_000) + &")".repeat(2_000);
    assert!(matches!(Program::of_pattern(&deep), Err(PatternFault::Syntax(_))));
    assert!(matches!(Program::of_pattern("("), Err(PatternFault::Syntax(_))));
}

#[test]
fn ck_28_a_look_behind_pays_for_its_way_back() {
    let program = Program::of_pattern(r"(?<=[^a]{4000})b").unwrap();
    let text = "b".repeat(20_000);
    let limit = |number| Limit { name: "steps", number, unit: "steps", reason: "a test" };
    let ended = |number| Search::new(&program, &text, &Budget::new().steps(limit(number))).next().is_ok();
    assert!(!ended(5_000_000), "from each of the first 4,000 places it goes back to the start of the text");
    assert!(ended(10_000_000));
}

#[test]
fn ck_28_a_table_of_what_is_known_tells_what_it_grows_by() {
    let mut memo = Memo::new(4096);
    assert_eq!(memo.set(0, 9, Known::Failed), 10 * 1024);
    assert_eq!(memo.set(1, 9, Known::Failed), 0);
    memo.forget_before(9);
    assert_eq!(memo.set(0, 10, Known::Failed), 1024);
}

#[test]
fn ck_28_a_cancel_ends_a_search() {
    let program = Program::of_pattern(r"\s+$").unwrap();
    let budget = Budget::new().cancelled_by(|| true);
    let text = " ".repeat(5_000) + "x";
    assert!(Search::new(&program, &text, &budget).next().is_err());
}
