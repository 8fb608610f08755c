//! The end of a test that hangs: it says which one it was and takes the program down.

use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::thread;
use std::time::Duration;

/// Many times what a test takes on a machine that has other things to do.
const LIMIT: Duration = Duration::from_secs(120);

/// Held by a test while it runs.
pub(crate) struct Limit {
    _running: Sender<()>,
}

impl Limit {
    pub(crate) fn start() -> Self {
        let (running, ended) = mpsc::channel::<()>();
        let test = thread::current().name().unwrap_or_default().to_owned();
        thread::spawn(move || {
            if ended.recv_timeout(LIMIT) == Err(RecvTimeoutError::Timeout) {
                // Past the capture of the test's output, which would be lost.
                let _ =
                    std::io::Write::write_all(&mut std::io::stderr(), format!("{test} hangs\n").as_bytes());
                std::process::abort();
            }
        });
        Self { _running: running }
    }
}
