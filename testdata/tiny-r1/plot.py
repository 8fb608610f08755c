"""Draws train-log.jsonl into curves.png: loss and learning rate on the left, held-out exact match on the right."""

import json
from pathlib import Path

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt

HERE = Path(__file__).parent


def main():
    rows = [json.loads(line) for line in (HERE / "train-log.jsonl").read_text().splitlines()]
    losses = [r for r in rows if "loss" in r]
    exams = [r for r in rows if "answers" in r]
    figure, (left, right) = plt.subplots(1, 2, figsize=(11, 4), dpi=90)
    left.plot([r["tokens"] / 1e6 for r in losses], [r["loss"] for r in losses], color="tab:blue", lw=1)
    left.set(yscale="log", xlabel="million tokens", ylabel="loss on reasoning and answer")
    rate = left.twinx()
    rate.plot([r["tokens"] / 1e6 for r in losses], [r["lr"] for r in losses], color="tab:gray", lw=0.8, ls="--")
    rate.set_ylabel("learning rate (dashed)")
    for task in exams[-1]["answers"]:
        right.plot([r["tokens"] / 1e6 for r in exams], [r["answers"][task] for r in exams], label=task,
                   lw=2.5 if task == "all" else 1, color="black" if task == "all" else None)
    right.set(xlabel="million tokens", ylabel="held-out answers, exact match (%)", ylim=(0, 101))
    right.legend(fontsize=7, ncols=2)
    figure.tight_layout()
    figure.savefig(HERE / "curves.png")


if __name__ == "__main__":
    main()
