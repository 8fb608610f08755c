//! Templates that never end, that grow without end or that nest without end. Every one of them is an error, on a stack
//! smaller than any platform's.
#![allow(clippy::unwrap_used)]

use wheelwork_jinja::{Failure, Template, TemplateError, budget};
use wheelwork_package::budget::{
    Exhausted, LIMITS, Limit, TEMPLATE_CHAIN, TEMPLATE_DEPTH, TEMPLATE_MEMORY, TEMPLATE_NAME,
    TEMPLATE_NESTING, TEMPLATE_OUTPUT, TEMPLATE_SOURCE, TEMPLATE_STEPS, TEMPLATE_VALUE_DEPTH,
};

/// Main threads have at least 1 MiB, and what runs a template has used some of it.
const STACK_BYTES: usize = 512 << 10;

fn render(source: &str) -> Result<String, TemplateError> {
    let source = source.to_owned();
    let run = move || Template::new(&source).and_then(|template| template.render(&[], 0, &budget(0)));
    std::thread::Builder::new().stack_size(STACK_BYTES).spawn(run).unwrap().join().unwrap()
}

/// The limit that a template exceeds.
fn exceeded(source: &str) -> Limit {
    let shown: String = source.chars().take(120).collect();
    match render(source) {
        Err(TemplateError { failure: Failure::Exhausted(Exhausted::Limit(limit)), .. }) => {
            *LIMITS.iter().find(|known| known.name == limit.name).unwrap()
        }
        other => unreachable!("{shown}: {:?}", other.map(|text| text.len())),
    }
}

/// Runs a body again and again on an attribute `x` that it changes.
fn repeated(start: &str, body: &str, count: usize) -> String {
    format!(
        "{{% set n = namespace(x={start}, y={start}) %}}{{% for i in range({count}) %}}{body}{{% endfor %}}"
    )
}

#[test]
fn ck_17_shared_lists_are_paid_for_as_often_as_they_are_looked_at() {
    let lists = "{% set n.x = [n.x, n.x] %}{% set n.y = [n.y, n.y] %}";
    let tuples = "{% set n.x = (n.x, n.x) %}";
    for use_of in [
        "{{ n.x == n.y }}",
        "{{ n.x != n.y }}",
        "{{ n.x < n.y }}",
        "{{ n.x in [n.y] }}",
        "{{ [n.x, n.y] | sort }}",
        "{{ [n.x, n.y] | max }}",
        "{{ [n.x].index(n.y) }}",
        "{{ [n.x].count(n.y) }}",
        "{{ n.x }}",
        "{{ n.x ~ '' }}",
        "{{ n.x | string }}",
        "{{ n.x | tojson }}",
        "{{ n.x | tojson(indent=1) }}",
        "{{ n.x | join }}",
        "{{ '%s' % (n.x,) }}",
        "{{ '{}'.format(n.x) }}",
        "{{ '{!r}'.format(n.x) }}",
        "{{ n.x | upper }}",
        "{{ n.x | replace('a', 'b') }}",
        "{{ n.x | pprint }}",
        "{{ n.x is eq n.y }}",
        "{{ n.x | urlencode }}",
        "{{ [{'a': n.x}, {'a': n.y}] | groupby('a') }}",
        "{{ n.x | e }}",
        "{{ n.x | wordcount }}",
        "{{ loop.changed(n.x) }}",
    ] {
        let source = repeated("['a']", lists, 60) + "{% for i in [1] %}" + use_of + "{% endfor %}";
        if use_of.contains("changed") {
            assert!(render(&source).is_ok(), "nothing to compare with yet");
        } else {
            assert_eq!(exceeded(&source), TEMPLATE_STEPS, "{use_of}");
        }
    }
    for use_of in ["{{ {n.x: 1} }}", "{{ [n.x, n.x] | unique | list }}", "{{ {}[n.x] }}"] {
        assert_eq!(exceeded(&(repeated("('a',)", tuples, 60) + use_of)), TEMPLATE_STEPS, "{use_of}");
    }
}

