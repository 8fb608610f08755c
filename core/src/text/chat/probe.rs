//! Conversations that a template must be able to take. They are rendered before a package is made of a checkpoint, so that
//! what can't run is named then, and not when somebody asks.

use serde_json::json;

use super::{ChatError, ChatTemplate, FunctionCall, Message, ToolCall};
use crate::text::tokenizer::Tokenizer;
use crate::text::tools::Tool;

impl ChatTemplate {
    /// Renders conversations of one turn, of three turns and of an answer without reasoning, and others with a system
    /// message and with tools. A template may refuse the latter two, in its own words.
    ///
    /// # Errors
    /// As [`ChatTemplate::prompt_with_tools`], but none where the tokenizer has no template's tokens.
    pub fn probe(&self, tokenizer: &Tokenizer) -> Result<(), ChatError> {
        let turn = |question: &str, answer: &str| [Message::user(question), Message::assistant(answer)];
        let asked = [Message::user("And <b>2</b>?")];
        let one = asked.to_vec();
        let three = [
            &turn("What is 1 + 1?", "<think>\n1 + 1 = 2\n</think>\n\n2")[..],
            &turn("And \"1 + 2\"?", "3\n"),
            &asked,
        ];
        let without_reasoning = [&turn("What is 1 + 1?", "<think>\n\n</think>\n\n2")[..], &asked];
        for messages in [one, three.concat(), without_reasoning.concat()] {
            match self.prompt(tokenizer, &messages) {
                Err(ChatError::NoTemplate { .. }) => return Ok(()),
                prompt => prompt?,
            };
        }
        let system = [&[Message::system("Be brief.")][..], &asked].concat();
        allowed(self.prompt(tokenizer, &system))?;
        if self.takes_tools() {
            let function =
                FunctionCall { name: "weather".to_owned(), arguments: json!("{\"city\": \"Bern\"}") };
            let call = ToolCall { id: None, kind: "function".to_owned(), function };
            let called =
                [Message::user("What is the weather?"), self.calling(vec![call]), Message::tool("sunny")];
            allowed(self.prompt_with_tools(tokenizer, &called, &[weather()]))?;
        }
        Ok(())
    }
}

/// What a template refuses, or what fails as it fails in transformers, may be refused.
fn allowed<T>(prompt: Result<T, ChatError>) -> Result<(), ChatError> {
    match prompt {
        Ok(_) | Err(ChatError::Refused { .. } | ChatError::Render { .. }) => Ok(()),
        Err(error) => Err(error),
    }
}

fn weather() -> Tool {
    Tool {
        name: "weather".to_owned(),
        description: "The weather in a city.".to_owned(),
        parameters: json!({
            "type": "object",
            "properties": {"city": {"type": "string", "description": "Its name."}, "days": {"type": "integer"}},
            "required": ["city"],
        }),
    }
}
