"""Makes tiny random checkpoints of each model family, and what transformers computes from them.

    python make.py           writes qwen2/, qwen2-sharded/, llama/ and qwen3/
    python make.py --check   makes them again elsewhere and compares; exit code 1 on a difference above 1e-5

The weights are random but not small: with the usual initialisation all logits are nearly equal, attention is nearly
uniform, and a wrong rotary embedding or a forgotten bias hides below the tolerance of the test.
"""

import argparse
import json
import sys
import tempfile
from pathlib import Path

import torch
import transformers
from safetensors.torch import load_file, save_file
from transformers import AutoConfig, AutoModelForCausalLM

HERE = Path(__file__).parent
VOCAB, PROMPT, STEPS = 320, 40, 64
TOLERANCE = 1e-5

COMMON = {
    "attention_dropout": 0.0, "bos_token_id": 316, "eos_token_id": 313, "hidden_act": "silu", "hidden_size": 64,
    "initializer_range": 0.02, "max_position_embeddings": 512, "rms_norm_eps": 1e-6, "tie_word_embeddings": False,
    "torch_dtype": "bfloat16", "use_cache": True, "vocab_size": VOCAB,
}
# The seed of each family is the first with which no greedy choice is close: see MARGIN.
FAMILIES = {
    "qwen2": (COMMON | {
        "architectures": ["Qwen2ForCausalLM"], "model_type": "qwen2", "intermediate_size": 128,
        "num_hidden_layers": 3, "num_attention_heads": 2, "num_key_value_heads": 1, "rope_theta": 10000.0,
        "max_window_layers": 3, "sliding_window": 512, "use_sliding_window": False}),
    # An original context of 32 puts the three rules of llama3 scaling (keep, blend, divide) to work within 104
    # positions: the wavelengths start at 6, 14 and 32.
    "llama": (COMMON | {
        "architectures": ["LlamaForCausalLM"], "model_type": "llama", "intermediate_size": 192,
        "num_hidden_layers": 2, "num_attention_heads": 2, "num_key_value_heads": 1, "rope_theta": 500000.0,
        "rms_norm_eps": 1e-5, "attention_bias": False, "mlp_bias": False, "pretraining_tp": 1,
        "rope_scaling": {"factor": 8.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0,
                         "original_max_position_embeddings": 32, "rope_type": "llama3"}}),
    # Heads times head_dim is 128, twice the hidden size, as Qwen3 allows.
    "qwen3": (COMMON | {
        "architectures": ["Qwen3ForCausalLM"], "model_type": "qwen3", "intermediate_size": 128,
        "num_hidden_layers": 2, "num_attention_heads": 4, "num_key_value_heads": 2, "head_dim": 32,
        "rope_theta": 1000000.0, "attention_bias": False, "max_window_layers": 2, "sliding_window": None,
        "use_sliding_window": False, "rope_scaling": None}),
}
MARGIN = 0.02  # least distance between the best and the second logit in the greedy golden


def make(root):
    for name, config in FAMILIES.items():
        folder = root / name
        folder.mkdir(parents=True, exist_ok=True)
        dump(folder / "config.json", config)
        write_tokenizer(folder)
        for seed in range(100):
            tensors = weights(folder, seed)
            save_file(tensors, folder / "model.safetensors", metadata={"format": "pt"})
            golden, margin = run(folder, seed)
            if margin > MARGIN:
                break
        save_file(golden, folder / "golden.safetensors")
        logits = golden["decode_logits"]
        print(f"{name}: seed {seed}, logits {logits.min():.2f} to {logits.max():.2f}, least margin {margin:.3f}, "
              f"{len(set(golden['greedy_ids'].tolist()))} distinct ids")
    shard(root / "qwen2", root / "qwen2-sharded")


def weights(folder, seed):
    """bfloat16 tensors: matrices of deviation 0.12, norms around 1, biases around 0."""
    g = torch.Generator().manual_seed(seed)
    shapes = AutoModelForCausalLM.from_config(AutoConfig.from_pretrained(folder)).state_dict()
    tensors = {}
    for name in sorted(shapes):
        noise = torch.randn(shapes[name].shape, generator=g)
        if name.endswith("norm.weight"):
            value = 1 + 0.2 * noise
        elif name.endswith("bias"):
            value = 0.3 * noise
        else:
            # Sharper attention and a wider head, so that every position and every id matters.
            value = noise * (0.25 if "lm_head" in name else 0.2 if "q_proj" in name or "k_proj" in name else 0.12)
        tensors[name] = value.to(torch.bfloat16)
    return tensors


