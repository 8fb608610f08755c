//! The checkpoint's weights with everything folded in that changes no output but makes numbers easier to quantise.
//!
//! ```text
//! embedding       E Q                         q, k        W diag(g) Q, rows scaled (see below)
//! v               H^T W diag(g) Q             o           Q^T W H
//! gate, up        W diag(g) Q                 down        Q^T W
//! head            W diag(g) Q                 norms       1
//! ```
//!
//! - `Q` rotates the residual stream, `H` the values of each head ([`Hadamard`]; QuaRot, arXiv:2404.00456, its offline
//!   part). A norm's weights `g` go into what reads it first, because they don't commute with `Q`.
//! - Attention's `1 / sqrt(head_dim)` goes into the queries.
//! - With [`Fold::key_scales`], keys are divided and queries multiplied by a number for each pair of channels that
//!   rotary positions turn into each other. Scores stay; but keys of all channels get the same range, so one 8-bit
//!   encoding serves all. Qwen2's keys have biases of a hundred beside channels of one.

use rayon::prelude::*;

use crate::architecture::names;
use crate::checkpoint::{Checkpoint, CheckpointError, Config};

use super::hadamard::Hadamard;

/// Which foldings are applied.
#[derive(Debug)]
pub struct Fold<'a> {
    checkpoint: &'a Checkpoint,
    rotations: Option<Rotations>,
    /// `[num_key_value_heads, head_dim / 2]` of each layer; empty for none.
    key_scales: Vec<Vec<f32>>,
}

#[derive(Debug)]
struct Rotations {
    hidden: Hadamard,
    head: Hadamard,
}

/// What happens to a tensor, told from its name within the layer.
struct Rule {
    /// The norm whose weights the columns take over.
    norm: Option<String>,
    /// Columns are channels of the residual stream.
    reads_residual: bool,
    /// Columns are channels of values, head by head.
    reads_values: bool,
    /// Rows are channels of the residual stream.
    writes_residual: bool,
    /// Rows are channels of values, head by head.
    writes_values: bool,
    /// What row `i` is multiplied by; empty for 1.
    row_factors: Vec<f32>,
}

impl<'a> Fold<'a> {
    /// With rotations or without.
    #[must_use]
    pub fn new(checkpoint: &'a Checkpoint, rotate: bool) -> Self {
        let Config { hidden_size, head_dim, .. } = checkpoint.config;
        let rotations =
            rotate.then(|| Rotations { hidden: Hadamard::new(hidden_size), head: Hadamard::new(head_dim) });
        Self { checkpoint, rotations, key_scales: Vec::new() }
    }

    /// Divides keys by a number for each pair: `[num_key_value_heads, head_dim / 2]` of each layer, above 0.
    #[must_use]
    pub fn key_scales(mut self, scales: Vec<Vec<f32>>) -> Self {
        self.key_scales = scales;
        self
    }

    /// Whether the residual stream and values are rotated.
    #[must_use]
    pub fn rotates(&self) -> bool {
        self.rotations.is_some()
    }

