"""Our graph, driven through ONNX Runtime's Python."""

import numpy as np
import onnxruntime


class Graph:
    """Our graph with its cache, in plain arrays: past_key_values.{layer}.{key,value} is
    [1, kv_heads, past, head_dim]."""

    def __init__(self, path, config):
        self.session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
        self.outputs = [output.name for output in self.session.get_outputs()]
        self.inputs = {node.name for node in self.session.get_inputs()}
        head_dim = getattr(config, "head_dim", None) or config.hidden_size // config.num_attention_heads
        empty = np.zeros((1, config.num_key_value_heads, 0, head_dim), np.float32)
        self.past = {name: empty for name in self.inputs if name.startswith("past_key_values.")}

    def length(self):
        """Tokens in the cache."""
        return next(iter(self.past.values())).shape[2]

    def run(self, ids):
        """Appends the ids and gives the last position's logits, [vocab]."""
        total = self.length() + len(ids)
        feed = {
            "input_ids": np.array([ids], np.int64),
            "attention_mask": np.ones((1, total), np.int64),
            "position_ids": np.arange(self.length(), total, dtype=np.int64)[None],
        }
        feed = {name: value for name, value in feed.items() if name in self.inputs} | self.past
        results = dict(zip(self.outputs, self.session.run(None, feed)))
        self.past = {name: results[name.replace("past_key_values", "present")] for name in self.past}
        return results["logits"][0, -1]

    def rewind(self, length):
        """Keeps the first `length` tokens."""
        self.past = {name: array[:, :, :length].copy() for name, array in self.past.items()}
