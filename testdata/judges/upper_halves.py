"""What the upper four bits of an output layer of 8 bits say of its logits: a simulation.

    python upper_halves.py CHECKPOINT TEXT POSITIONS

The layer is rounded to 8 bits in blocks of 32 with absmax scales, activations to int8 by blocks, as our kernels compute. `upper` logits take the
upper half of each code, with 7.5 for the lower. Of their differences from the whole logits it tells the largest, in standard deviations of what lower halves
without a pattern would add (85/4 · Σ s² e² Σ a², with each column's own scales), and how many columns would have to be read whole so that all within a
margin of the largest are exact, at 6 and 8 deviations; a miss is a position whose largest logit would not be among them.
"""

import json
import sys
from pathlib import Path

import numpy as np
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

BLOCK = 32
WINDOW = 512
VARIANCE = 85 / 4


def main():
    checkpoint, text, wanted = sys.argv[1], Path(sys.argv[2]).read_text(errors="replace"), int(sys.argv[3])
    tokenizer = AutoTokenizer.from_pretrained(checkpoint)
    model = AutoModelForCausalLM.from_pretrained(checkpoint, dtype=torch.float32)
    ids = tokenizer(text[: 8 * wanted])["input_ids"][:wanted]
    head = model.get_output_embeddings().weight.detach()
    rows, width = head.shape
    blocks = head.reshape(rows, width // BLOCK, BLOCK)
    scales = blocks.abs().amax(2) / 127
    codes = torch.round(blocks / scales.clamp_min(1e-30)[..., None]) + 128
    dequantised = ((codes - 128) * scales[..., None]).reshape(rows, width)
    upper = ((torch.floor(codes / 16) * 16 + 7.5 - 128) * scales[..., None]).reshape(rows, width)
    squares = VARIANCE * scales.square()
    found, largest, columns, tiles, misses = 0, 0.0, {}, {}, {}
    for first in range(0, len(ids), WINDOW):
        with torch.no_grad():
            hidden = model.model(torch.tensor([ids[first:first + WINDOW]])).last_hidden_state[0]
        x = hidden.reshape(-1, width // BLOCK, BLOCK)
        steps = x.abs().amax(2) / 127
        a = torch.round(x / steps.clamp_min(1e-30)[..., None]) * steps[..., None]
        flat = a.reshape(-1, width)
        for position in range(0, len(flat), 64):
            some = flat[position:position + 64]
            whole, nearly = some @ dequantised.T, some @ upper.T
            deviation = torch.sqrt(a[position:position + 64].square().sum(2) @ squares.T)
            largest = max(largest, float(((whole - nearly).abs() / deviation).max()))
            known = whole.gather(1, nearly.argmax(1, keepdim=True))
            right = whole.argmax(1, keepdim=True)
            for count in (6, 8):
                for margin in (0.0, 4.0, 10.0):
                    read = nearly + count * deviation >= known - margin
                    key = f"{count} deviations, margin {margin:g}"
                    columns.setdefault(key, []).extend(read.sum(1).tolist())
                    padded = torch.nn.functional.pad(read, (0, -rows % 16)).reshape(len(some), -1, 16)
                    tiles.setdefault(key, []).extend(padded.any(2).sum(1).tolist())
                    misses[key] = misses.get(key, 0) + int((~read.gather(1, right)).sum())
            found += len(some)
    print(json.dumps({"positions": found, "columns": rows, "tiles": -(-rows // 16), "largest_deviations": round(largest, 2)}))
    for key in columns:
        quantiles = lambda values: [int(np.quantile(values, at)) for at in (0.5, 0.9, 0.99, 1)]
        print(json.dumps({"read": key, "misses": misses[key], "columns_50_90_99_100": quantiles(columns[key]),
                          "tiles_50_90_99_100": quantiles(tiles[key])}))


main()