#[test]
fn ck_17_values_of_any_kind_have_a_depth() {
    for (start, body) in [
        ("[]", "{% set n.x = [n.x] %}"),
        ("()", "{% set n.x = (n.x,) %}"),
        ("{}", "{% set n.x = {'a': n.x} %}"),
        ("[]", "{% set n.x = [n.x] | map('list') | list %}"),
        ("[]", "{% set n.x = dict(a=n.x) %}"),
        ("{}", "{% set n.x = {'a': n.x.get} %}"),
        ("[]", "{% set n.x = [n.x] | batch(1) %}"),
    ] {
        assert_eq!(exceeded(&repeated(start, body, 1000)), TEMPLATE_VALUE_DEPTH, "{body}");
    }
    // Namespaces are no values within each other: a chain or a circle of them ends with the rendering.
    assert!(render(&repeated("1", "{% set n.x = namespace(x=n.x) %}", 10_000)).is_ok());
    assert!(
        render("{% set n = namespace() %}{% set n.n = n %}{% set n.l = [n] %}{{ n.n.n.l[0].l is defined }}")
            .is_ok()
    );
}

#[test]
fn ck_17_what_grows_is_paid_for_before_it_is_there() {
    for source in [
        "{{ 'x' * 10**12 }}",
        "{{ [0] * 10**12 }}",
        "{{ 'a' | center(10**12) }}",
        "{{ 'a'.ljust(10**12) }}",
        "{{ 'a'.zfill(10**12) }}",
        "{{ ('\\t' * 1000).expandtabs(10**9) }}",
        "{{ '%999999999999d' % 1 }}",
        "{{ '%.999999999999f' % 1 }}",
        "{{ '%*d' % (10**12, 1) }}",
        "{{ '{:>999999999999}'.format(1) }}",
        "{{ '{:.999999999f}'.format(1.0) }}",
        "{{ '{:{}}'.format(1, 10**12) }}",
        "{{ [1] | batch(10**12, 0) }}",
        "{{ [1] | slice(10**12) }}",
        "{{ 'a\\nb' | indent(10**12) }}",
        "{{ ('a\\n' * 1000) | indent('x' * 100000) }}",
        "{{ [[1]] | tojson(indent=10**12) }}",
        "{{ ('a ' * 100000) | wordwrap(1, wrapstring='x' * 1000) }}",
        "{{ ('a' * 10000).replace('a', 'x' * 10000) }}",
        "{{ ('<' * 10**7) | e }}",
        "{{ ('x' * 8000000).split('x') }}",
    ] {
        let limit = exceeded(source);
        assert!([TEMPLATE_MEMORY, TEMPLATE_STEPS].contains(&limit), "{source}: {}", limit.name);
    }
    let doubled = |body: &str| repeated("'xx'", body, 60);
    for body in [
        "{% set n.x = n.x ~ n.x %}",
        "{% set n.x = n.x + n.x %}",
        "{% set n.x = n.x.replace('x', 'xx') %}",
        "{% set n.x = n.x.join(['a', 'b', n.x]) %}",
        "{% set n.x = '%s%s' % (n.x, n.x) %}",
        "{% set n.x = n.x | replace('', 'xx') %}",
        "{% set n.x %}{{ n.x }}{{ n.x }}{% endset %}",
    ] {
        let limit = exceeded(&doubled(body));
        assert!([TEMPLATE_MEMORY, TEMPLATE_STEPS, TEMPLATE_OUTPUT].contains(&limit), "{body}");
    }
    assert_eq!(exceeded("{% for a in range(2000) %}{{ 'x' * 9999 }}{% endfor %}"), TEMPLATE_OUTPUT);
}

#[test]
fn ck_17_numbers_of_any_width_are_written() {
    for format in ["%.70000f", "%.70000e", "%.70000g", "%70000d", "%-70000.70000f"] {
        assert!(render(&format!("{{{{ '{format}' % 1.5 }}}}")).is_ok(), "{format}");
    }
    for format in ["{:.70000f}", "{:.70000e}", "{:.70000g}", "{:.70000%}", "{:>70000}", "{:070000.3f}"] {
        assert!(render(&format!("{{{{ '{format}'.format(1.5) }}}}")).is_ok(), "{format}");
    }
    assert_eq!(render("{{ ('%.70000f' % 1.5) | length }}{{ 1.5 | round(70000) }}").unwrap(), "700021.5");
}

