//! Listings that are committed and compared, so that a change of the surface is seen in a diff.

use std::path::Path;

use crate::report;
use crate::task_error::TaskError;
use crate::workspace::Workspace;

/// Writes the listings anew.
const BLESS: &str = "WHEELWORK_BLESS";

/// Compares `found` with the committed file, or writes it where the variable is set.
pub(crate) fn check(workspace: &Workspace, golden: &Path, found: &str) -> Result<(), TaskError> {
    let expected = fs_err::read_to_string(golden).unwrap_or_default();
    let Some((old, new)) = difference(&expected, found) else { return Ok(()) };
    let path = workspace.relative(golden);
    if blesses() {
        fs_err::create_dir_all(golden.parent().unwrap_or(golden))?;
        fs_err::write(golden, found)?;
        report::note(&format!("{path} is written"));
        return Ok(());
    }
    Err(TaskError::new(format!("{path} is of another state: it has `{old}`, expected `{new}`"))
        .remedy(format!("where the change is meant, repeat the command with {BLESS}=1 and commit the file")))
}

/// Whether listings are written instead of compared.
pub(crate) fn blesses() -> bool {
    std::env::var_os(BLESS).is_some()
}

/// The first line that differs.
fn difference<'t>(expected: &'t str, found: &'t str) -> Option<(&'t str, &'t str)> {
    let (mut expected, mut found) = (expected.lines(), found.lines());
    loop {
        match (expected.next(), found.next()) {
            (None, None) => return None,
            (left, right) if left == right => {}
            (left, right) => return Some((left.unwrap_or("nothing"), right.unwrap_or("nothing"))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_difference_is_told() {
        assert_eq!(difference("a\nb\n", "a\nb\n"), None);
        assert_eq!(difference("a\nb", "a\nc"), Some(("b", "c")));
        assert_eq!(difference("a", "a\nc"), Some(("nothing", "c")));
    }
}
