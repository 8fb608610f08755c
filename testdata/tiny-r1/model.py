"""A compact Qwen2 for training. Its parameter names are those of the Hugging Face checkpoint."""

import torch
import torch.nn.functional as F
from torch import nn

SIZES = {  # hidden, feed-forward, layers, query heads, key/value heads
    "A": (192, 512, 6, 3, 1),
    "B": (256, 768, 6, 4, 2),
}
HEAD = 64
EPS = 1e-6
THETA = 10_000.0


def config(size, vocab, bos, eos):
    hidden, ffn, layers, heads, kv = SIZES[size]
    return {
        "architectures": ["Qwen2ForCausalLM"], "attention_dropout": 0.0, "bos_token_id": bos, "eos_token_id": eos,
        "hidden_act": "silu", "hidden_size": hidden, "initializer_range": 0.02, "intermediate_size": ffn,
        "max_position_embeddings": 1024, "max_window_layers": layers, "model_type": "qwen2",
        "num_attention_heads": heads, "num_hidden_layers": layers, "num_key_value_heads": kv, "rms_norm_eps": EPS,
        "rope_theta": THETA, "sliding_window": 1024, "tie_word_embeddings": False, "torch_dtype": "bfloat16",
        "use_cache": True, "use_sliding_window": False, "vocab_size": vocab}


class Norm(nn.Module):
    def __init__(self, size):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(size))

    def forward(self, x):
        return F.rms_norm(x, x.shape[-1:], self.weight.to(x.dtype), EPS)


class Attention(nn.Module):
    def __init__(self, hidden, heads, kv):
        super().__init__()
        self.heads, self.kv = heads, kv
        self.q_proj = nn.Linear(hidden, heads * HEAD)
        self.k_proj = nn.Linear(hidden, kv * HEAD)
        self.v_proj = nn.Linear(hidden, kv * HEAD)
        self.o_proj = nn.Linear(heads * HEAD, hidden, bias=False)

    def forward(self, x, cos, sin):
        b, t, _ = x.shape
        # One product for all three: at this width the calls cost more than the arithmetic.
        weight = torch.cat([self.q_proj.weight, self.k_proj.weight, self.v_proj.weight])
        bias = torch.cat([self.q_proj.bias, self.k_proj.bias, self.v_proj.bias])
        qkv = F.linear(x, weight, bias).view(b, t, -1, HEAD).transpose(1, 2)  # (b, heads + 2 kv, t, HEAD)
        qk, v = qkv[:, :self.heads + self.kv], qkv[:, self.heads + self.kv:]
        left, right = qk.chunk(2, -1)
        qk = torch.cat([left * cos - right * sin, right * cos + left * sin], -1)
        q, k = qk[:, :self.heads], qk[:, self.heads:]
        group = self.heads // self.kv
        k, v = k.repeat_interleave(group, 1), v.repeat_interleave(group, 1)
        out = F.scaled_dot_product_attention(q, k, v, is_causal=True)
        return self.o_proj(out.transpose(1, 2).reshape(b, t, -1))


class Mlp(nn.Module):
    def __init__(self, hidden, ffn):
        super().__init__()
        self.gate_proj = nn.Linear(hidden, ffn, bias=False)
        self.up_proj = nn.Linear(hidden, ffn, bias=False)
        self.down_proj = nn.Linear(ffn, hidden, bias=False)

    def forward(self, x):
        return self.down_proj(F.silu(self.gate_proj(x)) * self.up_proj(x))


class Layer(nn.Module):
    def __init__(self, hidden, ffn, heads, kv):
        super().__init__()
        self.input_layernorm, self.post_attention_layernorm = Norm(hidden), Norm(hidden)
        self.self_attn, self.mlp = Attention(hidden, heads, kv), Mlp(hidden, ffn)

    def forward(self, x, cos, sin):
        x = x + self.self_attn(self.input_layernorm(x), cos, sin)
        return x + self.mlp(self.post_attention_layernorm(x))


class Body(nn.Module):
    def __init__(self, vocab, hidden, ffn, layers, heads, kv):
        super().__init__()
        self.embed_tokens = nn.Embedding(vocab, hidden)
        self.layers = nn.ModuleList(Layer(hidden, ffn, heads, kv) for _ in range(layers))
        self.norm = Norm(hidden)
        angle = torch.outer(torch.arange(1024.0), THETA ** (-torch.arange(0, HEAD, 2) / HEAD))
        self.register_buffer("cos", angle.cos(), persistent=False)
        self.register_buffer("sin", angle.sin(), persistent=False)

    def forward(self, ids):
        x = self.embed_tokens(ids)
        cos, sin = self.cos[:ids.shape[1]].to(x.dtype), self.sin[:ids.shape[1]].to(x.dtype)
        for layer in self.layers:
            x = layer(x, cos, sin)
        return self.norm(x)


class Qwen2(nn.Module):
    def __init__(self, size, vocab):
        super().__init__()
        hidden, _, layers, _, _ = SIZES[size]
        self.model = Body(vocab, *SIZES[size])
        self.lm_head = nn.Linear(hidden, vocab, bias=False)
        for name, p in self.named_parameters():
            if name.endswith("bias"):
                nn.init.zeros_(p)
            elif p.dim() == 2:
                # Residual branches start smaller, so that depth does not inflate the stream.
                scale = (2 * layers) ** -0.5 if "o_proj" in name or "down_proj" in name else 1.0
                nn.init.normal_(p, std=scale * (0.02 if "embed" in name or "lm_head" in name else hidden**-0.5 * 0.7))

    def forward(self, ids, positions):
        """Logits at the flat `positions` only: the head is the widest product, and the loss needs half its rows."""
        hidden = self.model(ids).flatten(0, 1)[positions]
        return self.lm_head(hidden)
