"""A Qwen2 checkpoint whose keys carry large biases, as those of Qwen2.5 do: what an int8 cache costs then.

    python planted_biases.py CHECKPOINT OUT SIZE

Writes a copy of a checkpoint in bfloat16 with SIZE as bias of the two channels of every head of keys that rotate slowest. There a bias
adds nearly the same to all scores of a query, which the softmax takes away again, so that the model goes on working; and a scale
of its channel has to reach SIZE.
"""

import json
import shutil
import struct
import sys
from pathlib import Path


def main():
    checkpoint, out, size = Path(sys.argv[1]), Path(sys.argv[2]), float(sys.argv[3])
    shutil.copytree(checkpoint, out, ignore=shutil.ignore_patterns("*.py", "*.png", "*.jsonl", "eval-*", "SHA256SUMS"))
    config = json.loads((out / "config.json").read_text())
    head = config["hidden_size"] // config["num_attention_heads"]
    planted = struct.pack("<f", size)[2:]
    if struct.unpack("<f", b"\0\0" + planted)[0] != size:
        raise SystemExit(f"bfloat16 has no {size}")
    weights = bytearray((out / "model.safetensors").read_bytes())
    start = 8 + struct.unpack_from("<Q", weights)[0]
    header = json.loads(weights[8:start])
    for layer in range(config["num_hidden_layers"]):
        bias = header[f"model.layers.{layer}.self_attn.k_proj.bias"]
        assert bias["dtype"] == "BF16", bias
        for first in range(0, bias["shape"][0], head):
            # The pair that rotates slowest is the last of either half.
            for channel in (first + head // 2 - 1, first + head - 1):
                at = start + bias["data_offsets"][0] + 2 * channel
                weights[at:at + 2] = planted
    (out / "model.safetensors").write_bytes(weights)


main()
