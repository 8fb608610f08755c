//! `assert_matches!`, as the standard library will have it. Other crates' tests include this file too.

/// Panics with the value where it does not match.
macro_rules! assert_matches {
    ($value:expr, $pattern:pat $(if $guard:expr)? $(,)?) => {
        match $value {
            $pattern $(if $guard)? => {}
            value => panic!("{value:?}"),
        }
    };
    ($value:expr, $pattern:pat $(if $guard:expr)?, $($place:tt)+) => {
        match $value {
            $pattern $(if $guard)? => {}
            value => panic!("{}: {value:?}", format_args!($($place)+)),
        }
    };
}

pub(crate) use assert_matches;
