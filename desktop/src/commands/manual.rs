//! `wheelwork manual`: a man page for each command, of what `--help` says.

use crate::arguments::{ManualArguments, command};
use crate::failure::Failure;

pub(crate) fn run(arguments: &ManualArguments) -> Result<(), Failure> {
    Ok(clap_mangen::generate_to(command(), &arguments.out)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_command_that_is_shown_has_a_page() {
        let folder = tempfile::tempdir().unwrap();
        run(&ManualArguments { out: folder.path().to_owned() }).unwrap();
        let names = std::fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name());
        let mut pages: Vec<_> = names.map(|name| name.into_string().unwrap()).collect();
        let whole = command();
        let shown =
            whole.get_subcommands().filter(|one| !one.is_hide_set()).map(|one| one.get_name().to_owned());
        let mut expected: Vec<_> = shown.map(|name| format!("wheelwork-{name}.1")).collect();
        expected.push("wheelwork.1".into());
        pages.sort();
        expected.sort();
        assert_eq!(pages, expected);
        let page = std::fs::read_to_string(folder.path().join("wheelwork-chat.1")).unwrap();
        assert!(page.contains("temperature"), "{page}");
    }
}
