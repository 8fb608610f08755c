//! The commands that begin with a slash, and what `/help` says of them.

/// What Tab completes.
pub(super) const NAMES: &[&str] = &[
    "/bye",
    "/clear",
    "/help",
    "/info",
    "/new",
    "/now",
    "/quit",
    "/reasoning",
    "/resume",
    "/save",
    "/think",
    "/tool",
];

/// What leaves without a slash.
pub(super) const GOODBYES: &[&str] = &["exit", "quit", "bye"];

pub(super) const HELP: &str = "  /clear, /new             start a new conversation
  /think auto|off|LIMITS   how much to reason: 500 (tokens), 30s, or 500,30s
  /reasoning show|hide     whether the reasoning is shown
  /now                     while it reasons: answer with what it has; other lines wait for their turn
  /save FILE               save the conversation; `chat --session FILE` goes on from it
  /resume                  go on with an answer that an earlier run left unfinished
  /tool RESULT             give the result of a tool's call, and have it answered
  /info                    model, device and cache
  /bye, /quit, exit        leave (also Ctrl-D)
  /help                    this list
  \"\"\"                      begins and ends a text over several lines
Tab completes, the arrow keys bring earlier lines. Ctrl-C ends an answer, or clears the line.";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_help_names_every_command() {
        for name in NAMES {
            assert!(HELP.contains(name), "{name}");
        }
    }
}