#[test]
fn ck_17_work_without_end_ends() {
    let million = "{% for i in range(100000) %}{% for j in range(100000) %}";
    for body in [
        "",
        "{{ '' }}",
        "{% set c = namespace(a=1) %}",
        "{% set c = cycler(1) %}",
        "{{ nothing }}",
        "{% set x = range(100000) | sort %}",
        "{% set x = ('a' * 100000).find('b') %}",
        "{{ strftime_now('%c') }}",
    ] {
        let limit = exceeded(&format!("{million}{body}{{% endfor %}}{{% endfor %}}"));
        assert!([TEMPLATE_MEMORY, TEMPLATE_STEPS].contains(&limit), "{body}");
    }
    let big = "{% set a = 'a' * 1000000 %}{% for i in range(100000) %}";
    for body in [
        "{{ a | wordcount }}",
        "{{ a is upper }}",
        "{{ a == 'b' ~ a }}",
        "{{ 'b' in a }}",
        "{{ a[-1] }}",
        "{% set x = a[::-1] %}",
        "{% set x = a | title %}",
        "{{ a.startswith(a) }}",
        "{{ a | truncate(5) }}",
        "{% set x = a | list %}",
        "{% set x = a | wordwrap(1) %}",
        "{% set x = a | striptags %}",
    ] {
        let limit = exceeded(&format!("{big}{body}{{% endfor %}}"));
        assert!([TEMPLATE_MEMORY, TEMPLATE_STEPS, TEMPLATE_OUTPUT].contains(&limit), "{body}");
    }
    let twice =
        "{% macro f(n) %}{% if n > 0 %}{{ f(n - 1) }}{{ f(n - 1) }}{% endif %}{% endmacro %}{{ f(40) }}";
    assert_eq!(exceeded(twice), TEMPLATE_STEPS);
    let parameters: Vec<String> = (0..20_000).map(|index| format!("a{index}")).collect();
    let wide = format!("{{% macro f({}) %}}{{% endmacro %}}{million}{{{{ f() }}}}", parameters.join(","));
    assert_eq!(exceeded(&(wide + "{% endfor %}{% endfor %}")), TEMPLATE_STEPS);
}

#[test]
fn ck_17_what_is_given_to_a_function_is_paid_for_as_what_it_is_called_on() {
    let start = "{% set a = 'a' * 1000000 %}{% set b = 'b' * 1000000 %}{% set c = b ~ 'c' %}{% set d = b ~ 'd' %}\
        {% set m = {c: 1} %}{% set n = namespace(l=[]) %}{% for i in range(100000) %}";
    for body in [
        "{{ 'b'.find(a) }}",
        "{{ 'b'.count(a) }}",
        "{{ 'b'.rfind(a) }}",
        "{{ 'b'.strip(a) }}",
        "{{ 'b' | trim(a) }}",
        "{{ 'b'.partition(a)[1] }}",
        "{{ 'b'.replace(a, '') }}",
        "{{ 'b' | replace(a, '') }}",
        "{{ 'b'.split(a)[1] }}",
        "{{ 1 is eq a }}",
        "{{ d in m }}",
        "{{ m[d] }}",
        "{{ n[a] is defined }}",
        "{% set n.l = n.l + [n[a]] %}",
        "{{ [b] | map('replace', a, '') | first }}",
        "{% for c in '{a}{a}{a}'.format(**m) %}{% endfor %}",
    ] {
        let limit = match render(&format!("{start}{body}{{% endfor %}}")).unwrap_err().failure {
            Failure::Exhausted(Exhausted::Limit(limit)) => limit.name,
            // It takes words that are not there.
            Failure::Failed(_) if body.contains("format") => continue,
            other => unreachable!("{body}: {other}"),
        };
        assert!([TEMPLATE_MEMORY.name, TEMPLATE_STEPS.name].contains(&limit), "{body}: {limit}");
    }
    assert_eq!(
        exceeded(&format!("{start}{{{{ b.endswith((d,) * 100000) }}}}{{% endfor %}}")),
        TEMPLATE_STEPS
    );
    // Each character is looked for once, however many are to be taken off.
    let stripped =
        "{{ ('b' * 500000).strip('a' * 500000 ~ 'b') }}{{ ('b' * 500000) | trim('a' * 500000 ~ 'b') }}";
    assert_eq!(render(stripped).unwrap(), "");
}

#[test]
fn ck_17_parts_of_a_path_are_paid_for_before_there_is_a_list_of_them() {
    for source in [
        "{{ [1] | map(attribute='.' * 5000000) | list }}",
        "{{ [1] | sort(attribute=',' * 5000000) }}",
        "{{ [1] | sum(attribute='.' * 5000000) }}",
        "{{ ['\\x01' * 5000000] }}",
        "{{ '{:{}}'.format(1, '<' * 5000000) }}",
    ] {
        let limit = exceeded(source);
        assert!([TEMPLATE_MEMORY, TEMPLATE_STEPS].contains(&limit), "{source}: {}", limit.name);
    }
}

