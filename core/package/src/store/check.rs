//! What a caller wants to know of a package before it gets its name.

use std::fmt;
use std::path::Path;
use std::sync::Arc;

use wheelwork_diagnostic::Diagnostic;

type Check = dyn Fn(&Path) -> Result<(), Box<dyn Diagnostic>> + Send + Sync;

/// A look of the caller's at a complete package folder that has no name yet. What it refuses never gets one, and the
/// version before stays.
#[derive(Clone)]
pub struct PackageCheck(Arc<Check>);

impl PackageCheck {
    /// `check` is given the folder.
    pub fn new<E: Diagnostic>(check: impl Fn(&Path) -> Result<(), E> + Send + Sync + 'static) -> Self {
        Self(Arc::new(move |folder| {
            check(folder).map_err(|error| -> Box<dyn Diagnostic> { Box::new(error) })
        }))
    }

    pub(super) fn run(&self, folder: &Path) -> Result<(), Box<dyn Diagnostic>> {
        (self.0)(folder)
    }
}

impl fmt::Debug for PackageCheck {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("PackageCheck")
    }
}
