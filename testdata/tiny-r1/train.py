"""Trains the model on a CPU within a time limit. Everything that is random follows from --seed.

    python train.py --minutes 75 --work DIR          start; DIR keeps the resumable state
    python train.py --minutes 75 --work DIR --resume continue after an interruption
    touch DIR/finish                                 start the final decay now instead of at 70 % of the time

Float32 master weights are updated by AdamW; forward and backward run on their bfloat16 rounding, which is what the
checkpoint stores. No quantisation enters: the model must show a quantiser's faults, not hide them.
"""

import argparse
import json
import os
import random
import sys
import time
from pathlib import Path

# Large tensors come and go every step. Without the first four settings each one is mapped and unmapped anew, and the
# page faults cost more than the arithmetic. The last one lets a waiting thread sleep: on a shared machine a spinning
# one takes the time that its partner needs.
SETTINGS = {"MALLOC_MMAP_THRESHOLD_": str(8 << 30), "MALLOC_TRIM_THRESHOLD_": str(16 << 30),
            "MALLOC_TOP_PAD_": str(256 << 20), "GLIBC_TUNABLES": "glibc.malloc.hugetlb=1",
            "OMP_WAIT_POLICY": "passive"}
if not SETTINGS.keys() <= os.environ.keys():
    os.execve(sys.executable, [sys.executable, *sys.argv], {**os.environ, **SETTINGS})

import torch
import torch.nn.functional as F
from safetensors.torch import save_file
from tokenizers import Tokenizer

import data
import evaluation
import model as qwen2
from tokenizer import ASSISTANT, BOS, EOS, USER, dump

HERE = Path(__file__).parent
DECAY_FROM = 0.70  # share of the time after which the learning rate falls linearly to zero


class Encoder:
    """Turns examples into ids. Message text and template text are encoded apart, as the runtime does."""

    def __init__(self):
        self.tokenizer = Tokenizer.from_file(str(HERE / "tokenizer.json"))
        self.bos, self.eos, self.user, self.assistant = map(self.tokenizer.token_to_id, (BOS, EOS, USER, ASSISTANT))

    def text(self, text):
        return self.tokenizer.encode(text, add_special_tokens=False).ids

    def example(self, e):
        """(ids, number of prompt ids): the loss covers the rest."""
        ids = [self.bos]
        for m in e.messages:
            body = self.text(m["content"])
            ids += {"system": body, "user": [self.user] + body,
                    "assistant": [self.assistant] + body + [self.eos]}[m["role"]]
        ids.append(self.assistant)
        for piece in e.prompt_tail.split("|"):  # "|" marks a place where the runtime joins two encodings
            ids += self.text(piece)
        return ids + self.text(e.target) + [self.eos], len(ids)


def batches(encoder, seed, first, progress, tokens):
    """Endless (index, ids (b, t), flat positions, targets). Rows of similar length share a batch: no packing, so
    that every example starts at position 0 as it does at run time."""
    index = first
    while True:
        rng = random.Random(f"{seed}/{index}")
        done = progress()
        # A short start on small numbers; the full mix; towards the end more carries.
        level = lambda: (0 if done < 0.08 else rng.choices([0, 1, 2], [1, 6, 3 if done < 0.5 else 6])[0])
        rows = sorted((encoder.example(data.example(rng, level())) for _ in range(768)), key=lambda r: len(r[0]))
        groups, group = [], []
        for row in rows:
            if group and (len(group) + 1) * len(row[0]) > tokens:
                groups.append(group)
                group = []
            group.append(row)
        groups.append(group)
        rng.shuffle(groups)
        for group in groups:
            yield (index, *collate(group, encoder.eos))
        index += 1


def collate(group, pad):
    width = max(len(ids) for ids, _ in group)
    ids = torch.full((len(group), width), pad)
    positions, targets = [], []
    for r, (row, start) in enumerate(group):
        ids[r, :len(row)] = torch.tensor(row)
        positions += range(r * width + start - 1, r * width + len(row) - 1)
        targets += row[start:]
    return ids, torch.tensor(positions), torch.tensor(targets)


def export(master, names, config):
    """Writes the checkpoint; each file is replaced in one step, since others may be reading it."""
    tensors = {n: p.detach().to(torch.bfloat16).contiguous() for n, p in zip(names, master)}
    save_file(tensors, HERE / "model.safetensors.new", metadata={"format": "pt"})
    os.chmod(HERE / "model.safetensors.new", 0o644)
    os.replace(HERE / "model.safetensors.new", HERE / "model.safetensors")
    if not (HERE / "config.json").exists():
        dump("config.json", config)


