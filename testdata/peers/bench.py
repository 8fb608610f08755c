"""Ours with and without our kernels beside onnxruntime-genai on the same package, and llama.cpp and OpenVINO on a GGUF file of the
same shape (`gguf_file.py`), in turns: every program once a round, each in a process of its own. One JSON line a figure; at the end a table of
medians with their spread. Beside each take stand what others computed meanwhile (`others`, seconds of CPU), and what the machine gave
just before: memory to a plain sum over 512 MB (`probe_GB_per_s`), and the cores to int8 products of 512 rows by ONNX Runtime
(`probe_int8_GOPS`). A shared machine has slow moments, so that only rounds of one run are compared.

Prepared forms stand in `bench-peers` beside the package.

`first_token_s` is from nothing to the first token behind a prompt of 13, for ours with the start of the program. Memory at
the end has seen the longest prompt and context.

    bench.py --wheelwork PROGRAM --package FOLDER [--gguf FILE] [--rounds N] [--threads N] [--prompt N,..] [--context N,..]
             [--svg FILE: decoding against context]
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import threading
import time

import numpy

DECODED, FIRST_PROMPT = 32, 13


def parse():
    parser = argparse.ArgumentParser()
    parser.add_argument("--wheelwork", required=True)
    parser.add_argument("--package", required=True)
    parser.add_argument("--gguf")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    parser.add_argument("--prompt", default="128,512", help="tokens of prompts")
    parser.add_argument("--context", default="128,1024", help="tokens behind which tokens are decoded")
    parser.add_argument("--svg", help="where a picture of decoding goes")
    parser.add_argument("--take", help="for itself: the peer of this process")
    options = parser.parse_args()
    options.prompts, options.contexts = ([int(number) for number in text.split(",")] for text in (options.prompt, options.context))
    return options


def busy():
    """CPU seconds of everybody since the machine started."""
    if not os.path.exists("/proc/stat"):
        return 0.0
    fields = [int(field) for field in open("/proc/stat").readline().split()[1:9]]
    return (sum(fields) - fields[3] - fields[4]) / os.sysconf("SC_CLK_TCK")


def memory():
    """Anonymous and peak resident MiB of this process, where the system tells."""
    found = {}
    if os.path.exists("/proc/self/status"):
        for line in open("/proc/self/status"):
            key, _, value = line.partition(":")
            if key in ("RssAnon", "VmHWM"):
                found[key] = int(value.split()[0]) // 1024
    return found.get("RssAnon"), found.get("VmHWM")


def probe(threads):
    """GB/s at which so many threads read memory; NumPy sums without Python's lock."""
    parts = [numpy.ones((512 << 20) // 8 // threads) for _ in range(threads)]
    best = float("inf")
    for _ in range(3):
        sums = [threading.Thread(target=part.sum) for part in parts]
        start = time.perf_counter()
        for thread in sums:
            thread.start()
        for thread in sums:
            thread.join()
        best = min(best, time.perf_counter() - start)
    return sum(part.nbytes for part in parts) / best / 1e9


def int8_probe(threads):
    """A function that tells how many billion int8 operations a second so many threads compute."""
    import onnx
    import onnxruntime

    rows, size = 512, 1536
    values = lambda name, kind, shape: onnx.helper.make_tensor_value_info(name, kind, shape)
    weights = onnx.numpy_helper.from_array(numpy.arange(size * size, dtype=numpy.int32).astype(numpy.int8).reshape(size, size), "b")
    graph = onnx.helper.make_graph(
        [onnx.helper.make_node("MatMulInteger", ["a", "b"], ["y"])], "probe",
        [values("a", onnx.TensorProto.UINT8, [rows, size])], [values("y", onnx.TensorProto.INT32, [rows, size])], [weights])
    model = onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", 17)], ir_version=10)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    # Its threads sleep while the programs take their turns.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    session = onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
    a = numpy.arange(rows * size, dtype=numpy.int32).astype(numpy.uint8).reshape(rows, size)

    def measured():
        best = float("inf")
        for _ in range(5):
            start = time.perf_counter()
            session.run(["y"], {"a": a})
            best = min(best, time.perf_counter() - start)
        return 2 * rows * size * size / best / 1e9

    return measured


def chart(lines):
    """Tokens a second against the context, a line for each peer, as SVG."""
    width, height, left, bottom, right = 720, 400, 50, 40, 190
    contexts = sorted({context for points in lines.values() for context in points})
    top = max(rate for points in lines.values() for rate in points.values()) * 1.1
    grid = next(size for size in (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000) if top <= 10 * size or size == 1000)
    step = (width - left - right) / max(1, len(contexts) - 1)
    at_x = lambda context: left + contexts.index(context) * step
    at_y = lambda rate: height - bottom - rate / top * (height - bottom - 20)
    parts = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" font-family="sans-serif" font-size="12">',
             f'<rect width="{width}" height="{height}" fill="white"/>']
    for rate in range(0, int(top) + 1, grid):
        parts.append(f'<line x1="{left}" x2="{width - right}" y1="{at_y(rate):.1f}" y2="{at_y(rate):.1f}" stroke="#ddd"/>'
                     f'<text x="{left - 6}" y="{at_y(rate) + 4:.1f}" text-anchor="end">{rate}</text>')
    for context in contexts:
        parts.append(f'<text x="{at_x(context):.1f}" y="{height - bottom + 16}" text-anchor="middle">{context}</text>')
    parts.append(f'<text x="{(left + width - right) / 2}" y="{height - 8}" text-anchor="middle">tokens of context</text>'
                 f'<text x="14" y="{height / 2}" transform="rotate(-90 14 {height / 2})" text-anchor="middle">tokens a second</text>')
    # Names at the ends of their lines, from the top down, none over another.
    labels, free = {}, 0
    for name, points in sorted(lines.items(), key=lambda line: -line[1][max(line[1])]):
        labels[name] = max(at_y(points[max(points)]) + 4, free)
        free = labels[name] + 14
    for colour, (name, points) in zip(("#c40", "#e90", "#06c", "#080", "#707"), lines.items()):
        places = [(at_x(context), at_y(points[context])) for context in sorted(points)]
        parts.append(f'<polyline fill="none" stroke="{colour}" stroke-width="2" points="{" ".join(f"{x:.1f},{y:.1f}" for x, y in places)}"/>'
                     f'<text x="{places[-1][0] + 8:.1f}" y="{labels[name]:.1f}" fill="{colour}">{name}</text>')
    return "\n".join([*parts, "</svg>\n"])


def ours(options, kernels):
    """Figures of one run of `wheelwork bench` on the form that was prepared for these kernels."""
    command = [options.wheelwork, "bench", "--json", "--model", options.package, "--device", "cpu", "--kernels", kernels,
               "--threads", str(options.threads), "--repeat", "1", "--decode", str(DECODED),
               "--prompt", options.prompt, "--context", options.context]
    # A folder for each choice, so that both forms stay from round to round.
    cache = os.path.join(os.path.dirname(os.path.abspath(options.package)), "bench-peers", kernels)
    os.environ["XDG_CACHE_HOME"] = cache
    subprocess.run([options.wheelwork, "prepare", options.package, "--kernels", kernels, "--threads", str(options.threads)],
                   check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    start = time.perf_counter()
    first = [options.wheelwork, "generate", "--json", "--model", options.package, "--device", "cpu", "--kernels", kernels,
             "--threads", str(options.threads), "--max-tokens", "1", "--temperature", "0",
             "--prompt-ids", ",".join(str(token) for token in first_prompt())]
    # It says by its exit code that the answer was cut.
    if subprocess.run(first, capture_output=True).returncode not in (0, 3):
        raise SystemExit("no first token")
    yield "first_token_s", time.perf_counter() - start
    lines = subprocess.run(command, check=True, capture_output=True, text=True).stdout.splitlines()
    for line in map(json.loads, lines):
        if "load_ms" in line:
            yield "open_s", line["load_ms"] / 1000
            if line["placement"]["prepared"] != "used":
                raise SystemExit(f"the prepared form is {line['placement']['prepared']}")
            anonymous = line["memory_after_load"].get("anonymous_kb")
            if anonymous:
                yield "anonymous_MiB_after_open", anonymous / 1024
        if "memory_at_end" in line:
            yield "anonymous_MiB_at_end", line["memory_at_end"]["anonymous_kb"] / 1024
        elif "phase" in line:
            at = line["tokens"] if line["phase"] == "prefill" else line["context"]
            yield f"{line['phase']}_tokens_per_s_at_{at}", line["best_tokens_per_s"]


def first_prompt():
    return [index * 7919 % 256 for index in range(FIRST_PROMPT)]


def rates(options, prefill, decode):
    for tokens in options.prompts:
        yield f"prefill_tokens_per_s_at_{tokens}", tokens / prefill(tokens)
    for tokens in options.contexts:
        yield f"decode_tokens_per_s_at_{tokens}", DECODED / decode(tokens)
    yield "anonymous_MiB_at_end", memory()[0]


def genai(options):
    import onnxruntime_genai

    opened = start = time.perf_counter()
    config = onnxruntime_genai.Config(os.path.join(options.package, "cpu"))
    threads = {"intra_op_num_threads": options.threads}
    config.overlay(json.dumps({"model": {"decoder": {"session_options": threads}}}))
    model = onnxruntime_genai.Model(config)
    yield "open_s", time.perf_counter() - start
    yield "anonymous_MiB_after_open", memory()[0]

    def run(tokens, steps):
        parameters = onnxruntime_genai.GeneratorParams(model)
        length = tokens + steps + 2
        parameters.set_search_options(max_length=length, min_length=length, do_sample=False)
        generator = onnxruntime_genai.Generator(model, parameters)
        start = time.perf_counter()
        generator.append_tokens((numpy.arange(tokens, dtype=numpy.int32) * 7919 % 256)[None, :])
        generator.generate_next_token()
        middle = time.perf_counter()
        for _ in range(steps):
            generator.generate_next_token()
        return middle - start, time.perf_counter() - middle

    run(FIRST_PROMPT, 0)
    yield "first_token_s", time.perf_counter() - opened
    run(8, 2)
    yield from rates(options, lambda tokens: run(tokens, 0)[0], lambda tokens: run(tokens, DECODED)[1])


def llama(options):
    import llama_cpp

    opened = start = time.perf_counter()
    model = llama_cpp.Llama(options.gguf, n_ctx=max(options.prompts + options.contexts) + DECODED + 16, n_threads=options.threads, n_threads_batch=options.threads,
                            flash_attn=True, verbose=False)
    yield "open_s", time.perf_counter() - start
    yield "anonymous_MiB_after_open", memory()[0]

    def prefill(tokens):
        model.reset()
        start = time.perf_counter()
        model.eval([index * 7919 % 256 for index in range(tokens)])
        return time.perf_counter() - start

    def decode(tokens):
        prefill(tokens)
        start = time.perf_counter()
        for index in range(DECODED):
            model.eval([index % 256])
        return time.perf_counter() - start

    prefill(FIRST_PROMPT)
    yield "first_token_s", time.perf_counter() - opened
    yield from rates(options, prefill, decode)


def openvino(options):
    import openvino
    import openvino_genai

    opened = start = time.perf_counter()
    model = openvino_genai.LLMPipeline(options.gguf, "CPU", INFERENCE_NUM_THREADS=options.threads, PERFORMANCE_HINT="LATENCY",
                                       ATTENTION_BACKEND="SDPA")
    yield "open_s", time.perf_counter() - start
    yield "anonymous_MiB_after_open", memory()[0]

    def run(tokens, steps):
        """Seconds to the first token, and of `steps` more."""
        config = openvino_genai.GenerationConfig(max_new_tokens=steps + 1, min_new_tokens=steps + 1, ignore_eos=True, do_sample=False)
        ids = openvino.Tensor((numpy.arange(tokens, dtype=numpy.int64) * 7919 % 256)[None, :])
        mask = openvino.Tensor(numpy.ones((1, tokens), numpy.int64))
        times = []

        class Clock(openvino_genai.StreamerBase):
            def write(self, token):
                times.append(time.perf_counter())
                return openvino_genai.StreamingStatus.RUNNING

            def end(self):
                pass

        start = time.perf_counter()
        model.generate(openvino_genai.TokenizedInputs(ids, mask), config, Clock())
        return times[0] - start, times[-1] - times[0]

    run(FIRST_PROMPT, 0)
    yield "first_token_s", time.perf_counter() - opened
    run(8, 2)
    yield from rates(options, lambda tokens: run(tokens, 0)[0], lambda tokens: run(tokens, DECODED)[1])


PEERS = {
    "ours, our kernels": lambda options: ours(options, "own"),
    "ours, ONNX Runtime's kernels": lambda options: ours(options, "off"),
    "onnxruntime-genai": genai,
    "llama.cpp": llama,
    "OpenVINO": openvino,
}
# What reads `--gguf`.
OF_GGUF = ("llama.cpp", "OpenVINO")


def take(options, peer):
    """Figures of a peer, in a process of its own."""
    if options.take:
        return list(PEERS[peer](options))
    command = [sys.executable, *sys.argv, "--take", peer]
    before, start = busy(), os.times()
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode != 0:
        print(json.dumps({"peer": peer, "error": done.stderr.strip().splitlines()[-1:]}), flush=True)
        return [], 0.0
    end = os.times()
    own = sum(end[:4]) - sum(start[:4])
    return json.loads(done.stdout.splitlines()[-1]), round(busy() - before - own, 1)


def main():
    options = parse()
    if options.take:
        print(json.dumps(take(options, options.take)))
        return
    wanted = [peer for peer in PEERS if options.gguf or peer not in OF_GGUF]
    found = {}
    int8 = int8_probe(options.threads)
    for number in range(options.rounds):
        for peer in wanted:
            bandwidth, operations = probe(options.threads), int8()
            figures, others = take(options, peer)
            for name, value in figures:
                found.setdefault(name, {}).setdefault(peer, []).append(value)
                print(json.dumps({"round": number, "peer": peer, "figure": name, "value": round(value, 3), "others": others,
                                  "probe_GB_per_s": round(bandwidth, 1), "probe_int8_GOPS": round(operations)}), flush=True)
    print("\n| figure | " + " | ".join(wanted) + " |\n|---|" + "---|" * len(wanted))
    for name, by_peer in found.items():
        cells = []
        for peer in wanted:
            values = by_peer.get(peer, [])
            cells.append(f"{statistics.median(values):.2f} ({min(values):.2f} to {max(values):.2f})" if values else "-")
        print(f"| {name} | " + " | ".join(cells) + " |")
    if options.svg:
        rates_of = lambda peer: {context: statistics.median(found[name][peer]) for context in options.contexts
                                 if peer in found.get(name := f"decode_tokens_per_s_at_{context}", {})}
        with open(options.svg, "w") as file:
            file.write(chart({peer: rates_of(peer) for peer in wanted if rates_of(peer)}))


main()
