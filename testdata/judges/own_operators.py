"""Greedy tokens of our operators, judged by ONNX Runtime's of the same package.

    python own_operators.py PROGRAM PACKAGE [STEPS] [PROMPTS]

The package must have been prepared with `--kernels own`. PROGRAM answers some prompts of token ids without a pattern by its own operators; the
package's graph then goes the same way on ONNX Runtime's operators, and at every step the largest of its logits is held against that of the
token which ours took. Prints a JSON line a prompt: steps, tokens that differ, the first step that does, the largest gap, and the standard
deviation of the logits, beside which a gap is large or small.
"""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import onnxruntime

PROMPT_TOKENS = 16


def token_ids(lines):
    """Of the last line that has a list of tokens."""
    found = []

    def look(value):
        if isinstance(value, dict):
            for key, inner in value.items():
                if key == "token_ids":
                    found.append(inner)
                look(inner)

    for line in lines:
        look(json.loads(line))
    return found[-1]


class Graph:
    """The package's graph, a token after the other."""

    def __init__(self, package):
        model = json.loads((package / "cpu" / "genai_config.json").read_text())["model"]["decoder"]
        self.session = onnxruntime.InferenceSession(str(package / "cpu" / model["filename"]), providers=["CPUExecutionProvider"])
        layers = range(model["num_hidden_layers"])
        names = lambda side, keys: [model[side][key] % layer for layer in layers for key in keys]
        self.past = names("inputs", ["past_key_names", "past_value_names"])
        self.present = names("outputs", ["present_key_names", "present_value_names"])
        empty = np.zeros((1, model["num_key_value_heads"], 0, model["head_size"]), np.float32)
        self.cache = {name: empty for name in self.past}
        self.length = 0

    def logits(self, tokens):
        self.length += len(tokens)
        given = {"input_ids": np.array([tokens], np.int64), "attention_mask": np.ones((1, self.length), np.int64), **self.cache}
        logits, *present = self.session.run(["logits", *self.present], given)
        self.cache = dict(zip(self.past, present))
        return logits[0, -1]


def main():
    program, package = sys.argv[1], Path(sys.argv[2])
    steps, prompts = (int(number) for number in (sys.argv[3:] + ["256", "4"][len(sys.argv) - 3:]))
    random = np.random.default_rng(18)
    for prompt in range(prompts):
        ids = [int(token) for token in random.integers(1000, 100_000, PROMPT_TOKENS)]
        command = [program, "generate", "--model", str(package), "--prompt-ids", ",".join(map(str, ids)), "--temperature", "0",
                   "--max-tokens", str(steps), "--on-loop", "ignore", "--kv", "float", "--kernels", "own", "--json"]
        told = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, check=False).stdout.splitlines()
        assert any('"MatMulBlocks"' in line for line in told[:1]), "our operators did not run"
        ours = token_ids(told)
        graph, fed, differ, largest, spread = Graph(package), ids, [], 0.0, []
        for step, token in enumerate(ours):
            logits = graph.logits(fed)
            gap = float(logits.max() - logits[token])
            spread.append(float(logits.std()))
            if gap > 0:
                differ.append(step)
                largest = max(largest, gap)
            fed = [token]
        print(json.dumps({"prompt": prompt, "steps": len(ours), "differ": len(differ), "first": differ[0] if differ else None,
                          "largest_gap": round(largest, 4), "logits_std": round(float(np.mean(spread)), 3)}), flush=True)


main()
