//! How many parts messages and tools have, before they are copied.

use serde_json::Value;
use wheelwork_package::budget::MESSAGE_VALUES;

use super::{ChatError, Message};
use crate::text::tools::Tool;

/// How many values there are, at most [`MESSAGE_VALUES`].
pub(super) fn values(messages: &[Message], tools: &[Tool]) -> Result<usize, ChatError> {
    let limit = MESSAGE_VALUES.as_usize();
    let mut count = 0;
    let mut open: Vec<&Value> = tools.iter().map(|tool| &tool.parameters).collect();
    for message in messages {
        // Itself, its role and its content; of a call itself, its function and the two names.
        count += 3 + 4 * message.tool_calls.len();
        open.extend(message.tool_calls.iter().map(|call| &call.function.arguments));
    }
    while let Some(value) = open.pop()
        && count <= limit
    {
        count += 1;
        match value {
            Value::Array(items) => open.extend(items),
            Value::Object(fields) => open.extend(fields.values()),
            _ => {}
        }
    }
    if count > limit { Err(ChatError::TooManyValues { values: count, limit }) } else { Ok(count) }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::text::chat::{FunctionCall, ToolCall};

    #[test]
    fn fi_08_more_parts_than_are_copied_are_refused() {
        let number = usize::try_from(MESSAGE_VALUES.number).unwrap();
        let many = vec![Message::user(""); number / 3];
        assert!(values(&many, &[]).is_ok());
        assert!(matches!(
            values(&vec![Message::user(""); number / 3 + 1], &[]),
            Err(ChatError::TooManyValues { .. })
        ));
        let call = |arguments: Value| {
            let function = FunctionCall { name: "f".into(), arguments };
            vec![Message::calling(vec![ToolCall { id: None, kind: "function".into(), function }])]
        };
        assert_eq!(values(&call(json!([1, {"a": [2]}])), &[]).unwrap(), 3 + 4 + 5);
        assert!(values(&call(json!(vec![0; number])), &[]).is_err());
    }
}
