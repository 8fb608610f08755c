"""Our int4 against ONNX Runtime's own Python quantiser on the same tensors: relative squared error after dequantising.

Each shape is a projection of a distil; `outliers` multiplies one column in a thousand by 50. Ours is read back from a
package made by the command, so the stored bytes are judged, not a reimplementation.

    python quantizer.py --wheelwork target/debug/wheelwork --work target/judges
"""

import argparse
import json
import pathlib
import shutil
import subprocess

import numpy as np
import onnx
from onnxruntime.quantization.matmul_nbits_quantizer import (
    DefaultWeightOnlyQuantConfig,
    KQuantWeightOnlyQuantConfig,
    MatMulNBitsQuantizer,
)

# Rows and columns (output and input size): the 1.5B distil's, fewer rows where one kind has many.
SHAPES = {"qkv 1.5B": (2048, 1536), "down 1.5B": (768, 8960), "down 7B": (384, 18944), "qkv 8B Llama": (768, 4096)}


def weights(rows, columns, outliers, seed):
    """Bell-shaped like trained weights, in the precision of a checkpoint."""
    random = np.random.default_rng(seed)
    matrix = random.standard_normal((rows, columns), dtype=np.float32) * 0.02
    if outliers:
        matrix[:, random.choice(columns, max(columns // 1000, 1), replace=False)] *= 50
    return (matrix.view(np.uint32) & 0xFFFF0000).view(np.float32)


def dequantized(model):
    """The float matrix [rows, columns] that the one MatMulNBits of a model multiplies by."""
    node = next(node for node in model.graph.node if node.op_type == "MatMulNBits")
    attributes = {attribute.name: attribute.i for attribute in node.attribute}
    arrays = {tensor.name: onnx.numpy_helper.to_array(tensor) for tensor in model.graph.initializer}
    columns, rows, block = attributes["K"], attributes["N"], attributes["block_size"]
    codes = arrays[node.input[1]].reshape(rows, -1)
    codes = np.stack([codes & 15, codes >> 4], -1).reshape(rows, -1, block).astype(np.float32)
    zeros = np.full(codes.shape[:2], 8, np.float32)
    if len(node.input) > 3 and node.input[3]:
        packed = arrays[node.input[3]].reshape(rows, -1)
        zeros = np.stack([packed & 15, packed >> 4], -1).reshape(rows, -1)[:, : codes.shape[1]].astype(np.float32)
    scales = arrays[node.input[2]].reshape(rows, -1)
    return ((codes - zeros[..., None]) * scales[..., None]).reshape(rows, -1)[:, :columns]


def theirs(matrix, config):
    """ONNX Runtime's quantiser on a graph of one product."""
    rows, columns = matrix.shape
    tensor = onnx.helper.make_tensor_value_info
    graph = onnx.helper.make_graph(
        [onnx.helper.make_node("MatMul", ["x", "w"], ["y"])], "product",
        [tensor("x", 1, [1, columns])], [tensor("y", 1, [1, rows])],
        [onnx.numpy_helper.from_array(np.ascontiguousarray(matrix.T), "w")],
    )
    model = onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", 21)])
    quantizer = MatMulNBitsQuantizer(model, algo_config=config)
    quantizer.process()
    return dequantized(quantizer.model.model)


def ours(matrix, arguments, block):
    """The command on a checkpoint of one layer whose gate projection is the matrix."""
    rows, columns = matrix.shape
    folder, package = arguments.work / "quantizer", arguments.work / "quantizer.ortpackage"
    for path in (folder, package):
        shutil.rmtree(path, ignore_errors=True)
    folder.mkdir(parents=True)
    source = pathlib.Path(__file__).parent.parent / "tiny-r1"
    for name in ("tokenizer.json", "tokenizer_config.json", "generation_config.json"):
        shutil.copy(source / name, folder)
    config = json.loads((source / "config.json").read_text())
    heads = 2
    config |= {"architectures": ["LlamaForCausalLM"], "model_type": "llama", "hidden_size": columns, "head_dim": 64,
               "intermediate_size": rows, "num_hidden_layers": 1, "num_attention_heads": heads,
               "num_key_value_heads": heads, "tie_word_embeddings": False, "rope_scaling": None}
    (folder / "config.json").write_text(json.dumps(config))
    vocabulary, size = config["vocab_size"], heads * 64
    layer = "model.layers.0."
    zeros = {"model.embed_tokens": (vocabulary, columns), "lm_head": (vocabulary, columns), "model.norm": (columns,),
             layer + "input_layernorm": (columns,), layer + "post_attention_layernorm": (columns,),
             layer + "self_attn.o_proj": (columns, size), layer + "mlp.up_proj": (rows, columns),
             layer + "mlp.down_proj": (columns, rows)}
    zeros |= {f"{layer}self_attn.{part}_proj": (size, columns) for part in "qkv"}
    tensors = {f"{name}.weight": np.zeros(shape, np.float32) for name, shape in zeros.items()}
    tensors[layer + "mlp.gate_proj.weight"] = matrix
    write_safetensors(folder / "model.safetensors", tensors)
    subprocess.run([arguments.wheelwork, "quantize", folder, "--out", package, "--block-size", str(block),
                    "--context-length", "16", "--json"], check=True, stdout=subprocess.PIPE)
    model = onnx.load(package / "cpu" / "model.onnx")
    name = layer + "mlp.gate_proj"
    kept = [node for node in model.graph.node if node.op_type == "MatMulNBits" and node.name == name]
    del model.graph.node[:]
    model.graph.node.extend(kept)
    return dequantized(model)


def write_safetensors(path, tensors):
    """float32, in the order given."""
    header, end = {}, 0
    for name, array in tensors.items():
        header[name] = {"dtype": "F32", "shape": list(array.shape), "data_offsets": [end, end + array.nbytes]}
        end += array.nbytes
    text = json.dumps(header).encode()
    with open(path, "wb") as file:
        file.write(len(text).to_bytes(8, "little") + text)
        for array in tensors.values():
            file.write(array.tobytes())


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--wheelwork", required=True)
    parser.add_argument("--work", type=pathlib.Path, required=True)
    arguments = parser.parse_args()
    print("| tensor | block | ORT RTN symmetric | ORT RTN asymmetric | ORT k_quant | ours |")
    print("|---|---|---|---|---|---|")
    worse = []
    for name, (rows, columns) in SHAPES.items():
        for outliers in (False, True):
            matrix = weights(rows, columns, outliers, seed=columns)
            signal = float(np.square(matrix, dtype=np.float64).sum())
            for block in (32, 128):
                rtn = [DefaultWeightOnlyQuantConfig(block_size=block, is_symmetric=symmetric) for symmetric in (True, False)]
                configs = [*rtn, KQuantWeightOnlyQuantConfig()] if block == 32 else rtn
                found = [theirs(matrix, config) for config in configs] + [ours(matrix, arguments, block)]
                errors = [float(np.square(values - matrix, dtype=np.float64).sum()) / signal for values in found]
                if errors[-1] >= min(errors[:-1]):
                    worse.append(name)
                cells = [f"{error:.3e}" for error in errors]
                if block != 32:
                    cells.insert(2, "-")
                label = name + (", outliers" if outliers else "")
                print(f"| {label} | {block} | {' | '.join(cells)} |", flush=True)
    if worse:
        raise SystemExit(f"larger errors than ONNX Runtime's quantiser: {worse}")


main()
