//! What the answer must look like, and which functions the model may call.

use std::path::PathBuf;

use clap::Args;
use wheelwork::{Options, OutputFormat, Tool, ToolChoice};

use crate::failure::Failure;
use crate::input_file;

/// At most one form; the reasoning is never touched by it.
#[derive(Debug, Args)]
#[command(next_help_heading = "Output constraint and tools")]
pub(crate) struct FormArguments {
    /// The answer is JSON of this schema: a file, or '{"type": "integer"}'
    #[arg(long, value_name = "FILE|JSON", group = "form")]
    pub(crate) schema: Option<String>,
    /// The whole answer matches this expression, as in '[0-9]{1,3}'
    #[arg(long, value_name = "REGEX", group = "form")]
    pub(crate) regex: Option<String>,
    /// The answer is a text of this Lark grammar, which begins with the rule `start`
    #[arg(long, value_name = "FILE", group = "form", hide_short_help = true)]
    pub(crate) grammar: Option<PathBuf>,
    /// Functions that the model may call, in OpenAI's form
    ///
    /// [{"name": .., "description": .., "parameters": SCHEMA}, ..]
    #[arg(long, value_name = "FILE")]
    pub(crate) tools: Option<PathBuf>,
    /// Whether the answer must be a call; then its arguments keep to the schemas
    #[arg(long, value_enum, default_value_t = Choice::Auto, requires = "tools", hide_short_help = true)]
    pub(crate) tool_choice: Choice,
}

choice! {
    pub(crate) enum Choice => ToolChoice {
        /// As the model likes; best effort with models that were not trained for it, R1's distils among them
        Auto => ToolChoice::Auto,
        /// One or more calls and nothing else
        Required => ToolChoice::Required,
    }
}

impl FormArguments {
    /// The options with form and tools.
    pub(crate) fn options(&self, options: Options) -> Result<Options, Failure> {
        Ok(Options {
            output: self.output()?,
            tools: self.tools()?,
            tool_choice: self.tool_choice.into(),
            ..options
        })
    }

    fn output(&self) -> Result<Option<OutputFormat>, Failure> {
        if let Some(schema) = &self.schema {
            let text = if schema.trim_start().starts_with('{') {
                schema.clone()
            } else {
                input_file::read(schema.as_ref())?
            };
            return Ok(Some(OutputFormat::json_schema(&text).map_err(wheelwork::Error::from)?));
        }
        if let Some(path) = &self.grammar {
            return Ok(Some(OutputFormat::Lark(input_file::read(path)?)));
        }
        Ok(self.regex.clone().map(OutputFormat::Regex))
    }

    fn tools(&self) -> Result<Vec<Tool>, Failure> {
        let Some(path) = &self.tools else { return Ok(Vec::new()) };
        input_file::read_json(path)
    }
}
