//! What a person sees: the command in a real terminal (tmux) of 40 and of 100 columns, with and without colour, and without
//! a terminal, compared screen by screen with `tests/screens/`.
//!
//! `WHEELWORK_UPDATE_SCREENS=1` writes the screens anew: look at the difference before you commit it.
#![cfg(unix)]
// A failed expectation is this file's way to speak.
#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stdout)]

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use regex::Regex;

/// Longer than any of these takes on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);

/// A terminal with a shell in it.
struct Terminal {
    socket: String,
    folder: tempfile::TempDir,
}

impl Terminal {
    /// `None` where tmux is not installed.
    fn open(columns: u32, environment: &[(&str, &str)]) -> Option<Self> {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        if Command::new("tmux").arg("-V").stdout(Stdio::null()).status().is_err() {
            println!("SKIPPED: tmux is not installed, so nobody looked at the screens");
            return None;
        }
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let terminal = Self {
            socket: format!("wheelwork-{}-{count}", std::process::id()),
            folder: tempfile::tempdir().unwrap(),
        };
        let mut tmux = terminal.tmux();
        tmux.args(["-f", "/dev/null", "new-session", "-d", "-x", &columns.to_string(), "-y", "60"]);
        // Words of their own, so that no shell of the person's comes between.
        tmux.args(["env", "-u", "NO_COLOR"]);
        let own = terminal.environment();
        let own = own.iter().map(|(name, value)| (*name, value.as_str()));
        tmux.args(own.chain(environment.iter().copied()).map(|(name, value)| format!("{name}={value}")));
        let output = tmux.arg("sh").output().unwrap();
        assert!(output.status.success(), "{output:?}");
        // Made before, so that no screen tells of it.
        terminal.enter("wheelwork inspect tiny-r1 >made 2>&1; clear");
        terminal
            .wait_for(|_| terminal.folder.path().join("made").metadata().is_ok_and(|made| made.len() > 0));
        Some(terminal)
    }

    fn environment(&self) -> Vec<(&'static str, String)> {
        let at = |name: &str| self.folder.path().join(name).display().to_string();
        let programs = Path::new(env!("CARGO_BIN_EXE_wheelwork")).parent().unwrap();
        let path = format!("{}:{}", programs.display(), std::env::var("PATH").unwrap_or_default());
        let mut variables = vec![
            ("PATH", path),
            ("PS1", "$ ".to_owned()),
            ("WHEELWORK_MODELS_DIR", at("models")),
            ("XDG_DATA_HOME", at("data")),
            ("XDG_CACHE_HOME", at("cache")),
        ];
        if let Ok(library) = std::env::var("ORT_DYLIB_PATH") {
            variables.push(("ORT_DYLIB_PATH", library));
        }
        variables
    }

    fn tmux(&self) -> Command {
        let mut tmux = Command::new("tmux");
        tmux.args(["-L", &self.socket]).current_dir(self.folder.path());
        tmux
    }

    fn keys(&self, keys: &[&str]) {
        assert!(self.tmux().arg("send-keys").args(keys).status().unwrap().success());
    }

    /// Types a line.
    fn enter(&self, line: &str) {
        self.keys(&["-l", line]);
        self.keys(&["Enter"]);
    }

    /// What stands on the screen; with the escapes of its colours where `colours` says so.
    fn screen(&self, colours: bool) -> String {
        let mut tmux = self.tmux();
        tmux.args(["capture-pane", "-p"]).args(colours.then_some("-e"));
        let text = String::from_utf8(tmux.output().unwrap().stdout).unwrap();
        let lines: Vec<_> = text.trim_end().lines().map(str::trim_end).collect();
        lines.join("\n") + "\n"
    }

