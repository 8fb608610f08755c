"""Checkpoints as people really have them: each is read as transformers reads it, or refused with a typed code.

1. The combinations of `matrix.py`, at least 500: logits, prompts, ids of texts and generation defaults.
2. The cases of `../shared/cases/checkpoints`, where that folder stands beside the checkout: no case may end in an
   internal error.
3. The forms of a real model (`real_model.py`), where its maker stands there too.

Prints one table: equal, refused by code, differs. Fails where anything differs.
"""

import os
import subprocess
import sys
import warnings
from collections import Counter, defaultdict
from pathlib import Path

import jinja2
import numpy as np
import torch
import transformers
from decoder import Graph
from matrix import AXES, build, combinations, plain
from transformers import AutoModelForCausalLM, AutoTokenizer, GenerationConfig
from wheelwork import TESTDATA, Refused, arguments

COUNT = int(os.environ.get("WHEELWORK_COMBINATIONS", "600"))
MAX_ERROR = 2e-4
POSITIONS = 60
TEXTS = ["12 + 30 = ?", "Grüße, 世界 <think>\n1+2\n</think> x", "  white\tspace \n\n"]
CONVERSATIONS = [
    [{"role": "user", "content": "12 + 30 = ?"}],
    [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Hello"},
     {"role": "assistant", "content": "Hi."}, {"role": "user", "content": "And 42 + 1?"}],
]
# What generates differently, of what genai's description says.
SAMPLING = ["temperature", "top_k", "top_p"]
CASES = TESTDATA.parent.parent / "shared" / "cases" / "checkpoints"


class Reference:
    """What transformers makes of a folder."""

    def __init__(self, folder):
        self.model = AutoModelForCausalLM.from_pretrained(
            folder, dtype=torch.float32, attn_implementation="eager").eval()
        self.tokenizer = AutoTokenizer.from_pretrained(folder)

    @torch.inference_mode()
    def logits(self, ids):
        return self.model(torch.tensor([ids])).logits[0, -1].numpy()

    def search(self):
        """The defaults of `generate`, and the ids that end it."""
        given = GenerationConfig(**self.model.generation_config.to_diff_dict())
        given.update(**GenerationConfig._get_default_generation_params(), defaults_only=True)
        ends = given.eos_token_id
        return given, {ends} if isinstance(ends, int) else set(ends or [])


def compare(combination, folder, package, wheelwork):
    """Yields what differs."""
    same = plain(combination)
    reference = Reference(folder if same == combination else build(same, folder.parent / "plain"))
    if combination["blocks"] == "float":
        yield from compare_logits(reference, package)
    described = wheelwork.inspect(package)
    # Where there is no template, ours may be R1's, if that is said.
    is_said = any("no chat template" in warning for warning in described["card"]["warnings"])
    yield from compare_texts(reference, package, wheelwork, is_said)
    yield from compare_search(reference, described["variants"]["cpu"]["config"])


def compare_logits(reference, package):
    config = reference.model.config
    graph = Graph(package / "cpu" / "model.onnx", config)
    ids = np.random.default_rng(0).integers(0, config.vocab_size, POSITIONS).tolist()
    error = np.abs(graph.run(ids) - reference.logits(ids)).max()
    if error > MAX_ERROR:
        yield f"logits by {error:.1e}"


def compare_texts(reference, package, wheelwork, is_said):
    tokenizer = reference.tokenizer
    for messages in CONVERSATIONS:
        try:
            ours = wheelwork.prompt(package / "cpu", messages)
        except Refused as refusal:
            ours = refusal.code, None
        try:
            text = tokenizer.apply_chat_template(messages, tokenize=False, add_generation_prompt=True)
        except (ValueError, jinja2.TemplateError) as error:
            if ours[1] is not None and not is_said:
                yield f"the prompt {ours[0]!r}, where transformers says {error!r}"
            continue
        if ours[0] != text:
            yield f"prompt {ours[0]!r} instead of {text!r}"
        elif ours[1] != tokenizer(text, add_special_tokens=False)["input_ids"]:
            yield f"ids of {text!r}"


