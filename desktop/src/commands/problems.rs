//! Lists of problems: a JSON object a line, `{"prompt"}` and if wanted `"answer"` and `"task"`.

use std::collections::BTreeMap;
use std::path::Path;

use serde::Deserialize;

use crate::failure::Failure;
use crate::input_file;

/// One problem.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Problem {
    pub(super) prompt: String,
    #[serde(default)]
    pub(super) answer: Option<String>,
    #[serde(default)]
    pub(super) task: Option<String>,
}

/// Sums that any reasoning model can do, the shipped one included.
const DEFAULT: &[(&str, &str)] = &[("478 + 256 = ?", "734"), ("Add 43 and 6.", "49"), ("14 * 2 = ?", "28")];

/// The problems of a list, or `per_task` of each of its tasks, evenly over the list; some sums without one.
///
/// # Errors
/// [`Failure::InputFile`] with the line.
pub(super) fn chosen(list: Option<&Path>, per_task: Option<u32>) -> Result<Vec<Problem>, Failure> {
    let problems = match list {
        Some(path) => read(path)?,
        None => DEFAULT.iter().map(|&(prompt, answer)| Problem::of(prompt, answer)).collect(),
    };
    Ok(match per_task {
        Some(wanted) => evenly(problems, usize::try_from(wanted).unwrap_or(usize::MAX)),
        None => problems,
    })
}

fn read(path: &Path) -> Result<Vec<Problem>, Failure> {
    let text = input_file::read(path)?;
    let lines = (1..).zip(text.lines()).filter(|(_, line)| !line.trim().is_empty());
    let problems = lines.map(|(number, line)| {
        // serde's message may quote the line; its place is enough.
        serde_json::from_str(line).map_err(|error| {
            let column = error.column();
            Failure::input_file(
                path,
                format_args!("line {number}, column {column} is no problem with `prompt`"),
            )
        })
    });
    let problems: Vec<Problem> = problems.collect::<Result<_, _>>()?;
    if problems.is_empty() {
        return Err(Failure::input_file(path, "it has no problems"));
    }
    Ok(problems)
}

/// At most `wanted` of each task, at equal distances; in the order of the list within a task.
fn evenly(problems: Vec<Problem>, wanted: usize) -> Vec<Problem> {
    let mut tasks: BTreeMap<Option<String>, Vec<Problem>> = BTreeMap::new();
    for problem in problems {
        tasks.entry(problem.task.clone()).or_default().push(problem);
    }
    let thin = |problems: Vec<Problem>| {
        let (count, wanted) = (problems.len(), wanted.min(problems.len()));
        let chosen: Vec<_> =
            (0..wanted).filter_map(|index| problems.get(index * count / wanted)).cloned().collect();
        chosen
    };
    tasks.into_values().flat_map(thin).collect()
}

impl Problem {
    fn of(prompt: &str, answer: &str) -> Self {
        Self { prompt: prompt.to_owned(), answer: Some(answer.to_owned()), task: None }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_task_gives_as_many_from_all_over_the_list() {
        let problem = |number: usize| Problem {
            prompt: number.to_string(),
            answer: None,
            task: Some(if number < 9 { "a" } else { "b" }.to_owned()),
        };
        let chosen = evenly((0..11).map(problem).collect(), 3);
        let prompts: Vec<_> = chosen.iter().map(|problem| problem.prompt.as_str()).collect();
        assert_eq!(prompts, ["0", "3", "6", "9", "10"]);
    }

    #[test]
    fn a_bad_line_is_named_without_its_text() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("list.jsonl");
        std::fs::write(&path, "{\"prompt\": \"p\"}\n\n{\"secret\": 1}\n").unwrap();
        let message = chosen(Some(&path), None).unwrap_err().to_string();
        assert!(message.contains("line 3") && !message.contains("secret"), "{message}");
        std::fs::write(&path, "\n").unwrap();
        assert!(chosen(Some(&path), None).unwrap_err().to_string().contains("no problems"));
        assert_eq!(chosen(None, None).unwrap().len(), DEFAULT.len());
    }
}
