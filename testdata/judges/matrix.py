"""Checkpoints as people have them: every combination of what may differ in a folder, made from the random weights of
testdata/families.

`combinations(count)` chooses them: first so that every pair of values of two axes occurs, then at random. `build` writes
one. `plain` gives the combination that means the same and that transformers reads, where it does not read this one.
"""

import copy
import itertools
import json
import random
import shutil
import sys

import numpy as np
from wheelwork import FAMILIES

sys.path.insert(0, str(FAMILIES))
import make  # noqa: E402

CHATML = (
    "{% for message in messages %}{{'<|im_start|>' + message['role'] + '\\n' + message['content'] + '<|im_end|>' + '\\n'}}"
    "{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}"
)
TRAINED = (
    "{{ bos_token }}{% for m in messages %}{% if m.role == 'assistant' %}{% generation %}{{ m.content }}{{ eos_token }}"
    "{% endgeneration %}{% else %}{{ '<｜User｜>' ~ m.content | trim }}{% endif %}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<｜Assistant｜>' }}{% endif %}"
)
DATED = "{{ strftime_now('%Y') | length }}{% for m in messages %}{{ m.role.upper() ~ ': ' ~ m.content }}{% endfor %}"
LLAMA3 = {
    "factor": 8.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0, "original_max_position_embeddings": 32,
    "rope_type": "llama3",
}
# What each form of the rotary settings sets in config.json; None removes a field.
ROPE = {
    "theta": {"rope_theta": 5000.0},
    "nothing": {"rope_theta": None},
    "scaling null": {"rope_scaling": None},
    "default, two names": {"rope_scaling": {"rope_type": "default", "type": "default"}},
    "llama3": {"rope_scaling": LLAMA3},
    "llama3, old name": {"rope_scaling": {k: v for k, v in LLAMA3.items() if k != "rope_type"} | {"type": "llama3"}},
    "llama3, two names": {"rope_scaling": LLAMA3 | {"type": "llama3"}},
    "llama3 of the file's context": {
        "rope_scaling": {k: v for k, v in LLAMA3.items() if k != "original_max_position_embeddings"}},
    "parameters": {"rope_theta": None, "rope_parameters": {"rope_theta": 5000.0, "rope_type": "default"}},
    "parameters llama3": {"rope_theta": None, "rope_parameters": LLAMA3 | {"rope_theta": 5000.0}},
    "both, equal": {"rope_parameters": LLAMA3 | {"rope_theta": 10000.0}, "rope_scaling": LLAMA3, "rope_theta": 10000.0},
    "both, other kinds": {"rope_parameters": {"rope_theta": 10000.0, "rope_type": "default"}, "rope_scaling": LLAMA3},
    "both, other thetas": {"rope_theta": 10000.0, "rope_parameters": {"rope_theta": 500.0, "rope_type": "default"}},
    "both, theta in one": {
        "rope_theta": None, "rope_scaling": LLAMA3, "rope_parameters": LLAMA3 | {"rope_theta": 500.0}},
    "yarn": {"rope_scaling": {"type": "yarn", "rope_type": "yarn", "factor": 4.0,
                              "original_max_position_embeddings": 128}},
    "linear, old name": {"rope_scaling": {"type": "linear", "factor": 2.0}},
    "half a head": {"partial_rotary_factor": 0.5},
}
GENERATION = {
    "none": None,
    "only ends": {"bos_token_id": 316, "eos_token_id": 313},
    "two ends": {"eos_token_id": [313, 317]},
    "temperature without sampling": {"eos_token_id": 313, "temperature": 0.6, "top_p": 0.95},
    "sampled": {"eos_token_id": 313, "do_sample": True},
    "sampled by R1's advice": {"eos_token_id": 313, "do_sample": True, "temperature": 0.6, "top_p": 0.95},
    "sampled, all set": {"eos_token_id": 313, "do_sample": True, "temperature": 0.7, "top_k": 20, "top_p": 0.8,
                         "repetition_penalty": 1.05},
    "penalty without sampling": {"eos_token_id": 313, "repetition_penalty": 1.1},
    "top_k 0": {"eos_token_id": 313, "do_sample": True, "top_k": 0},
    "top_k -1": {"eos_token_id": 313, "do_sample": True, "top_k": -1},
    "top_k 20.0": {"eos_token_id": 313, "do_sample": True, "top_k": 20.0},
    "top_p 0": {"eos_token_id": 313, "do_sample": True, "top_p": 0.0},
    "eos -1": {"eos_token_id": -1},
    "beams": {"eos_token_id": 313, "num_beams": 4},
    "in config.json": None,
}
AXES = {
    "family": ["qwen2", "qwen3", "llama"],
    "head": ["apart", "tied", "tied and repeated", "tied, but another"],
    "files": ["one", "shards", "one beside shards", "one beside a stale index", "cache"],
    "names": ["plain", "_orig_mod.", "base_model.model.", "model.language_model.", "without model."],
    "dtype": ["BF16", "F16", "F32"],
    "rope": list(ROPE),
    "tokenizer": ["one file", "tokens in tokenizer_config.json", "tokens in added_tokens.json",
                  "special_tokens_map.json", "byte order mark", "tokenizer_config.json without ends"],
    "template": ["R1", "ChatML", "of training", "dated", "named", "own file", "own file and another", "none"],
    "generation": list(GENERATION),
    "blocks": ["float", "32", "128"],
}
# What most checkpoints have: half of all values, so that one oddity is not hidden behind the refusal of another.
USUAL = {
    "head": "apart", "files": "one", "names": "plain", "rope": "theta", "tokenizer": "one file", "template": "R1",
    "generation": "only ends", "blocks": "float",
}


