//! `wheelwork --help`: the commands in groups, with what each of them says of itself.

use std::fmt::Write as _;

use clap::CommandFactory;

use super::Arguments;
use crate::terminal::{columns, wrapped};

/// Groups of commands, in the order in which a person meets them.
const GROUPS: &[(&str, &[&str])] = &[
    ("Talk to a model", &["chat", "run", "generate", "prompt"]),
    (
        "Models on this machine",
        &["list", "inspect", "install", "verify", "repair", "remove", "gc", "prepare", "compact", "plan"],
    ),
    ("Make packages", &["quantize", "evaluate", "pack", "unpack", "key", "sign"]),
    ("This machine", &["doctor", "devices", "bench", "device-report"]),
];

/// A name with its alias, and the space behind it.
const NAME_COLUMNS: usize = 16;

const SHORT: &str =
    "`wheelwork COMMAND -h` is short, `--help` has everything; `wheelwork --help` has examples.";

const EXAMPLES: &str = "\
Examples:
  wheelwork chat                                  talk to the small model that ships with wheelwork
  wheelwork chat \"12 + 30 = ?\"                    one question
  wheelwork generate --prompt \"12 + 30 = ?\"       the answer alone, for scripts; --json tells every event
  wheelwork list                                  which models there are
  wheelwork doctor                                what may be missing on this machine

A model of your own, of a checkpoint in a folder:
  wheelwork quantize CHECKPOINT --out r1.ortpackage
  wheelwork chat --model r1.ortpackage

Completions for a shell: wheelwork completions bash|zsh|fish|powershell

ONNX Runtime is looked for in ORT_DYLIB_PATH, then beside this program, then in the system.";

/// The command line with its help.
pub(crate) fn command() -> clap::Command {
    let command = Arguments::command();
    let template = template(&command);
    command.help_template(template).after_help(SHORT).after_long_help(EXAMPLES)
}

fn template(command: &clap::Command) -> String {
    let (bold, heading) = (anstyle::Style::new().bold(), anstyle::Style::new().bold().underline());
    let mut text = String::from("{about}\n{usage-heading} {usage}");
    for (title, names) in GROUPS {
        let _ = write!(text, "\n{heading}{title}:{heading:#}\n");
        for name in *names {
            let Some(found) = command.find_subcommand(name) else { continue };
            let aliases: Vec<_> = found.get_visible_aliases().collect();
            let label = [&[*name], aliases.as_slice()].concat().join(", ");
            let about = found.get_about().map(ToString::to_string).unwrap_or_default();
            let width = columns().saturating_sub(NAME_COLUMNS + 2).max(20);
            let about = wrapped(&about, width, 0).replace('\n', &format!("\n{:1$}", "", NAME_COLUMNS + 2));
            let _ = writeln!(
                text,
                "  {bold}{label}{bold:#}{:1$}{about}",
                "",
                NAME_COLUMNS.saturating_sub(label.len())
            );
        }
    }
    let _ = write!(text, "\n{heading}Options:{heading:#}\n{{options}}{{after-help}}");
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_command_stands_in_one_group() {
        let grouped: Vec<&str> = GROUPS.iter().flat_map(|(_, names)| names.iter().copied()).collect();
        let shown = || -> Vec<_> {
            let all = Arguments::command();
            all.get_subcommands().filter(|command| !command.is_hide_set()).cloned().collect()
        };
        for command in shown() {
            let count = grouped.iter().filter(|name| command.get_name() == **name).count();
            assert_eq!(count, 1, "{}", command.get_name());
        }
        assert_eq!(grouped.len(), shown().len());
    }

    #[test]
    fn short_help_fits_on_a_screen() {
        let mut all = command().term_width(100);
        all.build();
        let names: Vec<_> = all.get_subcommands().map(|command| command.get_name().to_owned()).collect();
        let mut lines = vec![("wheelwork".to_owned(), all.render_help().to_string())];
        for name in names {
            let found = all.find_subcommand_mut(&name).unwrap();
            lines.push((name, found.clone().term_width(100).render_help().to_string()));
        }
        for (name, text) in lines {
            let count = text.lines().count();
            assert!(count <= 40, "{name} -h has {count} lines:\n{text}");
        }
    }
}