@torch.inference_mode()
def run(folder, seed):
    """The golden tensors, and the least margin of a greedy choice. The arithmetic is float32."""
    model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32, attn_implementation="eager").eval()
    prompt = torch.randint(0, VOCAB, (1, PROMPT), generator=torch.Generator().manual_seed(1000 + seed))
    out = model(prompt, use_cache=True)
    prefill, row, ids, rows = out.logits[0], out.logits[0, -1], [], []
    for _ in range(STEPS):
        rows.append(row)
        ids.append(row.argmax())
        out = model(ids[-1].view(1, 1), past_key_values=out.past_key_values, use_cache=True)
        row = out.logits[0, -1]
    decode = torch.stack(rows)
    best = decode.topk(2).values
    golden = {
        "prompt_ids": prompt[0].clone(),        # int64 [PROMPT]
        "prefill_logits": prefill.clone(),      # float32 [PROMPT, VOCAB]
        "greedy_ids": torch.stack(ids),         # int64 [STEPS]
        "decode_logits": decode,                # float32 [STEPS, VOCAB]: row i chose greedy_ids[i]
    }
    return golden, (best[:, 0] - best[:, 1]).min().item()


def shard(source, folder):
    """The same checkpoint in two files with an index, split inside a layer as large checkpoints are."""
    folder.mkdir(exist_ok=True)
    for name in ["config.json", "tokenizer.json", "tokenizer_config.json", "generation_config.json"]:
        (folder / name).write_bytes((source / name).read_bytes())
    tensors = load_file(source / "model.safetensors")
    names = sorted(tensors)
    parts = [names[:len(names) // 2], names[len(names) // 2:]]
    where = {}
    for i, part in enumerate(parts, 1):
        file = f"model-{i:05}-of-{len(parts):05}.safetensors"
        save_file({n: tensors[n] for n in part}, folder / file, metadata={"format": "pt"})
        where |= dict.fromkeys(part, file)
    total = sum(t.numel() * t.element_size() for t in tensors.values())
    dump(folder / "model.safetensors.index.json", {"metadata": {"total_size": total}, "weight_map": where})


def write_tokenizer(folder):
    """The tokenizer of tiny-r1, cut down to 256 bytes, the first merges and the added tokens."""
    source = HERE.parent / "tiny-r1"
    tokenizer = json.loads((source / "tokenizer.json").read_text(encoding="utf-8"))
    added = tokenizer["added_tokens"]
    keep = VOCAB - len(added)
    shift = added[0]["id"] - keep
    model = tokenizer["model"]
    model["vocab"] = {text: i for text, i in model["vocab"].items() if i < keep}
    model["merges"] = [pair for pair in model["merges"] if "".join(pair) in model["vocab"]]
    for token in added:
        token["id"] -= shift
    for token in tokenizer["post_processor"]["special_tokens"].values():
        token["ids"] = [i - shift for i in token["ids"]]
    dump(folder / "tokenizer.json", tokenizer)
    (folder / "tokenizer_config.json").write_bytes((source / "tokenizer_config.json").read_bytes())
    generation = json.loads((source / "generation_config.json").read_text())
    # All tokens: where nothing is said, sampling keeps 50, and what a random model writes would miss most of them.
    generation |= {"bos_token_id": COMMON["bos_token_id"], "eos_token_id": COMMON["eos_token_id"], "top_k": 0}
    dump(folder / "generation_config.json", generation)


def dump(path, value):
    path.write_text(json.dumps(value, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


def check():
    """Compares every committed tensor with a freshly made one."""
    worst = 0.0
    with tempfile.TemporaryDirectory() as fresh:
        make(Path(fresh))
        for file in sorted(Path(fresh).glob("*/*.safetensors")):
            ours, theirs = load_file(file), load_file(HERE / file.relative_to(fresh))
            if ours.keys() != theirs.keys():
                sys.exit(f"{file.relative_to(fresh)}: other tensors")
            worst = max([worst] + [(ours[n].double() - theirs[n].double()).abs().max().item() for n in ours])
        for file in sorted(Path(fresh).glob("*/*.json")):
            if file.read_bytes() != (HERE / file.relative_to(fresh)).read_bytes():
                sys.exit(f"{file.relative_to(fresh)}: differs")
    print(f"largest difference {worst:.2e}")
    if worst > TOLERANCE:
        sys.exit(1)


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--check", action="store_true")
    torch.set_num_threads(1)  # one order of summation
    print(f"torch {torch.__version__}, transformers {transformers.__version__}")
    check() if parser.parse_args().check else make(HERE)
