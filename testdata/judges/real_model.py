"""A real model that nobody here trained, SmolLM2-135M-Instruct, in all its forms: float32 packages say what transformers
says, token for token.

Its maker, `make_checkpoint.py`, stands beside the checkout (`../shared/reference/real-model`) and reads weights that a
registry's package carries. Nothing of it is part of the project: where it is missing, this is skipped.

1. Forms: element types, shards, with a projection of its own, off the 4-bit grid; 64 greedy tokens to each of 8 prompts,
   with the model's own defaults, which say greedy.
2. Three turns in one session file, a process each; a turn that is killed and resumed.
3. onnxruntime-genai loads the package's folder and says the same.
"""

import json
import subprocess
import sys
from collections import Counter

import torch
from greedy import Genai
from transformers import AutoModelForCausalLM, AutoTokenizer
from wheelwork import TESTDATA

MAKER = TESTDATA.parent.parent / "shared" / "reference" / "real-model" / "make_checkpoint.py"
FORMS = {
    "bfloat16": [],
    "float16": ["--dtype", "f16"],
    "float32": ["--dtype", "f32"],
    "three shards": ["--shards", "3"],
    "projection of its own": ["--untied"],
    "off the grid, two shards": ["--dither", "--shards", "2"],
}
PROMPTS = [
    "What is the capital of France?",
    "Write one sentence about the sea.",
    "How many minutes are 3 hours?",
    "Name three colours.",
    "Translate to German: Good morning.",
    "def add(a, b):",
    "Why is the sky blue?",
    "Hello!",
]
TOKENS = 64
TURNS = ["My name is Ada.", "What is my name?", "Say it backwards."]


class Transformers:
    def __init__(self, folder):
        self.tokenizer = AutoTokenizer.from_pretrained(folder)
        self.model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32).eval()

    def ids(self, messages):
        text = self.tokenizer.apply_chat_template(messages, tokenize=False, add_generation_prompt=True)
        return self.tokenizer(text, add_special_tokens=False)["input_ids"]

    @torch.inference_mode()
    def answer(self, messages, tokens=TOKENS):
        """With the defaults of the checkpoint; without the token that ends it."""
        ids = self.ids(messages)
        said = self.model.generate(torch.tensor([ids]), max_new_tokens=tokens)[0, len(ids):].tolist()
        return said[:-1] if said[-1] == self.tokenizer.eos_token_id else said


def user(text):
    return {"role": "user", "content": text}


def generate(wheelwork, package, *words):
    """The ids that the command says it generated, without the token that ends them, and the answer."""
    events = wheelwork.run("generate", "--model", package, "--max-tokens", TOKENS, *words, "--json")
    ids = events[-1]["token_ids"]
    text = "".join(event["text"] for event in events if event["event"] == "AnswerDelta")
    return (ids[:-1] if events[-1]["reason"] == "stop" else ids), text


def session(wheelwork, package, reference, file):
    """Three turns, each by a process of its own, the second one killed in its middle and resumed."""
    file.unlink(missing_ok=True)
    messages = []
    for number, turn in enumerate(TURNS):
        messages.append(user(turn))
        expected = reference.answer(messages)
        if number == 1:
            kill(wheelwork, package, file, turn)
            ids, _ = generate(wheelwork, package, "--session", file, "--resume")
        else:
            ids, _ = generate(wheelwork, package, "--session", file, "--prompt", turn)
        if ids != expected:
            yield f"turn {number + 1}: {ids} instead of {expected}"
        messages.append({"role": "assistant", "content": reference.tokenizer.decode(expected)})


def kill(wheelwork, package, file, turn):
    command = [wheelwork.program, "generate", "--model", package, "--max-tokens", str(TOKENS), "--session", file,
               "--prompt", turn, "--json"]
    child = subprocess.Popen(command, stdout=subprocess.PIPE, encoding="utf-8")
    # `Started`, and some deltas.
    for _ in range(4):
        child.stdout.readline()
    child.kill()
    child.wait()


def run(work, wheelwork):
    """Rows of the table, and how many comparisons failed."""
    if not MAKER.exists():
        print("the real model's maker is not there: skipped")
        return {}, 0
    rows, failed = {}, 0

    def row(what, differences):
        nonlocal failed
        differences = list(differences)
        for difference in differences:
            print(f"  DIFFERENT: {what}: {difference}", flush=True)
        failed += bool(differences)
        rows["SmolLM2", what] = Counter(**{"differs" if differences else "equal": 1})

    for form, words in FORMS.items():
        checkpoint = work / "smollm2"
        made = subprocess.run(
            [sys.executable, MAKER, checkpoint, *words], capture_output=True, encoding="utf-8", check=False)
        if made.returncode != 0:
            print(f"the real model cannot be made, so it is skipped: {made.stderr[-300:]}")
            return rows, failed
        package = wheelwork.quantize(checkpoint, "float")
        reference = Transformers(checkpoint)
        row(f"{form}: {len(PROMPTS)} prompts", answers(wheelwork, package, reference))
        if form == "bfloat16":
            row("three turns in a session, one killed", session(wheelwork, package, reference, work / "smollm2.session"))
            row("genai", genai(package, reference))
        for file in checkpoint.iterdir():
            file.unlink()
    return rows, failed


def answers(wheelwork, package, reference):
    for prompt in PROMPTS:
        expected = reference.answer([user(prompt)])
        ids, _ = generate(wheelwork, package, "--prompt", prompt)
        if ids != expected:
            yield f"{prompt!r}: {ids} instead of {expected}"


def genai(package, reference):
    runtime = Genai(package / "cpu")
    for prompt in PROMPTS[:3]:
        ids = reference.ids([user(prompt)])
        said, expected = runtime.generate(ids, TOKENS), reference.answer([user(prompt)])
        if said != expected:
            yield f"{prompt!r}: {said} instead of {expected}"
    described = json.loads((package / "cpu" / "genai_config.json").read_text())
    if described["search"]["do_sample"]:
        yield "genai would sample"
