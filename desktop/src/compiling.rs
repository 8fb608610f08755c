//! Graphs that are compiled for a device at its first use: told, and waited for at the end.
//!
//! A model that is opened on the CPU meanwhile goes on compiling in the background. The process waits for that
//! before it ends, because the provider's libraries do not bear being taken down at work, and so that the result is there
//! the next time.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use wheelwork::{Compilation, CompilationState, CompileWatch, Model};

/// Something is or was compiled in this process.
static HAS_BEGUN: AtomicBool = AtomicBool::new(false);

/// What goes on in the background of this process.
static UNDER_WAY: Mutex<Vec<Arc<Compilation>>> = Mutex::new(Vec::new());

/// Says on stderr which graph is compiled.
pub(crate) fn watch() -> CompileWatch {
    CompileWatch::new(|step| {
        HAS_BEGUN.store(true, Ordering::Relaxed);
        anstream::eprintln!(
            "compiling {} for this system-on-chip, {} of {} (once) ...",
            step.graph,
            step.number,
            step.graphs
        );
    })
}

/// Notes what an open has begun.
pub(crate) fn note(model: &Model) {
    if let Some(compilation) = model.compilation() {
        UNDER_WAY.lock().unwrap_or_else(PoisonError::into_inner).push(Arc::clone(compilation));
    }
}

/// Ends the process at once, which has been asked for twice. Once it compiles, an ordinary end would have the provider's
/// libraries be taken down at work, and crash.
pub(crate) fn leave() -> ! {
    #[cfg(unix)]
    if HAS_BEGUN.load(Ordering::Relaxed) {
        let _ = rustix::process::kill_process(rustix::process::getpid(), rustix::process::Signal::KILL);
    }
    #[allow(clippy::exit)]
    std::process::exit(130)
}

/// Waits for what was noted, and says so.
pub(crate) fn finish() {
    let under_way = std::mem::take(&mut *UNDER_WAY.lock().unwrap_or_else(PoisonError::into_inner));
    for compilation in under_way {
        if compilation.state() == CompilationState::UnderWay {
            anstream::eprintln!(
                "graphs are still being compiled for the next time; Ctrl-C twice leaves without them ..."
            );
        }
        if let CompilationState::Failed { reason, detail } = compilation.wait(Duration::MAX) {
            let detail = detail.map_or_else(String::new, |detail| format!(": {detail}"));
            anstream::eprintln!("the device is not used because {}{detail}", reason.describe());
        }
    }
}
