//! Jinja's filters, and `tojson` as transformers replaces it.

mod html;
mod lists;
mod numbers;
mod select;
mod texts;

use std::cmp::Ordering;

use wheelwork_package::budget::Budget;

use crate::arguments::{Given, pay, within};
use crate::error::{Failure, Outcome};
use crate::value::Value;

type Filter = fn(&Budget, Value, Given) -> Outcome<Value>;

const FILTERS: [(&str, Filter); 54] = [
    ("abs", numbers::abs),
    ("attr", lists::attr),
    ("batch", lists::batch),
    ("capitalize", texts::capitalize),
    ("center", texts::center),
    ("count", lists::length),
    ("d", lists::default),
    ("default", lists::default),
    ("dictsort", lists::dictsort),
    ("e", html::escape),
    ("escape", html::escape),
    ("filesizeformat", numbers::filesizeformat),
    ("first", lists::first),
    ("float", numbers::float),
    ("forceescape", html::escape),
    ("format", texts::format),
    ("groupby", select::groupby),
    ("indent", texts::indent),
    ("int", numbers::int),
    ("items", lists::items),
    ("join", select::join),
    ("last", lists::last),
    ("length", lists::length),
    ("list", lists::list),
    ("lower", texts::lower),
    ("map", select::map),
    ("max", |budget, value, given| select::extreme(budget, value, given, Ordering::Greater)),
    ("min", |budget, value, given| select::extreme(budget, value, given, Ordering::Less)),
    ("pprint", texts::pprint),
    ("random", lists::random),
    ("reject", |budget, value, given| select::chosen(budget, value, given, false, false)),
    ("rejectattr", |budget, value, given| select::chosen(budget, value, given, true, false)),
    ("replace", texts::replace),
    ("reverse", lists::reverse),
    ("round", numbers::round),
    ("safe", html::safe),
    ("select", |budget, value, given| select::chosen(budget, value, given, false, true)),
    ("selectattr", |budget, value, given| select::chosen(budget, value, given, true, true)),
    ("slice", lists::slice),
    ("sort", select::sort),
    ("string", texts::string),
    ("striptags", html::striptags),
    ("sum", select::sum),
    ("title", texts::title),
    ("tojson", texts::tojson),
    ("trim", texts::trim),
    ("truncate", texts::truncate),
    ("unique", select::unique),
    ("upper", texts::upper),
    ("urlencode", html::urlencode),
    ("urlize", html::urlize),
    ("wordcount", texts::wordcount),
    ("wordwrap", texts::wordwrap),
    ("xmlattr", html::xmlattr),
];

pub(crate) fn exists(name: &str) -> bool {
    find(name).is_some()
}

fn find(name: &str) -> Option<Filter> {
    FILTERS.iter().find(|(known, _)| *known == name).map(|(_, filter)| *filter)
}

/// `value | name(given)`. Where no filter has the name, `missing` says what is not supported.
pub(crate) fn call(
    budget: &Budget,
    name: &str,
    value: Value,
    given: Given,
    missing: impl FnOnce() -> String,
) -> Outcome<Value> {
    let filter = find(name).ok_or_else(|| Failure::unsupported(missing()))?;
    pay(budget, &value)?;
    given.pay(budget)?;
    filter(budget, value, given).map_err(|failure| within(failure, name))
}