    /// The checkpoint.
    #[must_use]
    pub fn checkpoint(&self) -> &'a Checkpoint {
        self.checkpoint
    }

    /// A whole tensor, by the checkpoint's name.
    ///
    /// # Errors
    /// [`CheckpointError`].
    pub fn tensor(&self, name: &str) -> Result<Vec<f32>, CheckpointError> {
        let shape = self.checkpoint.tensors.get(self.source(name))?.shape().to_vec();
        let mut weights = match *shape.as_slice() {
            [rows, columns] => self.rows(name, 0, rows, columns)?,
            _ => self.vector(name)?,
        };
        let rule = self.rule(name);
        let (Some(rotations), [rows, columns]) = (&self.rotations, shape.as_slice()) else {
            return Ok(weights);
        };
        let rotation = match (rule.writes_residual, rule.writes_values) {
            (true, _) => &rotations.hidden,
            (_, true) => &rotations.head,
            _ => return Ok(weights),
        };
        // Rows are mixed: as columns of the transpose they lie together.
        let mut turned = transposed(&weights, *columns);
        turned.par_chunks_mut(rotation.size()).for_each(|channels| rotation.rotate(channels));
        weights = transposed(&turned, *rows);
        Ok(weights)
    }

    /// Rows of a tensor whose rows are not mixed with each other: the embedding table, the output projection, and all
    /// that read the residual stream but values.
    ///
    /// # Errors
    /// [`CheckpointError`].
    pub fn rows(
        &self,
        name: &str,
        first: usize,
        count: usize,
        columns: usize,
    ) -> Result<Vec<f32>, CheckpointError> {
        let rule = self.rule(name);
        let norm = match rule.norm.as_deref().filter(|_| self.rotates()) {
            Some(norm) => self.raw(norm)?,
            None => Vec::new(),
        };
        let tensor = self.checkpoint.tensors.get(self.source(name))?;
        let mut weights = vec![0.0; count * columns];
        tensor.read_into(first * columns, &mut weights)?;
        weights.par_chunks_exact_mut(columns).enumerate().for_each(|(row, slots)| {
            let factor = rule.row_factors.get(first + row).copied().unwrap_or(1.0);
            for (slot, norm) in slots.iter_mut().zip(norm.iter().chain(std::iter::repeat(&1.0))) {
                *slot *= norm * factor;
            }
            self.rotate_columns(&rule, slots);
        });
        Ok(weights)
    }

    /// Takes activations back to the checkpoint's own residual stream, in place.
    pub fn unrotate(&self, hidden: &mut [f32]) {
        if let Some(rotations) = &self.rotations {
            hidden.par_chunks_mut(rotations.hidden.size()).for_each(|row| rotations.hidden.rotate_back(row));
        }
    }

    fn rotate_columns(&self, rule: &Rule, row: &mut [f32]) {
        let Some(rotations) = &self.rotations else { return };
        if rule.reads_residual {
            rotations.hidden.rotate(row);
        } else if rule.reads_values {
            row.chunks_exact_mut(rotations.head.size()).for_each(|head| rotations.head.rotate(head));
        }
    }

    /// Biases and norms.
    fn vector(&self, name: &str) -> Result<Vec<f32>, CheckpointError> {
        let mut values = self.raw(name)?;
        let rule = self.rule(name);
        for (value, factor) in values.iter_mut().zip(&rule.row_factors) {
            *value *= factor;
        }
        if let Some(rotations) = &self.rotations {
            if rule.writes_values {
                values.chunks_exact_mut(rotations.head.size()).for_each(|head| rotations.head.rotate(head));
            }
            if name.ends_with("layernorm.weight") || name == names::FINAL_NORM {
                values.fill(1.0);
            }
        }
        Ok(values)
    }

    /// Where the numbers stand: a tied output projection is the embedding table, folded otherwise.
    fn source<'n>(&self, name: &'n str) -> &'n str {
        let is_tied = name == names::LM_HEAD && self.checkpoint.config.tie_word_embeddings;
        if is_tied { names::EMBEDDING } else { name }
    }

    fn raw(&self, name: &str) -> Result<Vec<f32>, CheckpointError> {
        let tensor = self.checkpoint.tensors.get(name)?;
        let mut values = vec![0.0; tensor.elements()];
        tensor.read_into(0, &mut values)?;
        Ok(values)
    }

    fn rule(&self, tensor: &str) -> Rule {
        let layer = names::layer_of(tensor);
        let own = |name: &str| layer.map(|layer| names::layer(layer, name));
        let name =
            layer.map_or(tensor, |layer| tensor.strip_prefix(&names::layer(layer, "")).unwrap_or(tensor));
        let (part, _) = name.rsplit_once('.').unwrap_or((name, ""));
        let none = Rule {
            norm: None,
            reads_residual: false,
            reads_values: false,
            writes_residual: false,
            writes_values: false,
            row_factors: Vec::new(),
        };
        match part {
            "self_attn.q_proj" | "self_attn.k_proj" | "self_attn.v_proj" => Rule {
                norm: own("input_layernorm.weight"),
                reads_residual: true,
                writes_values: part == "self_attn.v_proj",
                row_factors: self.row_factors(layer, part),
                ..none
            },
            "self_attn.q_norm" | "self_attn.k_norm" => {
                Rule { row_factors: self.row_factors(layer, part), ..none }
            }
            "self_attn.o_proj" => Rule { reads_values: true, writes_residual: true, ..none },
            "mlp.gate_proj" | "mlp.up_proj" => {
                Rule { norm: own("post_attention_layernorm.weight"), reads_residual: true, ..none }
            }
            "mlp.down_proj" => Rule { writes_residual: true, ..none },
            "lm_head" => Rule { norm: Some(names::FINAL_NORM.to_owned()), reads_residual: true, ..none },
            "model.embed_tokens" => Rule { reads_residual: true, ..none },
            _ => none,
        }
    }

    /// What the rows of query and key are multiplied by, or the weights of their norms where they have some.
    fn row_factors(&self, layer: Option<usize>, part: &str) -> Vec<f32> {
        let config = &self.checkpoint.config;
        let is_norm = part.ends_with("_norm");
        // A norm after the projection would take any factor out again.
        if is_norm != config.family.qk_norm {
            return Vec::new();
        }
        let half = config.head_dim / 2;
        let scales = layer.and_then(|layer| self.key_scales.get(layer));
        let scale = |key_head: usize, channel: usize| {
            let at = key_head * half + channel % half;
            scales.and_then(|scales| scales.get(at)).copied().unwrap_or(1.0)
        };
        let attention = 1.0 / (config.head_dim as f32).sqrt();
        let group = config.num_attention_heads / config.num_key_value_heads;
        let heads = |heads: usize, factor: &dyn Fn(usize, usize) -> f32| {
            let heads = if is_norm { 1 } else { heads };
            (0..heads * config.head_dim)
                .map(|row| factor(row / config.head_dim, row % config.head_dim))
                .collect()
        };
        match part {
            "self_attn.q_proj" | "self_attn.q_norm" => {
                heads(config.num_attention_heads, &|head, channel| attention * scale(head / group, channel))
            }
            "self_attn.k_proj" | "self_attn.k_norm" => {
                heads(config.num_key_value_heads, &|head, channel| 1.0 / scale(head, channel))
            }
            _ => Vec::new(),
        }
    }
}

/// `[rows, columns]` as `[columns, rows]`.
fn transposed(weights: &[f32], columns: usize) -> Vec<f32> {
    const TILE: usize = 32;
    let rows = weights.len() / columns.max(1);
    let mut turned = vec![0.0; weights.len()];
    turned.par_chunks_mut(rows.max(1) * TILE).enumerate().for_each(|(tile, turned)| {
        for first in (0..rows).step_by(TILE) {
            for (column, turned) in (tile * TILE..).zip(turned.chunks_exact_mut(rows)) {
                for (row, slot) in (first..).zip(turned.iter_mut().skip(first).take(TILE)) {
                    *slot = weights.get(row * columns + column).copied().unwrap_or_default();
                }
            }
        }
    });
    turned
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn transposing_twice_changes_nothing() {
        let weights: Vec<f32> = (0_u16..35 * 67).map(f32::from).collect();
        let turned = transposed(&weights, 67);
        assert_eq!(turned[..2], [0.0, 67.0]);
        assert_eq!(transposed(&turned, 35), weights);
    }
}
