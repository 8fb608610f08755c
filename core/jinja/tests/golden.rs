//! What transformers renders, by golden.py beside this file.
#![allow(clippy::unwrap_used)]

use serde_json::Value;
use wheelwork_jinja::{Template, budget};

fn golden() -> Value {
    serde_json::from_str(include_str!("golden.json")).unwrap()
}

fn variables(golden: &Value) -> Vec<(&str, Value)> {
    let variables = golden["variables"].as_object().unwrap();
    variables.iter().map(|(name, value)| (name.as_str(), value.clone())).collect()
}

#[test]
fn ck_27_small_templates_render_as_in_transformers_or_fail_in_both() {
    let golden = golden();
    let variables = variables(&golden);
    let cases = golden["cases"].as_array().unwrap();
    assert!(cases.len() > 150);
    for case in cases {
        let source = case[0].as_str().unwrap();
        let rendered = Template::new(source).and_then(|it| it.render(&variables, 0, &budget(0)));
        assert_eq!(rendered.as_deref().ok(), case[1].as_str(), "{source}: {rendered:?}");
    }
}

#[test]
fn dates_have_the_c_library_s_letters() {
    let date = |seconds, format: &str| {
        let source = format!("{{{{ strftime_now('{format}') }}}}");
        Template::new(&source).unwrap().render(&[], seconds, &budget(0)).map_err(|error| error.to_string())
    };
    // 2024-02-29 23:05:09, a Thursday, and the first and the last day of other years.
    assert_eq!(date(1_709_247_909, "%d %B %Y, %A").unwrap(), "29 February 2024, Thursday");
    assert_eq!(
        date(1_709_247_909, "%Y-%m-%d %H:%M:%S %b %a %j %U %W").unwrap(),
        "2024-02-29 23:05:09 Feb Thu 060 08 09"
    );
    assert_eq!(
        date(1_709_247_909, "%I:%M %p %-d %-m %y %e %F %T %D %c").unwrap(),
        "11:05 PM 29 2 24 29 2024-02-29 23:05:09 02/29/24 Thu Feb 29 23:05:09 2024"
    );
    assert_eq!(date(0, "%d.%m.%Y %w %u %j").unwrap(), "01.01.1970 4 4 001");
    assert_eq!(date(1_735_689_599, "%x %X %j %U").unwrap(), "12/31/24 23:59:59 366 52");
    assert_eq!(
        date(0, "%Q").unwrap_err(),
        "`strftime_now`: a letter of `strftime_now` is not supported (line 1)"
    );
}

#[test]
fn ck_27_an_error_names_the_function_and_the_line_and_no_text_of_variables() {
    let messages = serde_json::json!([{"content": "secret"}]);
    let error = |source: &str| {
        let rendered =
            Template::new(source).and_then(|it| it.render(&[("messages", messages.clone())], 0, &budget(0)));
        rendered.unwrap_err().to_string()
    };
    assert_eq!(
        error("\n\n{{ 'a'.encode() }}"),
        "`encode`: this method, with this text is not supported (line 3)"
    );
    assert_eq!(error("a\n{% include 'x' %}"), "the tag `include` is not supported (line 2)");
    assert_eq!(error("{{ nope | upper }}\n{{ nope() }}"), "`nope` is undefined (line 2)");
    for source in [
        "{{ raise_exception(messages[0].content) }}",
        "{{ messages[0].content.nothing() }}",
        "{{ {}[messages[0].content].x }}",
        "{{ [1] | map(messages[0].content) | list }}",
        "{{ [1] | select(messages[0].content) | list }}",
        "{{ dict(**{messages[0].content: 1})[0].x }}",
        "{% macro f() %}{% endmacro %}{{ f(**{messages[0].content: 1}) }}",
        "{{ 'a' | indent(**{messages[0].content: 1}) }}",
        "{{ messages[0].content % 1 }}{{ messages[0].content + 1 }}",
        "{{ ('{0.' ~ messages[0].content ~ '.a}').format({}) }}",
    ] {
        assert!(!error(source).contains("secret"), "{}", error(source));
    }
}
