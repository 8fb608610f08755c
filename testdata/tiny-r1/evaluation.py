"""Greedy decoding of held-out problems with transformers, in float32, and the tables of what came out right."""

import torch
from transformers import Qwen2Config, Qwen2ForCausalLM

import data

EOS, BOS = "<｜end▁of▁sentence｜>", "<｜begin▁of▁sentence｜>"


def from_tensors(config, tensors):
    model = Qwen2ForCausalLM(Qwen2Config(**{k: v for k, v in config.items() if k != "torch_dtype"}))
    model.load_state_dict(tensors, strict=True)
    return model.float().eval()


@torch.inference_mode()
def run(model, tokenizer, rows, batch=200, reasoning=True, max_new_tokens=256):
    """Each row with its output and what of it is exact. Without reasoning the prompt holds an empty reasoning part."""
    checked = []
    pad = tokenizer.token_to_id(EOS)
    tail = tokenizer.encode("\n</think>\n\n", add_special_tokens=False).ids if not reasoning else []
    for start in range(0, len(rows), batch):
        part = rows[start:start + batch]
        prompts = [tokenizer.encode(f"{BOS}<｜User｜>{r['prompt']}<｜Assistant｜><think>\n",
                                    add_special_tokens=False).ids + tail for r in part]
        width = max(map(len, prompts))
        ids = torch.tensor([[pad] * (width - len(p)) + p for p in prompts])
        mask = torch.tensor([[0] * (width - len(p)) + [1] * len(p) for p in prompts])
        out = model.generate(ids, attention_mask=mask, do_sample=False, max_new_tokens=max_new_tokens,
                             eos_token_id=pad, pad_token_id=pad, temperature=None, top_p=None)
        for row, produced in zip(part, out[:, width:].tolist()):
            ended = pad in produced
            text = tokenizer.decode(produced[:produced.index(pad)] if ended else produced, skip_special_tokens=False)
            chain, _, answer = text.rpartition("\n</think>\n\n")
            checked.append({**row, "output": text, "answer_ok": ended and answer == row["answer"],
                            "chain_ok": ended and chain == row["chain"]})
    return checked


def table(checked, key):
    """Percent per task, and over all."""
    result = {}
    for task in [*data.TASKS, "all"]:
        rows = [r for r in checked if task in (r["task"], "all")]
        if rows:
            result[task] = round(100 * sum(r[key] for r in rows) / len(rows), 2)
    return result
