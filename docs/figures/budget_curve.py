"""Draws budget-curve.jsonl, which core/examples/budget_curve.rs prints, into budget-curve.svg."""

import json
from pathlib import Path

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt

HERE = Path(__file__).parent


def main():
    rows = [json.loads(line) for line in (HERE / "budget-curve.jsonl").read_text().splitlines()]
    figure, axes = plt.subplots(figsize=(7, 4))
    for closing, label in (("hard", "closing tag alone"), ("soft", "a phrase that the model does not know")):
        curve = [row for row in rows if row["closing"] == closing]
        axes.plot([row["budget"] for row in curve], [row["exact_percent"] for row in curve], marker="o", label=label)
    free = next(row for row in rows if row["closing"] == "none")
    axes.axhline(free["exact_percent"], color="gray", ls="--", lw=1, label="no budget")
    axes.set(xlabel="budget, tokens of reasoning", ylabel="exact answers (%)", ylim=(0, 101))
    axes.legend(loc="lower right")
    figure.tight_layout()
    figure.savefig(HERE / "budget-curve.svg", metadata={"Date": None})


if __name__ == "__main__":
    main()