#[test]
fn ck_17_names_have_a_length() {
    let name = "a".repeat(257);
    for source in
        [format!("{{{{ {name} }}}}"), format!("{{{{ x.{name} }}}}"), format!("{{% set {name} = 1 %}}")]
    {
        assert_eq!(exceeded(&source), TEMPLATE_NAME);
    }
    assert!(render(&format!("{{{{ {} }}}}", "a".repeat(256))).is_ok());
}

#[test]
fn ck_17_errors_do_not_repeat_what_a_key_holds() {
    for source in
        ["{{ namespace()['se' ~ 'cret'].x }}", "{{ range['se' ~ 'cret'] }}", "{{ {}['se' ~ 'cret'].x }}"]
    {
        let failure = render(source).unwrap_err().to_string();
        assert!(!failure.contains("secret"), "{failure}");
    }
    let failure = render("{{ namespace().missing.x }}").unwrap_err().to_string();
    assert!(failure.contains("missing"), "what stands in the template is told: {failure}");
}

#[test]
fn ck_17_recursion_has_a_depth() {
    for source in [
        "{% macro f() %}{{ f() }}{% endmacro %}{{ f() }}",
        "{% macro f(a=f()) %}{% endmacro %}{{ f() }}",
        "{% macro f() %}{{ caller() }}{% endmacro %}{% macro g() %}{% call f() %}{{ g() }}{% endcall %}{% endmacro %}\
         {{ g() }}",
        "{% for a in [1] recursive %}{{ loop([1]) }}{% endfor %}",
        "{% macro f() %}{% for a in [1] %}{% if true %}{% with b = 1 %}{% set x %}{{ [[(f(),)]] }}{% endset %}\
         {% endwith %}{% endif %}{% endfor %}{% endmacro %}{{ f() }}",
    ] {
        assert_eq!(exceeded(source), TEMPLATE_DEPTH, "{source}");
    }
}

#[test]
fn ck_17_sources_have_a_size_a_nesting_and_chains_of_some_length() {
    let nested = |open: &str, inner: &str, close: &str| open.repeat(6000) + inner + &close.repeat(6000);
    for (open, inner, close) in [
        ("(", "1", ")"),
        ("[", "1", "]"),
        ("{1:", "1", "}"),
        ("not ", "1", ""),
        ("-", "1", ""),
        ("f(", "1", ")"),
        ("a[", "1", "]"),
        ("(1 if ", "1", ")"),
        ("1 if 1 else ", "1", ""),
        ("1 is eq a[", "1", "]"),
        ("a|d(", "1", ")"),
    ] {
        // The space keeps `}` and `}}` apart.
        let source = format!("{{{{ {} }}}}", nested(open, inner, close));
        assert_eq!(exceeded(&source), TEMPLATE_NESTING, "{open}");
    }
    for (open, close) in [
        ("{% if 1 %}", "{% endif %}"),
        ("{% for a in b %}", "{% endfor %}"),
        ("{% set a %}", "{% endset %}"),
        ("{% with %}", "{% endwith %}"),
        ("{% macro a() %}", "{% endmacro %}"),
        ("{% call a() %}", "{% endcall %}"),
        ("{% filter e %}", "{% endfilter %}"),
        ("{% generation %}", "{% endgeneration %}"),
    ] {
        assert_eq!(exceeded(&nested(open, "", close)), TEMPLATE_NESTING, "{open}");
    }
    assert_eq!(exceeded(&format!("{{% for {} in b %}}", nested("(", "a", ")"))), TEMPLATE_NESTING);
    for link in ["+1", "*1", "**1", "~1", "<1", " and 1", " or 1", ".a", "[0]", "()", "|e", " in a"] {
        assert_eq!(exceeded(&format!("{{{{ 1{} }}}}", link.repeat(6000))), TEMPLATE_CHAIN, "{link}");
    }
    let branches = format!("{{% if 0 %}}{}{{% endif %}}", "{% elif 0 %}".repeat(6000));
    assert_eq!(exceeded(&branches), TEMPLATE_CHAIN);
    assert_eq!(exceeded(&"x".repeat(300_000)), TEMPLATE_SOURCE);
}

#[test]
fn ck_17_a_cancelled_rendering_ends() {
    let template = Template::new("{% for i in range(100000) %}{% endfor %}").unwrap();
    let error = template.render(&[], 0, &budget(0).cancelled_by(|| true)).unwrap_err();
    assert_eq!(error.failure, Failure::Exhausted(Exhausted::Cancelled));
}
