"""Our int4 against ONNX Runtime's own Python quantiser (`onnxruntime.quantization.matmul_nbits_quantizer`) on the same
tensors: squared error of the dequantised weights, relative to the squared weights. Ours is read back from packages, so
the stored bytes are judged. It fails where ours, in `balanced`, is not better than both of theirs at the same bits.

The tensors: all projections of the shipped model, and random ones with rows as long as the 1.5B distil's.
"""

import contextlib
import io
import json
import logging
import shutil
import struct

import numpy as np
import onnx
from onnxruntime.quantization.matmul_nbits_quantizer import (
    DefaultWeightOnlyQuantConfig,
    KQuantWeightOnlyQuantConfig,
    MatMulNBitsQuantizer,
)
from wheelwork import TINY_R1, Verdict, arguments

BLOCKS = (32, 128)
# Hidden and inner size of a checkpoint, and the projection that is judged: rows as long as in the 1.5B, but fewer.
SHAPES = {"1536 columns": (1536, 1024, "gate_proj"), "8960 columns": (256, 8960, "down_proj")}
# One a layer.
KINDS = ("Gaussian", "outliers", "heavy tails")


def random_weights(kind, shape, random):
    """Numbers that bfloat16 has. `outliers` multiplies one column in a thousand by 50."""
    heavy = kind == "heavy tails"
    matrix = (random.standard_t(4, shape) if heavy else random.standard_normal(shape)).astype(np.float32) * 0.02
    if kind == "outliers":
        matrix[:, random.choice(shape[1], max(shape[1] // 1000, 1), replace=False)] *= 50
    return (matrix.view(np.uint32) & 0xFFFF0000).view(np.float32)


def random_checkpoint(folder, hidden, inner, judged):
    """A checkpoint whose layers are zero but for the judged projection, of which each layer has another kind."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    for name in ("tokenizer.json", "tokenizer_config.json", "generation_config.json"):
        shutil.copy(TINY_R1 / name, folder)
    config = json.loads((TINY_R1 / "config.json").read_text())
    heads, head_size = 2, 64
    config |= {"architectures": ["LlamaForCausalLM"], "model_type": "llama", "hidden_size": hidden,
               "intermediate_size": inner, "num_hidden_layers": len(KINDS), "head_dim": head_size,
               "num_attention_heads": heads, "num_key_value_heads": heads}
    (folder / "config.json").write_text(json.dumps(config))

    table = (config["vocab_size"], hidden)
    shapes = {"model.embed_tokens": table, "lm_head": table, "model.norm": (hidden,)}
    attention = heads * head_size
    for layer in range(len(KINDS)):
        of_layer = {"input_layernorm": (hidden,), "post_attention_layernorm": (hidden,),
                    "self_attn.o_proj": (hidden, attention), "mlp.gate_proj": (inner, hidden),
                    "mlp.up_proj": (inner, hidden), "mlp.down_proj": (hidden, inner)}
        of_layer |= {f"self_attn.{part}_proj": (attention, hidden) for part in "qkv"}
        shapes |= {f"model.layers.{layer}.{name}": shape for name, shape in of_layer.items()}
    tensors = {name: np.zeros(shape, np.float32) for name, shape in shapes.items()}
    random = np.random.default_rng(hidden)
    names = [f"model.layers.{layer}.mlp.{judged}" for layer in range(len(KINDS))]
    for name, kind in zip(names, KINDS):
        tensors[name] = random_weights(kind, shapes[name], random)
    write_safetensors(folder / "model.safetensors", tensors)
    return {kind: {name: tensors[name]} for name, kind in zip(names, KINDS)}


def write_safetensors(path, tensors):
    header, end = {}, 0
    for name, array in tensors.items():
        place = [end, end + array.nbytes]
        header[f"{name}.weight"] = {"dtype": "F32", "shape": list(array.shape), "data_offsets": place}
        end += array.nbytes
    text = json.dumps(header).encode()
    with open(path, "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text)
        for array in tensors.values():
            file.write(array.tobytes())


def projections(path):
    """The projections of a bfloat16 checkpoint by the node that multiplies by them: query, key and value are one."""
    data = path.read_bytes()
    [length] = struct.unpack_from("<Q", data)
    matrices = {}
    for name, tensor in json.loads(data[8:8 + length]).items():
        if "_proj.weight" in name:
            assert tensor["dtype"] == "BF16", tensor
            begin, end = (8 + length + offset for offset in tensor["data_offsets"])
            values = np.frombuffer(data[begin:end], "<u2").astype(np.uint32) << 16
            matrices[name.removesuffix(".weight")] = values.view(np.float32).reshape(tensor["shape"])
    for query in [name for name in matrices if name.endswith("q_proj")]:
        parts = [matrices.pop(query.replace("q_proj", f"{part}_proj")) for part in "qkv"]
        matrices[query.replace("q_proj", "qkv_proj")] = np.concatenate(parts)
    return matrices


def dequantized(node, arrays):
    """The matrix [rows, columns] that a MatMulNBits multiplies by."""
    attributes = {attribute.name: attribute.i for attribute in node.attribute}
    columns, rows, block = attributes["K"], attributes["N"], attributes["block_size"]
    assert attributes["bits"] == 4, attributes
    codes, scales, zeros = (arrays[name] for name in node.input[1:4])
    codes = nibbles(codes, rows).reshape(rows, -1, block)
    zeros = nibbles(zeros, rows)[:, :columns // block, None]
    return ((codes - zeros) * scales.reshape(rows, -1, 1)).reshape(rows, columns)


def nibbles(packed, rows):
    packed = packed.reshape(rows, -1)
    return np.stack([packed & 15, packed >> 4], -1).reshape(rows, -1).astype(np.float32)


def arrays_of(model):
    return {tensor.name: onnx.numpy_helper.to_array(tensor) for tensor in model.graph.initializer}


def ours(package):
    """The int4 products of a package's layers, by name."""
    model = onnx.load(package / "cpu" / "model.onnx")
    arrays = arrays_of(model)
    nodes = (node for node in model.graph.node if node.name.startswith("model.layers."))
    return {node.name: dequantized(node, arrays) for node in nodes if node.op_type == "MatMulNBits"}


def theirs(matrix, config):
    """ONNX Runtime's quantiser on a graph of one product."""
    rows, columns = matrix.shape
    tensor = onnx.helper.make_tensor_value_info
    graph = onnx.helper.make_graph(
        [onnx.helper.make_node("MatMul", ["x", "w"], ["y"], name="product")], "product",
        [tensor("x", 1, [1, columns])], [tensor("y", 1, [1, rows])],
        [onnx.numpy_helper.from_array(np.ascontiguousarray(matrix.T), "w")],
    )
    model = onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", 21)])
    quantizer = MatMulNBitsQuantizer(model, algo_config=config)
    with contextlib.redirect_stdout(io.StringIO()):  # it draws a bar
        quantizer.process()
    model = quantizer.model.model
    [node] = [node for node in model.graph.node if node.op_type == "MatMulNBits"]
    return dequantized(node, arrays_of(model))


def error(found, matrix):
    return float(np.square(found - matrix, dtype=np.float64).sum() / np.square(matrix, dtype=np.float64).sum())


def compare(checkpoint, groups):
    """One line of the table a group of tensors, mean over the group."""
    for block in BLOCKS:
        stored = [ours(wheelwork.quantize(checkpoint, quality, block_size=block)) for quality in ("fast", "balanced")]
        rtn = DefaultWeightOnlyQuantConfig(block_size=block, is_symmetric=False)
        setting = {"bits": 4, "group_size": block, "scheme": "asym"}
        k_quant = KQuantWeightOnlyQuantConfig(customized_weight_config={"product": setting})
        for label, matrices in groups.items():
            found = [[theirs(matrix, config) for matrix in matrices.values()] for config in (rtn, k_quant)]
            found += [[package[name] for name in matrices] for package in stored]
            means = [np.mean([error(*pair) for pair in zip(values, matrices.values())]) for values in found]
            line = f"{label} | {block} | " + " | ".join(f"{mean:.3e}" for mean in means)
            verdict.expect(means[3] < min(means[:2]), line, "ours errs more than ONNX Runtime's")


logging.disable(logging.WARNING)
wheelwork, work = arguments()
verdict = Verdict()
print("  tensors | block | ORT RTN | ORT k_quant | ours fast | ours balanced")
compare(TINY_R1, {"tiny-r1": projections(TINY_R1 / "model.safetensors")})
for shape, sizes in SHAPES.items():
    folder = work / f"quantizer-{sizes[0]}"
    groups = random_checkpoint(folder, *sizes)
    compare(folder, {f"{kind}, {shape}": matrices for kind, matrices in groups.items()})
    shutil.rmtree(folder)
verdict.finish()
