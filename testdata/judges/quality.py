"""What quantising costs at which size: divergence from the float model against bytes, for SmolLM2-135M-Instruct off the
4-bit grid, beside the figures of llama.cpp's formats. Writes a table and `quality.svg` into the work folder.

Its maker, `make_checkpoint.py`, stands beside the checkout (`../shared/reference/real-model`); where it is missing, this is
skipped. The texts are not what packages are calibrated on: the Apache licence, and `docs/reasoning.md`.

For each row of ROWS a package is made, and for it:

- four sizes of its weights: `true` bits, which the card states; the `file` that `wheelwork pack` makes, less the tokenizer and
  other descriptions; what lies on the `device` after `install --compact`; and the `plain` file of weights, where codes of 5 and 6 bits take
  8. In the last three are norms; in the `file` and the `plain` one rotary tables, 2 MB;
- mean KL over 2,048 positions, same best token, by ONNX Runtime from Python; once with the graph as it is, once with activations in
  float32 (`accuracy_level` 0), which leaves the error of the weights.

For `int8` it also tells what rounding activations costs in one kind of product alone, and in a third of the layers.

Where LLAMA_CPP_BIN names a folder with llama.cpp's `llama-quantize` and `llama-imatrix`, its formats are made of the same weights and
judged on the same positions, dequantised and run in float32; else the figures stand that it had in an earlier run. Its importance
matrix is of this project's documents.

It fails where a row is above its limit.
"""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import zstandard
from tokenizers import Tokenizer
from wheelwork import TESTDATA, Verdict, arguments

ROOT = TESTDATA.parent
MAKER = ROOT.parent / "shared" / "reference" / "real-model" / "make_checkpoint.py"
TEXTS = (ROOT / "LICENSE-APACHE", ROOT / "docs" / "reasoning.md")
WINDOWS, LENGTH = 2, 512
BEST = ["--quality", "best", "--kv", "float", "--calibration-tokens", "16384"]
# Name, flags, and the most that its weights may diverge by. The sizes of mixes are those of llama.cpp's formats, on the device.
ROWS = [
    ("fast", ["--quality", "fast"], 0.55),
    ("balanced", [], 0.35),
    ("balanced, not calibrated", ["--no-calibration"], 0.55),
    ("--bpw 5.34", ["--bpw", "5.34"], 0.14),
    ("--bpw 5.34, not calibrated", ["--bpw", "5.34", "--no-calibration"], 0.19),
    ("--bpw 6.21", ["--bpw", "6.21"], 0.04),
    ("--bpw 6.21, not calibrated", ["--bpw", "6.21", "--no-calibration"], 0.06),
    ("--bpw 6.61", ["--bpw", "6.61"], 0.025),
    ("--bpw 8.55", ["--bpw", "8.55"], 0.0035),
    ("--bpw 8.55, not calibrated", ["--bpw", "8.55", "--no-calibration"], 0.0035),
    ("int8", ["--quality", "int8"], 0.0035),
    ("int8, activations f32", ["--quality", "int8", "--activations", "f32"], 0.0035),
    ("best --bpw 5.34", [*BEST, "--bpw", "5.34"], 0.12),
    ("best --bpw 6.21", [*BEST, "--bpw", "6.21"], 0.035),
    ("best --bpw 6.61", [*BEST, "--bpw", "6.61"], 0.02),
]
# llama.cpp (llama-cpp-python 0.3.36) on the same weights and positions, 2026-12-02: MB, mean KL, same token. IM: importance matrix.
FORMATS = ("IQ4_XS", "Q4_0", "Q4_K_M", "Q5_K_M", "Q6_K", "Q8_0")
PEERS = [
    ("IQ4_XS, IM", 90.9, 0.1928, 77.2), ("Q4_0", 91.7, 0.4923, 60.2), ("Q4_0, IM", 91.9, 0.2907, 68.9),
    ("Q4_K_M", 105.5, 0.1015, 82.8), ("Q4_K_M, IM", 105.5, 0.0726, 86.4), ("Q5_K_M", 112.1, 0.0780, 83.8),
    ("Q5_K_M, IM", 112.1, 0.0314, 89.4), ("Q6_K", 138.4, 0.0095, 93.6), ("Q6_K, IM", 138.4, 0.0054, 95.7),
    ("Q8_0", 144.8, 0.0025, 96.9),
]