def main():
    args = argparse.ArgumentParser()
    args.add_argument("--size", default="B", choices=qwen2.SIZES)
    args.add_argument("--minutes", type=float, default=75)
    args.add_argument("--work", type=Path, required=True)
    args.add_argument("--resume", action="store_true")
    args.add_argument("--seed", type=int, default=1)
    args.add_argument("--lr", type=float, default=1.5e-3)
    args.add_argument("--tokens", type=int, default=6144, help="padded tokens a batch")
    args.add_argument("--threads", type=int, default=2)
    args = args.parse_args()
    args.work.mkdir(parents=True, exist_ok=True)
    torch.set_num_threads(args.threads)
    torch.manual_seed(args.seed)

    encoder = Encoder()
    config = qwen2.config(args.size, encoder.tokenizer.get_vocab_size(), encoder.bos, encoder.eos)
    net = qwen2.Qwen2(args.size, config["vocab_size"])
    names = [n for n, _ in net.named_parameters()]
    master = [p.detach().clone().requires_grad_() for p in net.parameters()]
    net.bfloat16()
    weights = list(net.parameters())
    matrices = [p for p in master if p.dim() == 2]
    rest = [p for p in master if p.dim() < 2]
    adam = torch.optim.AdamW([{"params": matrices, "weight_decay": 0.1}, {"params": rest, "weight_decay": 0.0}],
                             lr=args.lr, betas=(0.9, 0.98), fused=True)

    state = {"step": 0, "tokens": 0, "target_tokens": 0, "elapsed": 0.0, "index": 0}
    if args.resume:
        saved = torch.load(args.work / "state.pt")
        state = saved["state"]
        adam.load_state_dict(saved["adam"])
        with torch.no_grad():
            for p, q in zip(master, saved["master"]):
                p.copy_(q)
    log = open(HERE / "train-log.jsonl", "a" if args.resume else "w", encoding="utf-8")
    limit = args.minutes * 60
    started = time.monotonic() - state["elapsed"]
    progress = lambda: (time.monotonic() - started) / limit

    def write(**row):
        log.write(json.dumps(row) + "\n")
        log.flush()
        print(row, flush=True)

    def refresh():
        with torch.no_grad():
            torch._foreach_copy_(weights, master)

    def keep():
        state["elapsed"] = time.monotonic() - started
        torch.save({"state": state, "adam": adam.state_dict(), "master": master}, args.work / "state.new")
        os.replace(args.work / "state.new", args.work / "state.pt")

    def examine(per_task):
        tensors = {n: p.detach().to(torch.bfloat16).float() for n, p in zip(names, master)}
        rows = [r for i, r in enumerate(data.heldout()) if i % 200 < per_task]
        checked = evaluation.run(evaluation.from_tensors(config, tensors), encoder.tokenizer, rows)
        write(step=state["step"], tokens=state["tokens"], minutes=round(progress() * limit / 60, 2),
              answers=evaluation.table(checked, "answer_ok"), chains=evaluation.table(checked, "chain_ok"))

    write(size=args.size, parameters=sum(p.numel() for p in master), lr=args.lr, batch=args.tokens,
          seed=args.seed, threads=args.threads, minutes=args.minutes)
    refresh()
    next_export, next_eval = state["elapsed"] + 180, state["elapsed"] + 300
    mark, losses, mark_tokens = time.monotonic(), [], state["tokens"]
    for index, ids, positions, targets in batches(encoder, args.seed, state["index"], progress, args.tokens):
        done = progress()
        if done >= 1:
            break
        if done < DECAY_FROM and (args.work / "finish").exists():
            # Shorten the time instead of skipping the decay, so that it keeps its share of the whole.
            limit, done = done * limit / DECAY_FROM, DECAY_FROM
        rate = args.lr * min(1, (state["step"] + 1) / 200, (1 - done) / (1 - DECAY_FROM))
        for group in adam.param_groups:
            group["lr"] = rate
        loss = F.cross_entropy(net(ids, positions).float(), targets)
        loss.backward()
        for p, w in zip(master, weights):
            p.grad = w.grad.float()
            w.grad = None
        torch.nn.utils.clip_grad_norm_(master, 1.0)
        adam.step()
        refresh()
        state["step"] += 1
        state["index"] = index
        state["tokens"] += ids.numel()
        state["target_tokens"] += len(targets)
        losses.append(loss.item())
        if state["step"] % 50 == 0:
            speed = (state["tokens"] - mark_tokens) / (time.monotonic() - mark)
            write(step=state["step"], tokens=state["tokens"], loss=round(sum(losses) / len(losses), 4),
                  lr=round(rate, 6), tokens_per_s=round(speed), minutes=round(progress() * limit / 60, 2))
            mark, losses, mark_tokens = time.monotonic(), [], state["tokens"]
        elapsed = time.monotonic() - started
        if elapsed > next_export:
            export(master, names, config)
            keep()
            next_export = elapsed + 180
        if elapsed > next_eval:
            examine(25)
            next_eval = time.monotonic() - started + 420
            mark, losses, mark_tokens = time.monotonic(), [], state["tokens"]
    export(master, names, config)
    keep()
    write(done=True, step=state["step"], tokens=state["tokens"], target_tokens=state["target_tokens"],
          minutes=round((time.monotonic() - started) / 60, 1))


if __name__ == "__main__":
    main()