def compare_search(reference, config):
    theirs, ends = reference.search()
    ours = config["search"]
    if ours["do_sample"] != bool(theirs.do_sample):
        yield f"do_sample {ours['do_sample']}"
    names = ["repetition_penalty"] + (SAMPLING if theirs.do_sample else [])
    for name in names:
        if abs(ours[name] - getattr(theirs, name)) > 1e-6:
            yield f"{name} {ours[name]} instead of {getattr(theirs, name)}"
    ids = config["model"]["eos_token_id"]
    if not ends <= {*(ids if isinstance(ids, list) else [ids])}:
        yield f"ends {ids} without {ends}"


def judge(combination, folder, wheelwork):
    """Equal, refused with a code, or what differs."""
    folder = build(combination, folder)
    blocks = combination["blocks"]
    try:
        package = wheelwork.quantize(
            folder, "float" if blocks == "float" else "fast", None if blocks == "float" else blocks, name="matrix")
    except Refused as refusal:
        is_typed = refusal.kind != "bug" and refusal.code
        return ("refused", refusal.code) if is_typed else ("differs", f"internal error: {refusal}")
    differences = list(compare(combination, folder, package, wheelwork))
    return ("differs", "; ".join(differences)) if differences else ("equal", None)


def run_matrix(work, wheelwork):
    rows = defaultdict(Counter)
    refused, failed = Counter(), 0
    folder = work / "matrix" / "checkpoint"
    chosen = combinations(COUNT)
    for number, combination in enumerate(chosen, 1):
        verdict, detail = judge(combination, folder, wheelwork)
        for axis, value in combination.items():
            rows[axis, value][verdict] += 1
        rows["all", f"{len(chosen)} combinations"][verdict] += 1
        if verdict == "refused":
            refused[detail] += 1
        if verdict == "differs":
            failed += 1
            print(f"  DIFFERENT: {number}: {combination}\n    {detail}", flush=True)
        if number % 50 == 0:
            print(f"  {number} of {len(chosen)}", flush=True)
    return rows, refused, failed


def run_cases(work, wheelwork):
    """Every script there, with what it prints kept; the checkpoints that it quantised, by outcome."""
    rows, failed = {}, 0
    for script in sorted(CASES.glob("*/run.sh")):
        name = script.parent.name
        environment = os.environ | {
            "W": str(wheelwork.program), "T": str(TESTDATA), "PY": sys.executable, "SECDIR": str(work / "cases")}
        done = subprocess.run(
            ["bash", script], env=environment, capture_output=True, encoding="utf-8", errors="replace", check=False)
        text = done.stdout + done.stderr
        (work / f"{name}.txt").write_text(text, encoding="utf-8")
        internal = [line for line in text.splitlines() if "report this" in line or "panicked" in line]
        failed += bool(internal)
        rows["case", name] = Counter(
            equal=text.count("rc=0"), refused=text.count("rc=1"), differs=len(internal))
    return rows, failed


def table(rows):
    print(f"\n{'':<52}{'equal':>8}{'refused':>9}{'differs':>9}")
    for (axis, value), counts in rows.items():
        what = f"{axis}: {value}"
        print(f"{what:<52}{counts['equal']:>8}{counts['refused']:>9}{counts['differs']:>9}")


def main():
    warnings.filterwarnings("ignore")
    transformers.logging.set_verbosity_error()
    transformers.logging.disable_progress_bar()
    torch.set_num_threads(1)
    wheelwork, work = arguments()
    (work / "matrix").mkdir(exist_ok=True)
    rows, refused, failed = run_matrix(work, wheelwork)
    order = [(axis, value) for axis, values in AXES.items() for value in values]
    shown = {row: rows[row] for row in [*order, *(row for row in rows if row[0] == "all")]}
    if CASES.is_dir():
        cases, failures = run_cases(work, wheelwork)
        shown |= cases
        failed += failures
    else:
        print("the shared cases are not there: skipped")
    import real_model
    forms, failures = real_model.run(work, wheelwork)
    shown |= forms
    failed += failures
    table(shown)
    print("\nrefused by code:")
    for code, count in refused.most_common():
        print(f"{count:>6}  {code}")
    sys.exit(f"{failed} differ" if failed else 0)


main()
