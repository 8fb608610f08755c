"""The float export against transformers, for the random-weight families of testdata/families.

1. The golden files there are what transformers gives today (`make.py --check`).
2. Our float graph, driven here through ONNX Runtime's Python, gives the logits of the last position in a
   chunked prefill, in 64 decode steps, and again after a rewind: greatest error 2e-4.
3. Our runtime's greedy tokens are transformers' best ones, but for ties closer than that error.

The default tests hold our runtime's own logits against the same golden files.
"""

import subprocess
import sys

import numpy as np
import torch
from decoder import Graph
from transformers import AutoModelForCausalLM
from wheelwork import FAMILIES, Verdict, arguments

MAX_ERROR = 2e-4
PROMPT_TOKENS, CHUNK, DECODE_STEPS, REWIND_TO = 100, 37, 64, 90


def compare_graph(name, path, reference, config):
    """The three phases; `reference(ids)` is transformers' logits of every position, [positions, vocab]."""
    ids = np.random.default_rng(0).integers(0, config.vocab_size, PROMPT_TOKENS + DECODE_STEPS).tolist()
    graph = Graph(path, config)

    def error_of(chunks, expected):
        errors = [0.0]
        for chunk in chunks:
            logits = graph.run(chunk)
            errors.append(float(np.abs(logits - expected[graph.length() - 1]).max()))
        return max(errors)

    def singles(tokens):
        return [[token] for token in tokens]

    expected = reference(ids)
    prompt = ids[:PROMPT_TOKENS]
    chunks = [prompt[start:start + CHUNK] for start in range(0, PROMPT_TOKENS, CHUNK)]
    report(name, "prefill", error_of(chunks, expected))
    report(name, f"{DECODE_STEPS} decode steps", error_of(singles(ids[PROMPT_TOKENS:]), expected))
    graph.rewind(REWIND_TO)
    other = ids[:REWIND_TO] + ids[::-1][:DECODE_STEPS]
    report(name, "decode after a rewind", error_of(singles(other[REWIND_TO:]), reference(other)))


def compare_tokens(name, package, reference, vocab):
    """Each of our runtime's tokens has the best logit that transformers gives there, or nearly."""
    prompt = np.random.default_rng(1).integers(0, vocab, PROMPT_TOKENS).tolist()
    ours = wheelwork.generate(package, prompt, DECODE_STEPS)
    logits = reference(prompt + ours)[PROMPT_TOKENS - 1:-1]
    behind = logits.max(axis=1) - logits[np.arange(len(ours)), ours]
    verdict.expect(len(ours) > 0, f"{name}: our runtime generates")
    report(name, f"our runtime's {len(ours)} greedy tokens, behind the best", float(behind.max(initial=0)))


def report(name, what, error):
    """One comparison of numbers."""
    verdict.expect(error <= MAX_ERROR, f"{name}: {what}: {error:.1e}", f"more than {MAX_ERROR}")


wheelwork, _ = arguments()
verdict = Verdict()
check = subprocess.run([sys.executable, "-B", FAMILIES / "make.py", "--check"], check=False)
verdict.expect(check.returncode == 0, "the golden files are what transformers gives")
for config in sorted(FAMILIES.glob("*/config.json")):
    family = config.parent
    model = AutoModelForCausalLM.from_pretrained(family, dtype=torch.float32, attn_implementation="eager").eval()

    def reference(ids, model=model):
        with torch.inference_mode():
            return model(torch.tensor([ids])).logits[0].numpy()

    package = wheelwork.quantize(family, "float")
    compare_graph(family.name, package / "cpu" / "model.onnx", reference, model.config)
    compare_tokens(family.name, package, reference, model.config.vocab_size)
verdict.finish()
