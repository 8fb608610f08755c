"""transformers renders and encodes the same conversations to the same text and ids: with the shipped
checkpoint's template, and with both of R1's where `R1_DISTILL_DIR` names a folder with its tokenizer."""

import json
import os
from pathlib import Path

from conversations import CONVERSATIONS
from transformers import AutoTokenizer
from wheelwork import TINY_R1, Verdict, arguments


def compare(folder, template=None, source=None):
    """Every conversation; `template` is our name for it, `source` its text (both absent: the folder's own)."""
    tokenizer = AutoTokenizer.from_pretrained(folder)
    for number, messages in enumerate(CONVERSATIONS, 1):
        what = f"conversation {number} with {folder.name}, template {template or 'of its own'}"
        render = {"add_generation_prompt": True, "chat_template": source}
        text, ids = wheelwork.prompt(folder, messages, template)
        verdict.expect_equal(text, tokenizer.apply_chat_template(messages, tokenize=False, **render), f"text of {what}")
        theirs = tokenizer.apply_chat_template(messages, tokenize=True, return_dict=False, **render)
        verdict.expect_equal(ids, theirs, f"ids of {what}")


wheelwork, _ = arguments()
verdict = Verdict()
compare(TINY_R1)
r1 = os.environ.get("R1_DISTILL_DIR")
if r1:
    templates = json.loads(Path(r1, "chat-templates.json").read_text(encoding="utf-8"))
    for name, source in templates.items():
        compare(Path(r1), name, source)
else:
    print("R1_DISTILL_DIR is not set: R1's own templates are skipped")
verdict.finish()
