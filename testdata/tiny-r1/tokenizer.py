"""Trains the tokenizer and writes tokenizer.json, tokenizer_config.json and generation_config.json.

The pipeline is R1's: NFC, Qwen2's pre-tokeniser with single digits, byte-level BPE, and R1's own control tokens,
with its exact characters (U+FF5C and U+2581), at the end of the vocabulary.

The committed tokenizer.json is fixed, since the weights belong to it. It was made before data.py put the direction into
the chains of unit10, so running this file now gives a slightly different one.
"""

import json
import random
from pathlib import Path

from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers

import data
import texts

HERE = Path(__file__).parent
VOCAB = 2048
EOS, USER, ASSISTANT, BOS = "<｜end▁of▁sentence｜>", "<｜User｜>", "<｜Assistant｜>", "<｜begin▁of▁sentence｜>"
# R1's order and R1's choice of what is "special": the reasoning tags and the roles are not.
ADDED = [(EOS, True), (USER, False), (ASSISTANT, False), (BOS, True), ("<|EOT|>", False), ("<think>", False),
         ("</think>", False)]
SPLIT = (r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+"
         r"|\s+(?!\S)|\s+")

# The last system message stands bare after bos; earlier reasoning is dropped; the prompt ends inside the reasoning.
TEMPLATE = """\
{%- set ns = namespace(system='', in_tool=false, first_output=true) -%}
{%- for m in messages -%}{%- if m['role'] == 'system' -%}{%- set ns.system = m['content'] -%}{%- endif -%}{%- endfor -%}
{{- bos_token + ns.system -}}
{%- for m in messages -%}
{%- if m['role'] == 'user' -%}
{%- set ns.in_tool = false -%}
{{- '<｜User｜>' + m['content'] -}}
{%- elif m['role'] == 'assistant' and m['content'] is not none -%}
{{- '<｜tool▁outputs▁end｜>' if ns.in_tool else '<｜Assistant｜>' -}}
{{- (m['content'] if ns.in_tool else m['content'].split('</think>')[-1]) + '<｜end▁of▁sentence｜>' -}}
{%- set ns.in_tool = false -%}
{%- elif m['role'] == 'tool' -%}
{{- '<｜tool▁outputs▁begin｜>' if ns.first_output else '\\n' -}}
{{- '<｜tool▁output▁begin｜>' + m['content'] + '<｜tool▁output▁end｜>' -}}
{%- set ns.in_tool = true -%}
{%- set ns.first_output = false -%}
{%- endif -%}
{%- endfor -%}
{%- if ns.in_tool -%}{{- '<｜tool▁outputs▁end｜>' -}}
{%- elif add_generation_prompt -%}{{- '<｜Assistant｜><think>\\n' -}}
{%- endif -%}
"""


def corpus(rng, examples=40_000):
    """What the model will see, plus prose often enough that ordinary words become tokens."""
    for _ in range(examples):
        e = data.example(rng, 1)
        yield from (m["content"] for m in e.messages)
        yield e.target
    prose = [texts.ENGLISH] + texts.SNIPPETS + texts.SYSTEMS + texts.NAMES
    for _, templates, fillers in texts.REFUSALS:
        prose += [t.format(x=x) for t in templates for x in fillers]
    for _ in range(10):
        yield from prose


def train():
    tokenizer = Tokenizer(models.BPE())
    tokenizer.normalizer = normalizers.NFC()
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([
        pre_tokenizers.Split(Regex(SPLIT), "isolated", invert=False),
        pre_tokenizers.ByteLevel(add_prefix_space=False, trim_offsets=False, use_regex=False)])
    tokenizer.decoder = decoders.ByteLevel(add_prefix_space=False, trim_offsets=False, use_regex=False)
    trainer = trainers.BpeTrainer(vocab_size=VOCAB - len(ADDED), show_progress=False,
                                  initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()))
    tokenizer.train_from_iterator(corpus(random.Random(7)), trainer)
    tokenizer.add_tokens([AddedToken(text, normalized=False, special=special) for text, special in ADDED])
    tokenizer.post_processor = processors.TemplateProcessing(
        single=f"{BOS} $A", pair=f"{BOS} $A {BOS}:1 $B:1", special_tokens=[(BOS, tokenizer.token_to_id(BOS))])
    assert tokenizer.get_vocab_size() == VOCAB, tokenizer.get_vocab_size()
    return tokenizer


def write(tokenizer):
    tokenizer.save(str(HERE / "tokenizer.json"))

    def added(text):
        return {"__type": "AddedToken", "content": text, "lstrip": False, "normalized": True, "rstrip": False,
                "single_word": False}

    dump("tokenizer_config.json", {
        "add_bos_token": True, "add_eos_token": False, "bos_token": added(BOS), "clean_up_tokenization_spaces": False,
        "eos_token": added(EOS), "legacy": True, "model_max_length": 1024, "pad_token": added(EOS),
        "sp_model_kwargs": {}, "unk_token": None, "tokenizer_class": "LlamaTokenizerFast", "chat_template": TEMPLATE})
    dump("generation_config.json", {
        "_from_model_config": True, "bos_token_id": tokenizer.token_to_id(BOS),
        "eos_token_id": tokenizer.token_to_id(EOS), "do_sample": True, "temperature": 0.6, "top_p": 0.95})


def dump(name, value):
    (HERE / name).write_text(json.dumps(value, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


if __name__ == "__main__":
    write(train())
