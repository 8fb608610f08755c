//! Lines typed while an answer is written: `/now` asks for the answer at once, others are the next inputs.
//!
//! A thread reads the terminal, and only while there is something to read or until the turn is over: what is typed
//! after that belongs to the prompt again. The terminal stays in its usual mode: lines can be edited, Ctrl-C works.

use wheelwork::AnswerNow;

/// What asks for the answer.
pub(crate) const NOW: &str = "/now";

#[cfg(unix)]
pub(crate) use unix::Listener;

#[cfg(windows)]
pub(crate) use windows::Listener;

#[cfg(unix)]
mod unix {
    use std::io::IsTerminal;
    use std::os::fd::{AsFd, OwnedFd};
    use std::thread::JoinHandle;

    use rustix::event::{PollFd, PollFlags, poll};

    use super::{AnswerNow, Lines};

    /// Reads the terminal until it is dropped or finished.
    pub(crate) struct Listener {
        thread: JoinHandle<Vec<String>>,
        /// Closed, it ends the thread.
        _open: OwnedFd,
    }

    impl Listener {
        /// None where the input is no terminal: then it is not ours to read ahead.
        pub(crate) fn start(answer_now: AnswerNow) -> Option<Self> {
            let stdin = std::io::stdin();
            stdin
                .is_terminal()
                .then(|| Self::on(stdin.as_fd().try_clone_to_owned().ok()?, answer_now))
                .flatten()
        }

        pub(super) fn on(input: OwnedFd, answer_now: AnswerNow) -> Option<Self> {
            let (closed, open) = rustix::pipe::pipe().ok()?;
            let thread = std::thread::Builder::new().name("typed ahead".into());
            let thread = thread.spawn(move || listen(&input, &closed, answer_now)).ok()?;
            Some(Self { thread, _open: open })
        }

        /// Stops reading; gives the lines that were no `/now`.
        pub(crate) fn finish(self) -> Vec<String> {
            let Self { thread, _open: open } = self;
            drop(open);
            // The thread only reads and splits; should it panic, nothing was typed.
            thread.join().unwrap_or_default()
        }
    }

    fn listen(input: &OwnedFd, closed: &OwnedFd, answer_now: AnswerNow) -> Vec<String> {
        let mut lines = Lines::new(answer_now);
        let mut bytes = [0; 1024];
        loop {
            let mut ready = [PollFd::new(input, PollFlags::IN), PollFd::new(closed, PollFlags::IN)];
            let Ok(_) = poll(&mut ready, None) else { continue };
            if !ready[1].revents().is_empty() {
                return lines.rest;
            }
            match rustix::io::read(input, &mut bytes) {
                // The end of the input, or none to be had: nothing more will come.
                Ok(0) => return lines.rest,
                Ok(count) => lines.push(bytes.get(..count).unwrap_or_default()),
                Err(rustix::io::Errno::INTR | rustix::io::Errno::AGAIN) => {}
                Err(_) => return lines.rest,
            }
        }
    }
}

#[cfg(windows)]
mod windows {
    use std::io::{self, BufRead, IsTerminal};
    use std::sync::Arc;
    use std::sync::atomic::{AtomicBool, Ordering};
    use std::thread::JoinHandle;
    use std::time::Duration;

    use wheelwork_windows::end_read;

    use super::{AnswerNow, Lines};

    /// How often the thread is asked to end: it may not be reading at that instant.
    const PAUSE: Duration = Duration::from_millis(5);

    /// Reads the console until it is finished. What is half typed by then is lost, unlike on Unix.
    pub(crate) struct Listener {
        thread: JoinHandle<Vec<String>>,
        is_over: Arc<AtomicBool>,
    }

    impl Listener {
        /// None where the input is no console: then it is not ours to read ahead.
        pub(crate) fn start(answer_now: AnswerNow) -> Option<Self> {
            let read_line = |line: &mut Vec<u8>| io::stdin().lock().read_until(b'\n', line);
            io::stdin().is_terminal().then(|| Self::on(read_line, answer_now)).flatten()
        }

        /// `read_line` is what `BufRead::read_until` does.
        pub(super) fn on(
            read_line: impl FnMut(&mut Vec<u8>) -> io::Result<usize> + Send + 'static,
            answer_now: AnswerNow,
        ) -> Option<Self> {
            let is_over = Arc::new(AtomicBool::new(false));
            let told = Arc::clone(&is_over);
            let thread = std::thread::Builder::new().name("typed ahead".into());
            let thread = thread.spawn(move || listen(read_line, &told, answer_now)).ok()?;
            Some(Self { thread, is_over })
        }

        /// Stops reading; gives the lines that were no `/now`.
        pub(crate) fn finish(self) -> Vec<String> {
            let Self { thread, is_over } = self;
            is_over.store(true, Ordering::Relaxed);
            while !thread.is_finished() {
                end_read(&thread);
                std::thread::sleep(PAUSE);
            }
            // The thread only reads and splits; should it panic, nothing was typed.
            thread.join().unwrap_or_default()
        }
    }

    fn listen(
        mut read_line: impl FnMut(&mut Vec<u8>) -> io::Result<usize>,
        is_over: &AtomicBool,
        answer_now: AnswerNow,
    ) -> Vec<String> {
        let mut lines = Lines::new(answer_now);
        while !is_over.load(Ordering::Relaxed) {
            let mut line = Vec::new();
            match read_line(&mut line) {
                // The end of the input, or of this listening.
                Ok(0) | Err(_) => break,
                Ok(_) => lines.push(&line),
            }
        }
        lines.rest
    }
}

/// Bytes of a terminal as lines.
struct Lines {
    answer_now: AnswerNow,
    line: Vec<u8>,
    rest: Vec<String>,
}

impl Lines {
    fn new(answer_now: AnswerNow) -> Self {
        Self { answer_now, line: Vec::new(), rest: Vec::new() }
    }

    fn push(&mut self, bytes: &[u8]) {
        for byte in bytes {
            if *byte != b'\n' {
                self.line.push(*byte);
                continue;
            }
            let line = String::from_utf8_lossy(&self.line).trim().to_owned();
            self.line.clear();
            match line.as_str() {
                NOW => self.answer_now.request(),
                "" => {}
                _ => self.rest.push(line),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    #[test]
    fn now_asks_for_the_answer_and_other_lines_wait() {
        let answer_now = AnswerNow::new();
        let mut lines = Lines::new(answer_now.clone());
        lines.push(b"2 + ");
        lines.push(b"2 = ?\n\n");
        assert!(!answer_now.is_wanted());
        lines.push(b" /now \n");
        assert!(answer_now.is_wanted());
        assert_eq!(lines.rest, ["2 + 2 = ?"]);
    }

    #[test]
    fn what_is_typed_after_the_turn_is_left_to_the_prompt() {
        let (read, mut write) = std::io::pipe().unwrap();
        let answer_now = AnswerNow::new();
        #[cfg(unix)]
        let input = read.try_clone().unwrap().into();
        #[cfg(windows)]
        let input = {
            use std::io::BufRead;
            let mut reader = std::io::BufReader::new(read.try_clone().unwrap());
            move |line: &mut Vec<u8>| reader.read_until(b'\n', line)
        };
        let listener = Listener::on(input, answer_now.clone()).unwrap();
        write.write_all(b"first\n/now\n").unwrap();
        while !answer_now.is_wanted() {
            std::thread::yield_now();
        }
        assert_eq!(listener.finish(), ["first"]);
        write.write_all(b"second\n").unwrap();
        drop(write);
        assert_eq!(std::io::read_to_string(read).unwrap(), "second\n");
    }
}