def combinations(count, seed=17):
    """At least `count` combinations, the same each time. Every value stands alone among usual ones, and every pair of
    values occurs."""
    chance = random.Random(seed)

    def usual(share=1.0):
        """With that share of usual values."""
        value = lambda axis: USUAL.get(axis) if chance.random() < share else None  # noqa: E731
        return {axis: value(axis) or chance.choice(values) for axis, values in AXES.items()}

    chosen = [usual() | {axis: value} for axis, values in AXES.items() for value in values]
    chosen += [usual() | {"family": family, "rope": rope} for family in AXES["family"] for rope in ROPE]
    missing = {
        ((a, x), (b, y)) for a, b in itertools.combinations(AXES, 2) for x in AXES[a] for y in AXES[b]}
    for combination in chosen:
        missing -= set(itertools.combinations(combination.items(), 2))
    while missing or len(chosen) < count:
        pairs = sorted(missing)
        best, gain = None, -1
        for _ in range(12):
            candidate = usual(0.6)
            if pairs:
                candidate |= dict(chance.choice(pairs))
            candidate = {axis: candidate[axis] for axis in AXES}
            gained = len(missing & set(itertools.combinations(candidate.items(), 2)))
            if gained > gain:
                best, gain = candidate, gained
        chosen.append(best)
        missing -= set(itertools.combinations(best.items(), 2))
    return chosen


def plain(combination):
    """The same model in a form that transformers reads: where tensors have a prefix it starts from random weights, and a
    byte order mark it takes for an error."""
    same = dict(combination)
    if same["tokenizer"] == "byte order mark":
        same["tokenizer"] = "one file"
    if same["names"] != "plain":
        same["names"] = "plain"
    if same["files"] == "cache":
        same["files"] = "one"
    return same


WEIGHTS = {}


def tensors_of(family, tied):
    """Random tensors, float32 numbers that bfloat16 holds."""
    if (family, tied) not in WEIGHTS:
        made = make.weights(FAMILIES / family, 3)
        made = {name: tensor.float().numpy() for name, tensor in made.items()}
        if tied:
            made["model.embed_tokens.weight"] = made.pop("lm_head.weight")
        WEIGHTS[family, tied] = made
    return dict(WEIGHTS[family, tied])


