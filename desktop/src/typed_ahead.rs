//! Lines typed while an answer is written: `/now` asks for the answer at once, others are the next inputs.
//!
//! A thread reads the terminal, and only while there is something to read or until the turn is over: what is typed
//! after that belongs to the prompt again. The terminal stays in its usual mode: lines can be edited, Ctrl-C works.

use wheelwork::AnswerNow;

/// What asks for the answer.
pub(crate) const NOW: &str = "/now";

#[cfg(unix)]
pub(crate) use unix::Listener;

#[cfg(not(unix))]
pub(crate) use elsewhere::Listener;

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

#[cfg(not(unix))]
mod elsewhere {
    use super::AnswerNow;

    /// Nothing is read ahead: the standard library cannot give up a read that has begun.
    pub(crate) struct Listener;

    impl Listener {
        pub(crate) fn start(_: AnswerNow) -> Option<Self> {
            None
        }

        pub(crate) fn finish(self) -> Vec<String> {
            Vec::new()
        }
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

#[cfg(all(test, unix))]
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
        let (read, write) = std::io::pipe().unwrap();
        let mut write = write;
        let answer_now = AnswerNow::new();
        let listener = Listener::on(read.try_clone().unwrap().into(), answer_now.clone()).unwrap();
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
