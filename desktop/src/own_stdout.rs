//! Standard output for results alone.
//!
//! Libraries write there too: Qualcomm's compiler says `# LIBNATIVE..` when it starts, and may say it as late as the end
//! of the process. So where programs read along, this command keeps the real standard output under another descriptor
//! and points the usual one to standard error, for good. Only Unix has the means without unsafe code; elsewhere readers
//! skip lines that do not begin with `{`.

use std::fs::File;
use std::io::{self, Write};
use std::sync::OnceLock;

static OWN: OnceLock<File> = OnceLock::new();

/// From here on standard output has what is written to [`writer`] and nothing else.
pub(crate) fn take() -> io::Result<()> {
    #[cfg(unix)]
    if OWN.get().is_none() {
        let kept = rustix::io::fcntl_dupfd_cloexec(rustix::stdio::stdout(), 3)?;
        rustix::stdio::dup2_stdout(rustix::stdio::stderr())?;
        OWN.get_or_init(|| kept.into());
    }
    Ok(())
}

/// Standard output; unbuffered once it was taken.
pub(crate) fn writer() -> Box<dyn Write> {
    match OWN.get() {
        Some(own) => Box::new(own),
        None => Box::new(io::stdout().lock()),
    }
}
