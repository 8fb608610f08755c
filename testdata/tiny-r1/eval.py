"""Greedy exact match of the checkpoint on heldout.jsonl, in float32 from the bfloat16 weights that are stored.

    python eval.py [--per-task N] [--skip-extras]

Prints a table and writes eval-float32.json. Besides the held-out problems with reasoning it measures the same
arithmetic without reasoning, and conversations whose last question may lean on the answer before it.
"""

import argparse
import json
import random
from pathlib import Path

import torch
import transformers
from tokenizers import Tokenizer
from transformers import Qwen2ForCausalLM

import data
import evaluation

HERE = Path(__file__).parent


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--per-task", type=int, default=200)
    parser.add_argument("--skip-extras", action="store_true")
    parser.add_argument("--threads", type=int, default=2)
    args = parser.parse_args()
    torch.set_num_threads(args.threads)

    model, info = Qwen2ForCausalLM.from_pretrained(HERE, dtype=torch.float32, output_loading_info=True)
    assert not any(info.values()), info  # no missing, unexpected or mismatched tensor
    model.eval()
    tokenizer = Tokenizer.from_file(str(HERE / "tokenizer.json"))
    rows = [json.loads(line) for line in (HERE / "heldout.jsonl").read_text(encoding="utf-8").splitlines()]
    taken, chosen = {}, []
    for row in rows:
        taken[row["task"]] = taken.get(row["task"], 0) + 1
        if taken[row["task"]] <= args.per_task:
            chosen.append(row)

    checked = evaluation.run(model, tokenizer, chosen)
    result = {"torch": torch.__version__.split("+")[0], "transformers": transformers.__version__,
              "decoding": "greedy, float32, at most 256 new tokens", "problems": len(checked),
              "answer_exact_percent": evaluation.table(checked, "answer_ok"),
              "chain_exact_percent": evaluation.table(checked, "chain_ok")}
    if not args.skip_extras:
        direct = [r for r in chosen if r["task"] not in ("refuse", "greet")]
        off = evaluation.run(model, tokenizer, direct, reasoning=False)
        result["reasoning_off_answer_exact_percent"] = evaluation.table(off, "answer_ok")
        talks = evaluation.run(model, tokenizer, conversations(300))
        result["conversation_answer_exact_percent"] = evaluation.table(talks, "answer_ok")["all"]
    result["mistakes"] = [{k: r[k] for k in ("task", "prompt", "answer", "output")}
                          for r in checked if not r["answer_ok"]][:20]

    print(f"{'task':10} {'answer %':>9} {'chain %':>9}")
    for task, percent in result["answer_exact_percent"].items():
        print(f"{task:10} {percent:9.2f} {result['chain_exact_percent'][task]:9.2f}")
    for key, value in result.items():
        if key.startswith(("reasoning_off", "conversation")):
            print(key, value)
    if args.per_task == 200 and not args.skip_extras:
        (HERE / "eval-float32.json").write_text(json.dumps(result, indent=1, ensure_ascii=False) + "\n",
                                                encoding="utf-8")


def conversations(count):
    """Last questions behind one to three earlier turns, the history rendered as the chat template renders it.
    A third of them lean on the answer before them."""
    rng, rows = random.Random(30_000), []
    while len(rows) < count:
        turns = [data.problem(rng, 1) for _ in range(rng.randint(1, 3))]
        last = data.following(rng, turns[-1]) if len(rows) % 3 == 0 else data.problem(rng, 1, split="heldout")
        if last is None:
            continue
        history = "".join(f"{t.prompt}<｜Assistant｜>\n\n{t.answer}{evaluation.EOS}<｜User｜>" for t in turns)
        rows.append({"task": "all", "prompt": history + last.prompt, "answer": last.answer, "chain": last.chain})
    return rows


if __name__ == "__main__":
    main()