    fn wait_for(&self, is_there: impl Fn(&str) -> bool) {
        let start = Instant::now();
        while !is_there(&self.screen(false)) {
            assert!(start.elapsed() < PATIENCE, "it does not come:\n{}", self.screen(false));
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// Waits until the prompt of `chat` stands alone in the last line, so often in all.
    fn wait_for_prompt(&self, times: usize) {
        self.wait_for(|screen| {
            screen.trim_end_matches('\n').ends_with("\n>")
                && screen.lines().filter(|line| line.starts_with('>')).count() >= times
        });
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        let _ = self.tmux().arg("kill-server").status();
    }
}

/// Without figures that differ from run to run and from machine to machine.
fn steady(text: &str) -> String {
    let figure = Regex::new(r"[0-9]+(\.[0-9]+)?( |\n)(tokens/s|threads?\b)").unwrap();
    figure.replace_all(text, "#$2$3").into_owned()
}

/// Compares with the screen of that name.
fn compare(name: &str, found: &str) {
    let path: PathBuf = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/screens").join(name);
    let found = steady(found).replace('\u{1b}', "␛");
    if std::env::var_os("WHEELWORK_UPDATE_SCREENS").is_some() {
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, &found).unwrap();
        return;
    }
    let expected = std::fs::read_to_string(&path).unwrap();
    assert!(found == expected, "{name}: expected\n{expected}\nfound\n{found}");
}

const CHAT: &str = "clear; wheelwork chat --temperature 0";

/// A conversation: the first screen, an answer, a line that Ctrl-C clears, a text over two lines, and the way out.
fn conversation(terminal: &Terminal) {
    terminal.enter(CHAT);
    terminal.wait_for_prompt(1);
    terminal.enter("12 + 30 = ?");
    terminal.wait_for_prompt(2);
    terminal.keys(&["-l", "half a line"]);
    terminal.wait_for(|screen| screen.contains("half a line"));
    terminal.keys(&["C-c"]);
    terminal.wait_for_prompt(3);
    terminal.enter("/reasoning hide");
    terminal.wait_for_prompt(4);
    terminal.enter("\"\"\"");
    terminal.enter("9 * 7 = ?");
    terminal.enter("\"\"\"");
    terminal.wait_for(|screen| screen.contains("63"));
    terminal.wait_for_prompt(5);
}

#[test]
fn a_conversation_in_a_wide_terminal_with_colour() {
    let Some(terminal) = Terminal::open(100, &[]) else { return };
    conversation(&terminal);
    compare("chat-100-colour.txt", &terminal.screen(true));
    terminal.keys(&["-l", "/sa"]);
    terminal.keys(&["Tab"]);
    terminal.wait_for(|screen| screen.trim_end().ends_with("/save"));
    terminal.enter(" talk.session");
    terminal.wait_for(|screen| screen.contains("saved: 4 messages"));
    terminal.enter("exit");
    terminal.wait_for(|screen| screen.trim_end().ends_with("\n$"));
    // The next day, the lines of before are there.
    terminal.enter(CHAT);
    terminal.wait_for_prompt(1);
    terminal.keys(&["Up", "Up"]);
    terminal.wait_for(|screen| screen.trim_end().ends_with("/save talk.session"));
}

#[test]
fn a_conversation_in_a_narrow_terminal_with_colour() {
    let Some(terminal) = Terminal::open(40, &[]) else { return };
    conversation(&terminal);
    compare("chat-40-colour.txt", &terminal.screen(true));
}

#[test]
fn a_conversation_in_a_narrow_terminal_without_colour() {
    let Some(terminal) = Terminal::open(40, &[("NO_COLOR", "1")]) else { return };
    conversation(&terminal);
    compare("chat-40-plain.txt", &terminal.screen(true));
}

#[test]
fn a_conversation_in_a_wide_terminal_without_colour() {
    let Some(terminal) = Terminal::open(100, &[("NO_COLOR", "1")]) else { return };
    conversation(&terminal);
    compare("chat-100-plain.txt", &terminal.screen(true));
}

#[test]
fn help_and_lists_in_a_wide_terminal() {
    let Some(terminal) = Terminal::open(100, &[]) else { return };
    for (name, line) in [
        ("help-100.txt", "wheelwork -h"),
        ("chat-help-100.txt", "wheelwork chat -h"),
        ("list-100.txt", "wheelwork ls"),
        ("hub-name-100.txt", "wheelwork chat --model deepseek-ai/DeepSeek-R1-Distill-Qwen-1.5B"),
    ] {
        terminal.enter(&format!("clear; {line}; echo; echo {name}"));
        terminal.wait_for(|screen| screen.contains(&format!("\n{name}\n$")));
        compare(name, &terminal.screen(false));
    }
}

#[test]
fn help_in_a_narrow_terminal() {
    let Some(terminal) = Terminal::open(40, &[]) else { return };
    terminal.enter(
        "clear; wheelwork -h >text 2>&1; wc -l text; wheelwork run tiny-r1 --temperature 0 '12 + 30 = ?'",
    );
    terminal.wait_for(|screen| screen.contains("answer"));
    terminal.wait_for(|screen| screen.trim_end().ends_with("\n$"));
    compare("run-40.txt", &terminal.screen(true));
}

#[test]
fn without_a_terminal_there_is_no_escape_and_the_reasoning_is_marked() {
    let models = tempfile::tempdir().unwrap();
    let command = |arguments: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_wheelwork"));
        command.args(arguments).env("WHEELWORK_MODELS_DIR", models.path());
        command
    };
    assert!(command(&["inspect", "tiny-r1"]).output().unwrap().status.success());
    let mut child = command(&["chat", "--temperature", "0"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // Two lines are one text.
    std::io::Write::write_all(&mut child.stdin.take().unwrap(), b"12 + 30\n= ?\n").unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success());
    let text = String::from_utf8([output.stdout, b"--\n".to_vec(), output.stderr].concat()).unwrap();
    assert!(!text.contains('\u{1b}'), "{text:?}");
    assert_eq!(text.matches("[answer]").count(), 1, "{text}");
    compare("pipe.txt", &text);

    let output = command(&["chat"]).stdin(Stdio::null()).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8(output.stderr).unwrap().contains("there is no question"));
}