def build(combination, folder):
    """Writes a checkpoint."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    source = FAMILIES / combination["family"]
    config = json.loads((source / "config.json").read_text())
    config |= {"rope_theta": 10000.0, "rope_scaling": None}
    config |= copy.deepcopy(ROPE[combination["rope"]])
    config = {name: value for name, value in config.items() if value is not None}
    head = combination["head"]
    config["tie_word_embeddings"] = head != "apart"
    config["torch_dtype"] = {"BF16": "bfloat16", "F16": "float16", "F32": "float32"}[combination["dtype"]]
    generation = GENERATION[combination["generation"]]
    if combination["generation"] == "in config.json":
        config |= {"do_sample": True, "temperature": 0.5}
    tensors = tensors_of(combination["family"], head != "apart")
    if head.startswith("tied and") or head.startswith("tied,"):
        tensors["lm_head.weight"] = tensors["model.embed_tokens.weight"].copy()
        if head.startswith("tied,"):
            tensors["lm_head.weight"][7] *= -1
    tensors = {renamed(name, combination["names"]): tensor for name, tensor in tensors.items()}
    write_weights(folder, tensors, combination)
    dump(folder / "config.json", config)
    if generation is not None:
        dump(folder / "generation_config.json", generation)
    write_tokenizer(folder, source, combination)
    return into_cache(folder) if combination["files"] == "cache" else folder


def renamed(name, prefix):
    if prefix == "plain":
        return name
    if prefix == "without model.":
        return name.removeprefix("model.")
    if prefix == "model.language_model.":
        return name.replace("model.", prefix, 1) if name.startswith("model.") else name
    return prefix + name


def write_weights(folder, tensors, combination):
    names = sorted(tensors)
    files = combination["files"]
    whole = ["model.safetensors"] * len(names)
    parts = [f"model-{1 + 2 * i // len(names):05}-of-00002.safetensors" for i in range(len(names))]
    if files in ("one", "cache", "one beside shards", "one beside a stale index"):
        write_shards(folder, tensors, dict(zip(names, whole)), combination["dtype"])
    if files in ("shards", "one beside shards"):
        write_shards(folder, tensors, dict(zip(names, parts)), combination["dtype"])
    if files in ("shards", "one beside shards", "one beside a stale index"):
        index = {"metadata": {"total_size": sum(t.size for t in tensors.values())}, "weight_map": dict(zip(names, parts))}
        dump(folder / "model.safetensors.index.json", index)


def write_shards(folder, tensors, files, dtype):
    for file in set(files.values()):
        header, body, at = {"__metadata__": {"format": "pt"}}, [], 0
        for name in sorted(name for name, its in files.items() if its == file):
            data = encoded(tensors[name], dtype)
            header[name] = {"dtype": dtype, "shape": list(tensors[name].shape), "data_offsets": [at, at + len(data)]}
            body.append(data)
            at += len(data)
        head = json.dumps(header).encode()
        head += b" " * (-len(head) % 8)
        (folder / file).write_bytes(len(head).to_bytes(8, "little") + head + b"".join(body))


def encoded(tensor, dtype):
    if dtype == "F32":
        return tensor.astype("<f4").tobytes()
    if dtype == "F16":
        return tensor.astype("<f2").tobytes()
    return (np.ascontiguousarray(tensor, "<f4").view("<u4") >> 16).astype("<u2").tobytes()


def write_tokenizer(folder, source, combination):
    tokenizer = json.loads((source / "tokenizer.json").read_text(encoding="utf-8"))
    config = json.loads((source / "tokenizer_config.json").read_text(encoding="utf-8"))
    template = config.pop("chat_template")
    form = combination["template"]
    other = {"ChatML": CHATML, "of training": TRAINED, "dated": DATED}.get(form, template)
    if form in ("R1", "ChatML", "of training", "dated"):
        config["chat_template"] = other
    elif form == "named":
        config["chat_template"] = [
            {"name": "tool_use", "template": "no"}, {"name": "default", "template": template}]
    elif form.startswith("own file"):
        (folder / "chat_template.jinja").write_text(CHATML, encoding="utf-8")
        if form.endswith("another"):
            config["chat_template"] = "another: {{ messages[0].content }}"
    files = combination["tokenizer"]
    tail = ("<|EOT|>", "<think>", "</think>")
    tail = [token for token in tokenizer["added_tokens"] if token["content"] in tail]
    every = tokenizer["added_tokens"]
    if files.startswith("tokens in"):
        tokenizer["added_tokens"] = [token for token in tokenizer["added_tokens"] if token not in tail]
    if files == "tokens in tokenizer_config.json":
        config["added_tokens_decoder"] = {
            str(token["id"]): {name: value for name, value in token.items() if name != "id"} for token in every}
    if files == "tokens in added_tokens.json":
        dump(folder / "added_tokens.json", {token["content"]: token["id"] for token in tail})
    ends = ["bos_token", "eos_token", "pad_token"]
    if files == "special_tokens_map.json":
        dump(folder / "special_tokens_map.json", {end: config.pop(end)["content"] for end in ends})
    if files == "tokenizer_config.json without ends":
        for end in ends:
            config.pop(end)
    dump(folder / "tokenizer.json", tokenizer)
    dump(folder / "tokenizer_config.json", config)
    if files == "byte order mark":
        for name in ("config.json", "tokenizer.json", "tokenizer_config.json", "generation_config.json"):
            if (folder / name).exists():
                (folder / name).write_bytes(b"\xef\xbb\xbf" + (folder / name).read_bytes())


def into_cache(folder):
    """The same folder as Hugging Face's cache has it: links into blobs."""
    cache = folder.with_name(f"models--wheel--{folder.name}")
    shutil.rmtree(cache, ignore_errors=True)
    snapshot = cache / "snapshots" / ("0" * 40)
    snapshot.mkdir(parents=True)
    (cache / "blobs").mkdir()
    for number, file in enumerate(sorted(folder.iterdir())):
        digest = f"{number:040x}"
        file.rename(cache / "blobs" / digest)
        (snapshot / file.name).symlink_to(f"../../blobs/{digest}")
    folder.rmdir()
    return snapshot


def dump(path, value):
    path.write_text(json.dumps(value, indent=1, ensure_ascii=False), encoding="utf-8")