def windows(checkpoint):
    tokenizer = Tokenizer.from_file(str(checkpoint / "tokenizer.json"))
    found = []
    for text in TEXTS:
        ids = np.array(tokenizer.encode(text.read_text(encoding="utf-8")).ids, np.int64)
        step = max(LENGTH, (len(ids) - LENGTH) // max(1, WINDOWS - 1))
        found += [ids[start:start + LENGTH] for start in range(0, len(ids) - LENGTH + 1, step)][:WINDOWS]
    return found


class Model:
    """A package that gives the logits of every position."""

    def __init__(self, package, rounds=lambda name: True):
        """`rounds`: whether the product of that name may round its activations."""
        folder = package / "cpu"
        model = onnx.load(folder / "model.onnx", load_external_data=False)
        for node in model.graph.node:
            if node.name.startswith("model.last_position."):
                node.op_type = "Identity"
                del node.attribute[:]
                del node.input[1:]
            for attribute in node.attribute:
                if attribute.name == "accuracy_level" and not rounds(node.name):
                    attribute.i = 0
        for output in model.graph.output:
            if output.name == "logits":
                output.type.tensor_type.shape.dim[1].dim_param = "sequence_length"
        graph = folder / "judge.onnx"
        onnx.save(model, graph)
        self.session = onnxruntime.InferenceSession(graph, providers=["CPUExecutionProvider"])
        graph.unlink()

    def log_probabilities(self, ids):
        feed = {"input_ids": ids[None], "attention_mask": np.ones((1, len(ids)), np.int64)}
        for given in self.session.get_inputs():
            if given.name.startswith("past"):
                feed[given.name] = np.zeros([size if isinstance(size, int) else 0 for size in [1, *given.shape[1:]]], np.float32)
        logits = self.session.run(["logits"], feed)[0][0].astype(np.float32)
        logits -= logits.max(1, keepdims=True)
        return logits - np.log(np.exp(logits).sum(1, keepdims=True, dtype=np.float64)).astype(np.float32)


def divergence(reference, model, texts):
    """Mean KL with its standard error, and the share of positions with the same best token, in percent."""
    kl, same = [], []
    for expected, ids in zip(reference, texts):
        found = model.log_probabilities(ids)
        kl.append((np.exp(expected) * (expected - found)).sum(1))
        same.append(expected.argmax(1) == found.argmax(1))
    kl = np.concatenate(kl)
    return kl.mean(), kl.std() / len(kl)**0.5, 100 * np.concatenate(same).mean()


def rounding(package, texts):
    """What rounding activations costs, in some products alone: against the same weights without it."""
    exact = [Model(package, lambda name: False).log_probabilities(ids) for ids in texts]
    layer = lambda name: int(name.split(".")[2]) if name.startswith("model.layers.") else -1
    last = max(layer(node.name) for node in onnx.load(package / "cpu" / "model.onnx", load_external_data=False).graph.node)
    thirds = [range(part * (last + 1) // 3, (part + 1) * (last + 1) // 3) for part in range(3)]
    kinds = ["qkv_proj", "o_proj", "gate_proj", "up_proj", "down_proj", "logits"]
    parts = [("all", lambda name: True), *((kind, lambda name, kind=kind: name.endswith(kind)) for kind in kinds)]
    parts += [(f"layers {third[0]} to {third[-1]}", lambda name, third=third: layer(name) in third) for third in thirds]
    print("\n| activations rounded in | KL |\n|---|---|")
    for name, rounds in parts:
        kl, error, _ = divergence(exact, Model(package, rounds), texts)
        print(f"| {name} | {kl:.5f} ± {error:.5f} |", flush=True)
    print()


def sizes(wheelwork, package, work):
    """MB of the weights: in true bits, in the package's file, on the device once compact, and in the package's folder."""
    card = json.loads((package / "wheelwork.json").read_text())
    stored = 0
    plain = (package / "cpu" / "model.onnx.data").stat().st_size
    model = onnx.load(package / "cpu" / "model.onnx", load_external_data=False)
    seen = set()
    for tensor in model.graph.initializer:
        place = {entry.key: entry.value for entry in tensor.external_data}
        if not place or place["offset"] in seen:
            continue
        seen.add(place["offset"])
        if not tensor.name.startswith("rope.") and not tensor.name.endswith(".values"):
            stored += int(place["length"])
    quantization = card["quantization"]
    weights = stored * 8 / quantization["bits_per_weight"]
    true = weights * quantization["true_bits_per_weight"] / 8
    file = work / "judge.wwpkg"
    wheelwork.run("pack", package, "--out", file, "--level", 19, "--json")
    packed = file.stat().st_size
    models = work / "models"
    installed = wheelwork.run("install", file, "--models-dir", models, "--compact", "--json")[-1]
    device = installed["compact"]["compact_bytes"]
    shutil.rmtree(models)
    file.unlink()
    return true / 1e6, (packed - compressed_rest(package)) / 1e6, device / 1e6, plain / 1e6


def compressed_rest(package):
    """Bytes that files beside the weights take in a package's file: the tokenizer is nearly all of it."""
    size = 0
    for path in package.rglob("*"):
        if path.is_file() and path.name != "model.onnx.data":
            size += len(zstandard.ZstdCompressor(level=19).compress(path.read_bytes()))
    return size


def chart(points, peers):
    """KL against MB, both logarithmic, as SVG."""
    width, height, left, bottom = 720, 420, 60, 40
    every = points + peers
    x0, x1 = np.log(min(mb for _, mb, _ in every) * 0.97), np.log(max(mb for _, mb, _ in every) * 1.03)
    y0, y1 = np.log10(min(kl for *_, kl in every) * 0.7), np.log10(max(kl for *_, kl in every) * 1.5)
    at_x = lambda mb: left + (np.log(mb) - x0) / (x1 - x0) * (width - left - 20)
    at_y = lambda kl: 20 + (y1 - np.log10(kl)) / (y1 - y0) * (height - bottom - 20)
    parts = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" font-family="sans-serif" font-size="11">',
             f'<rect width="{width}" height="{height}" fill="white"/>']
    for kl in (0.001, 0.003, 0.01, 0.03, 0.1, 0.3):
        if y0 <= np.log10(kl) <= y1:
            parts.append(f'<line x1="{left}" x2="{width - 20}" y1="{at_y(kl):.1f}" y2="{at_y(kl):.1f}" stroke="#ddd"/>'
                         f'<text x="{left - 6}" y="{at_y(kl) + 4:.1f}" text-anchor="end">{kl}</text>')
    for mb in (80, 90, 100, 110, 120, 130, 140, 150):
        if x0 <= np.log(mb) <= x1:
            parts.append(f'<line y1="20" y2="{height - bottom}" x1="{at_x(mb):.1f}" x2="{at_x(mb):.1f}" stroke="#eee"/>'
                         f'<text x="{at_x(mb):.1f}" y="{height - bottom + 16}" text-anchor="middle">{mb}</text>')
    parts.append(f'<text x="{width / 2}" y="{height - 8}" text-anchor="middle">MB of weights on the device</text>'
                 f'<text x="14" y="{height / 2}" transform="rotate(-90 14 {height / 2})" text-anchor="middle">mean KL, nats</text>')
    for colour, group in (("#777", peers), ("#c40", points)):
        for name, mb, kl in group:
            parts.append(f'<circle cx="{at_x(mb):.1f}" cy="{at_y(kl):.1f}" r="4" fill="{colour}"/>'
                         f'<text x="{at_x(mb) + 7:.1f}" y="{at_y(kl) + 4:.1f}" fill="{colour}">{name}</text>')
    return "\n".join([*parts, "</svg>\n"])


def peers(tools, work, quantize, judge):
    """llama.cpp's formats, with and without importance matrix: name, MB, and what `judge` says of them."""
    run = lambda *command: subprocess.run([str(part) for part in command], check=True, capture_output=True)
    plain, quantised, matrix, words = (work / name for name in ("f32.gguf", "quantised.gguf", "matrix.gguf", "words.txt"))
    run(sys.executable, MAKER.with_name("make_gguf.py"), plain, "--dither")
    words.write_text("\n".join(path.read_text() for path in sorted((ROOT / "docs").glob("*.md")) if path not in TEXTS))
    run(tools / "llama-imatrix", "-m", plain, "-f", words, "-o", matrix, "-c", 512, "--chunks", 60, "-ngl", 0)
    for name in FORMATS:
        for flags in ([], ["--imatrix", matrix]):
            if name == "IQ4_XS" and not flags or name == "Q8_0" and flags:
                continue
            run(tools / "llama-quantize", *flags, plain, quantised, name)
            checkpoint = work / "peer"
            run(sys.executable, MAKER, checkpoint, "--dtype", "f32", "--gguf", quantised)
            quantize(checkpoint, "--quality", "float")
            yield name + ", IM" * bool(flags), quantised.stat().st_size / 1e6, judge()
            shutil.rmtree(checkpoint)


def main():
    wheelwork, work = arguments()
    verdict = Verdict()
    if not MAKER.exists():
        print("the real model's maker is not there: skipped")
        return
    work = work / "quality"
    work.mkdir(parents=True, exist_ok=True)
    checkpoint = work / "smollm2"
    made = subprocess.run([sys.executable, MAKER, checkpoint, "--dtype", "f32", "--dither"],
                          capture_output=True, encoding="utf-8", check=False)
    if made.returncode != 0:
        print(f"the real model cannot be made, so it is skipped: {made.stderr[-300:]}")
        return
    texts = windows(checkpoint)
    package = work / "judged.ortpackage"

    def quantize(source, *flags):
        return wheelwork.run("quantize", source, "--out", package, "--overwrite", "--json", *flags)[-1]["seconds"]

    quantize(checkpoint, "--quality", "float")
    reference = [Model(package).log_probabilities(ids) for ids in texts]
    points = []
    quantize(checkpoint, "--quality", "int8")
    rounding(package, texts)
    print("| | true MB | file MB | device MB | plain MB | KL of the weights | same token | KL as it runs | same token | s |")
    print("|---|---|---|---|---|---|---|---|---|---|")
    for name, flags, limit in ROWS:
        seconds = quantize(checkpoint, *flags)
        true, packed, device, plain = sizes(wheelwork, package, work)
        weights = divergence(reference, Model(package, lambda name: False), texts)
        runs = divergence(reference, Model(package), texts)
        print(f"| {name} | {true:.1f} | {packed:.1f} | {device:.1f} | {plain:.1f} | {weights[0]:.4f} ± {weights[1]:.4f} | {weights[2]:.1f} % "
              f"| {runs[0]:.4f} | {runs[2]:.1f} % | {seconds:.0f} |", flush=True)
        points.append((name, device, weights[0]))
        verdict.expect(weights[0] <= limit, f"{name}: KL at most {limit}", f"{weights[0]}")
    others = [(name, size, kl) for name, size, kl, _ in PEERS]
    if tools := os.environ.get("LLAMA_CPP_BIN"):
        others = []
        judge = lambda: divergence(reference, Model(package), texts)
        for name, size, (kl, error, same) in peers(Path(tools), work, quantize, judge):
            print(f"| llama.cpp {name} | {size:.1f} | {size:.1f} | {size:.1f} | {size:.1f} | {kl:.4f} ± {error:.4f} | {same:.1f} % | | | |", flush=True)
            others.append((name, size, kl))
    else:
        for name, size, kl, same in PEERS:
            print(f"| llama.cpp {name} (earlier run) | {size} | {size} | {size} | {size} | {kl} | {same} % | | | |")
    (work / "quality.svg").write_text(chart(points, others))
    shutil.rmtree(checkpoint)
    verdict.finish()


main()
