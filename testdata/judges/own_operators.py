"""Greedy tokens of our operators, judged by ONNX Runtime's of the same package.

    python own_operators.py PROGRAM PACKAGE [STEPS] [PROMPTS]

The package must have been prepared with `--kernels own`. PROGRAM answers some prompts of token ids without a pattern by its own operators; the
package's graph then goes the same way on ONNX Runtime's operators, and at every step the largest of its logits is held against that of the
token which ours took. Prints a JSON line a prompt: steps, tokens that differ, the first step that does, the largest gap, and the standard
deviation of the logits, beside which a gap is large or small.
"""

import json
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
from decoder import Graph
from wheelwork import CUT, Wheelwork

PROMPT_TOKENS = 16


def main():
    wheelwork, package = Wheelwork(sys.argv[1], None), Path(sys.argv[2])
    steps, prompts = (int(number) for number in (sys.argv[3:] + ["256", "4"][len(sys.argv) - 3:]))
    model = json.loads((package / "cpu" / "genai_config.json").read_text())["model"]["decoder"]
    config = SimpleNamespace(head_dim=model["head_size"], num_key_value_heads=model["num_key_value_heads"])
    random = np.random.default_rng(18)
    for prompt in range(prompts):
        fed = [int(token) for token in random.integers(1000, 100_000, PROMPT_TOKENS)]
        told = wheelwork.run(
            "generate", "--model", package, "--prompt-ids", ",".join(map(str, fed)), "--temperature", 0, "--max-tokens", steps,
            "--on-loop", "ignore", "--kv", "float", "--kernels", "own", "--json", codes=(0, CUT),
        )
        assert '"MatMulBlocks"' in json.dumps(told[0]), "our operators did not run"
        ours = told[-1]["token_ids"]
        graph, differ, largest, spread = Graph(str(package / "cpu" / model["filename"]), config), [], 0.0, []
        for step, token in enumerate(ours):
            logits = graph.run(fed)
            gap = float(logits.max() - logits[token])
            spread.append(float(logits.std()))
            if gap > 0:
                differ.append(step)
                largest = max(largest, gap)
            fed = [token]
        print(json.dumps({"prompt": prompt, "steps": len(ours), "differ": len(differ), "first": differ[0] if differ else None,
                          "largest_gap": round(largest, 4), "logits_std": round(float(np.mean(spread)), 3)}), flush=True)


main()
