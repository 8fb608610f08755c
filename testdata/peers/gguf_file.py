"""A checkpoint of the Qwen2 shape (`cargo xtask checkpoint qwen-1.5b`) as a GGUF file for llama.cpp and OpenVINO, quantised by
llama.cpp itself. Needs gguf, numpy and llama-cpp-python.

    gguf_file.py CHECKPOINT OUT.gguf [--format Q4_0|Q4_K_M]
"""

import argparse
import ctypes
import json
import mmap
import os

import gguf
import llama_cpp
import numpy

FORMATS = {"Q4_0": llama_cpp.LLAMA_FTYPE_MOSTLY_Q4_0, "Q4_K_M": llama_cpp.LLAMA_FTYPE_MOSTLY_Q4_K_M}
# Hugging Face's names and llama.cpp's, of a layer and of the rest.
OF_A_LAYER = {
    "self_attn.q_proj": "attn_q", "self_attn.k_proj": "attn_k", "self_attn.v_proj": "attn_v", "self_attn.o_proj": "attn_output",
    "mlp.gate_proj": "ffn_gate", "mlp.up_proj": "ffn_up", "mlp.down_proj": "ffn_down",
    "input_layernorm": "attn_norm", "post_attention_layernorm": "ffn_norm",
}
OF_THE_MODEL = {"model.embed_tokens": "token_embd", "lm_head": "output", "model.norm": "output_norm"}


def renamed(name):
    module, kind = name.rsplit(".", 1)
    if module in OF_THE_MODEL:
        return f"{OF_THE_MODEL[module]}.{kind}"
    _, _, layer, module = module.split(".", 3)
    return f"blk.{layer}.{OF_A_LAYER[module]}.{kind}"


def tensors(folder):
    """Names, shapes and the raw bfloat16 of every tensor; files are mapped, not read."""
    shards = sorted(set(json.load(open(os.path.join(folder, "model.safetensors.index.json")))["weight_map"].values()))
    for shard in shards:
        with open(os.path.join(folder, shard), "rb") as file:
            data = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        length = int.from_bytes(data[:8], "little")
        for name, entry in json.loads(data[8 : 8 + length]).items():
            if name == "__metadata__":
                continue
            assert entry["dtype"] == "BF16", f"{name} is {entry['dtype']}, not BF16"
            start, end = (8 + length + offset for offset in entry["data_offsets"])
            yield name, entry["shape"], numpy.frombuffer(data, numpy.uint16, (end - start) // 2, start)


def vocabulary(folder, size):
    model = json.load(open(os.path.join(folder, "tokenizer.json")))
    names, types = [f"[PAD{index}]" for index in range(size)], [gguf.TokenType.UNUSED] * size
    for name, index in model["model"]["vocab"].items():
        names[index], types[index] = name, gguf.TokenType.NORMAL
    for token in model["added_tokens"]:
        names[token["id"]], types[token["id"]] = token["content"], gguf.TokenType.CONTROL
    merges = [merge if isinstance(merge, str) else " ".join(merge) for merge in model["model"]["merges"]]
    return names, types, merges


def write(folder, path):
    config = json.load(open(os.path.join(folder, "config.json")))
    writer = gguf.GGUFWriter(path, "qwen2")
    writer.add_name("random weights")
    writer.add_block_count(config["num_hidden_layers"])
    writer.add_context_length(config["max_position_embeddings"])
    writer.add_embedding_length(config["hidden_size"])
    writer.add_feed_forward_length(config["intermediate_size"])
    writer.add_head_count(config["num_attention_heads"])
    writer.add_head_count_kv(config["num_key_value_heads"])
    writer.add_rope_freq_base(config["rope_theta"])
    writer.add_layer_norm_rms_eps(config["rms_norm_eps"])
    writer.add_file_type(gguf.LlamaFileType.MOSTLY_BF16)
    names, types, merges = vocabulary(folder, config["vocab_size"])
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("deepseek-r1-qwen")
    writer.add_token_list(names)
    writer.add_token_types(types)
    writer.add_token_merges(merges)
    writer.add_bos_token_id(config.get("bos_token_id", 0))
    writer.add_eos_token_id(config.get("eos_token_id", 0))
    for name, shape, bits in tensors(folder):
        if len(shape) == 1:
            # bfloat16 is the upper half of a float32.
            writer.add_tensor(renamed(name), (bits.astype(numpy.uint32) << 16).view(numpy.float32))
        else:
            writer.add_tensor(
                renamed(name), bits.reshape(shape).view(numpy.uint8), raw_dtype=gguf.GGMLQuantizationType.BF16
            )
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("checkpoint")
    parser.add_argument("out")
    parser.add_argument("--format", choices=FORMATS, default="Q4_0")
    options = parser.parse_args()
    plain = options.out + ".bf16"
    write(options.checkpoint, plain)
    parameters = llama_cpp.llama_model_quantize_default_params()
    parameters.ftype = FORMATS[options.format]
    parameters.nthread = os.cpu_count()
    code = llama_cpp.llama_model_quantize(plain.encode(), options.out.encode(), ctypes.byref(parameters))
    os.remove(plain)
    if code != 0:
        raise SystemExit(f"llama.cpp's quantiser ended with {code}")


main()
