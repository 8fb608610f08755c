//! Where a template comes from: the model's folder, or R1's conversation in our words.

use std::path::Path;

use serde_json::{Map, Value};
use wheelwork_package::files::names;
use wheelwork_package::{PackageError, json, tokenizer_file, vfs};

use super::ChatError;

/// The file that newer checkpoints keep the template in.
const TEMPLATE_FILE: &str = names::CHAT_TEMPLATE;

/// R1's conversation. Of several system messages the last counts, and an earlier answer loses its reasoning, as
/// in DeepSeek's own template; unlike there, tools are refused, for which the distils were not trained.
const R1: &str = "\
{{ bos_token }}\
{%- for message in messages if message.role == 'system' %}\
{%- if loop.last %}{{ message.content }}{% endif %}{% endfor -%}\
{%- for message in messages -%}\
{%- if message.role == 'user' %}{{ '<｜User｜>' + message.content }}\
{%- elif message.role == 'assistant' and not message.tool_calls %}\
{{ '<｜Assistant｜>' + message.content.split('</think>')[-1] ~ eos_token }}\
{%- elif message.role != 'system' %}{{ raise_exception('this template has no tools') }}\
{%- endif -%}{%- endfor -%}\
{%- if add_generation_prompt %}{{ '<｜Assistant｜>' }}{% endif %}";
/// What R1's newer template adds.
const R1_OPENING: &str = "{%- if add_generation_prompt %}{{ '<think>\\n' }}{% endif %}";

/// The tokens that [`r1`] needs, besides the first and the last of a sequence.
pub(super) const R1_TOKENS: [&str; 2] = ["<｜User｜>", "<｜Assistant｜>"];

pub(super) fn r1(opens_reasoning: bool) -> String {
    if opens_reasoning { format!("{R1}{R1_OPENING}") } else { R1.to_owned() }
}

/// What of a model's folder matters here.
pub(super) struct FolderTemplate {
    pub(super) source: Option<String>,
    /// The texts of special tokens, by name.
    pub(super) tokens: Vec<(&'static str, String)>,
}

/// Reads `chat_template.jinja`, else the `chat_template` of `tokenizer_config.json`.
pub(super) fn read(folder: &Path) -> Result<FolderTemplate, ChatError> {
    let config: Map<String, Value> = json::read(&folder.join(names::TOKENIZER_CONFIG))?;
    let file = folder.join(TEMPLATE_FILE);
    let source = if vfs::stands(&file).map_err(PackageError::from)? {
        let bytes = json::read_bytes(&file, json::JSON_BYTES_LIMIT)?;
        let invalid = |_| ChatError::Template { detail: format!("{TEMPLATE_FILE} is not UTF-8") };
        Some(String::from_utf8(bytes).map_err(invalid)?)
    } else {
        let template = config.get("chat_template").filter(|template| !template.is_null());
        template.map(template_text).transpose()?
    };
    Ok(FolderTemplate { source, tokens: tokenizer_file::special_texts(folder)? })
}

/// A template as text, or a list of named ones: the one named `default`, or the only one.
fn template_text(value: &Value) -> Result<String, ChatError> {
    let text = match value {
        Value::Array(entries) => {
            let default =
                entries.iter().find(|entry| entry.get("name").and_then(Value::as_str) == Some("default"));
            let only = entries.first().filter(|_| entries.len() == 1);
            default.or(only).and_then(|entry| entry.get("template")).and_then(Value::as_str)
        }
        other => other.as_str(),
    };
    text.map(str::to_owned).ok_or_else(|| ChatError::Template {
        detail: "`chat_template` is neither text nor a list with an entry named `default`".to_owned(),
    })
}
