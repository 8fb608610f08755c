//! `wheelwork prompt`: what the model will see.

use serde_json::json;
use wheelwork::chat::{ChatTemplate, Message};
use wheelwork::tokenizer::Tokenizer;

use crate::arguments::PromptArguments;
use crate::failure::Failure;
use crate::{input_file, model_source, output};

pub(crate) fn run(arguments: &PromptArguments, json: bool) -> Result<(), Failure> {
    let folder = match &arguments.tokenizer {
        Some(folder) => folder.clone(),
        None => {
            let source = &arguments.model;
            let root = model_source::folder(source.model.as_deref(), source.models_dir.as_deref())?;
            let package = wheelwork_package::open(&root)?;
            // Text is the same in every variant.
            package.variants.into_values().next().map_or(root, |variant| variant.folder)
        }
    };
    let tokenizer = Tokenizer::from_folder(&folder)?;
    let template = match arguments.template.as_deref() {
        None => ChatTemplate::from_folder(&folder)?,
        Some("older") => ChatTemplate::from_folder(&folder)?.r1_older()?,
        Some("newer") => ChatTemplate::from_folder(&folder)?.r1_newer()?,
        Some(file) => ChatTemplate::from_folder(&folder)?.with_source(input_file::read(file.as_ref())?)?,
    };
    let messages: Vec<Message> = input_file::read_json(&arguments.messages)?;
    let prompt = template.prompt(&tokenizer, &messages)?;
    let line = json!({ "text": prompt.text, "ids": prompt.ids, "opens_reasoning": prompt.opens_reasoning });
    output::tell(json, &line, || {
        let ids = prompt.ids.iter().map(u32::to_string).collect::<Vec<_>>().join(",");
        anstream::println!("{}\n\n{ids}", prompt.text);
    })
}
