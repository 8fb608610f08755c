//! What each operator gives, by what it is given: one arm an operator of `rules.rs`.
//!
//! Sizes are upper bounds. Where an arm can't say what a tensor's dimensions are, it says how many elements it has at
//! most; where it can't say even that, the graph is refused.

use super::super::GraphError;
use super::super::proto::Node;
use super::matrices;
use super::node::{Cost, Operation};
use super::numbers;
use super::shapes;
use super::span::Span;
use super::value::{BOOL, FLOAT, INT32, INT64, Numbers, UINT8, Value, broadcast};

/// What a node gives, in the order of its outputs, and what it costs.
pub(super) fn infer(node: &Node<'_>, inputs: &[Option<&Value>]) -> Result<(Vec<Value>, Cost), GraphError> {
    let operation = Operation { node, inputs };
    let outputs = outputs(&operation)?;
    let cost = cost(&operation, &outputs);
    Ok((outputs, cost))
}

fn outputs(op: &Operation<'_, '_>) -> Result<Vec<Value>, GraphError> {
    let one = |value: Value| Ok(vec![value]);
    let x = || op.input(0);
    match op.node.operator {
        "Identity" => one(x()?.clone()),
        "Neg" | "Abs" | "Floor" | "Clip" | "Min" | "Max" | "Add" | "Sub" | "Mul" | "Div" | "Mod" | "Cast"
        | "Where" => one(numbers::infer(op)?),
        "And" | "Equal" | "Greater" | "GreaterOrEqual" | "Less" | "LessOrEqual" | "Or" => {
            let value = broadcast(&op.all()?).typed(Some(BOOL));
            one(value.with(Numbers::All(Span::BIT)))
        }
        "Not" => one(x()?.alike().with(Numbers::All(Span::BIT))),
        "Pow" => one(broadcast(&op.all()?).typed(x()?.data_type)),
        "Shape" => one(shapes::shape(op)?),
        "Constant" => one(shapes::constant(op)?),
        "ConstantOfShape" => one(shapes::constant_of_shape(op)?),
        "Expand" => one(shapes::expand(op)?),
        "Tile" => one(shapes::tile(op)?),
        "Range" => one(shapes::range(op)?),
        "Reshape" => one(shapes::reshape(op)?),
        "Flatten" => one(x()?.shaped(None)),
        "Squeeze" => one(shapes::squeeze(op)?),
        "Unsqueeze" => one(shapes::unsqueeze(op)?),
        "Transpose" => one(shapes::transpose(op)?),
        "Concat" => one(shapes::concat(op)?),
        "Split" => shapes::split(op),
        "Slice" => one(shapes::slice(op)?),
        "Gather" => one(shapes::gather(x()?, op.input(1)?, op.int("axis", 0))),
        "GatherElements" => {
            let (data, indices) = (x()?, op.input(1)?);
            one(indices.alike().typed(data.data_type).with(Numbers::All(data.numbers.hull())))
        }
        "GatherND" => {
            let (data, indices) = (x()?, op.input(1)?);
            one(Value::of(data.data_type, data.elements.saturating_mul(indices.elements)))
        }
        "ReduceMax" | "ReduceMin" | "ReduceSum" | "ReduceMean" => one(shapes::reduce(op)?),
        "TopK" => {
            let values = shapes::up_to(x()?, op.int("axis", -1));
            Ok(vec![values.clone(), values.typed(Some(INT64))])
        }
        "MatMul" | "FusedMatMul" | "Gemm" => one(matrices::matmul(op)?),
        "MatMulInteger" => one(matrices::matmul(op)?.typed(Some(INT32))),
        "DynamicQuantizeMatMul" | "MatMulIntegerToFloat" => one(matrices::matmul(op)?.typed(Some(FLOAT))),
        "MatMulNBits" => one(matrices::quantized_product(op)?),
        "GatherBlockQuantized" => one(matrices::quantized_lookup(op)?),
        "DequantizeLinear" => {
            let given = op.inputs.get(1).copied().flatten().and_then(|scale| scale.data_type);
            one(x()?.alike().typed(op.given_int("output_dtype").or(given)))
        }
        "QuantizeLinear" => {
            let given = op.inputs.get(2).copied().flatten().and_then(|zero| zero.data_type);
            one(x()?.alike().typed(op.given_int("output_dtype").or(given).or(Some(UINT8))))
        }
        "DynamicQuantizeLinear" => {
            let scalar = |data_type| Value::new(Some(data_type), Vec::new());
            Ok(vec![x()?.alike().typed(Some(UINT8)), scalar(FLOAT), scalar(UINT8)])
        }
        "GroupQueryAttention" => matrices::attention_with_cache(op),
        "MultiHeadAttention" => matrices::attention(op),
        // The norm, its mean and deviation, which are smaller, and the sum that it is of: the next layer's input.
        "SkipLayerNormalization" | "SkipSimplifiedLayerNormalization" => Ok(vec![x()?.alike(); 4]),
        // Other normalisations, activations and whatever else gives what it is given.
        _ => one(x()?.alike()),
    }
}

/// What computing it takes besides its outputs.
fn cost(op: &Operation<'_, '_>, outputs: &[Value]) -> Cost {
    let input = |index: usize| op.inputs.get(index).copied().flatten();
    let given = op.inputs.iter().flatten();
    let touched = given
        .map(|value| value.elements)
        .chain(outputs.iter().map(|value| value.elements))
        .fold(0, u64::saturating_add);
    let made = outputs.first().map_or(0, |value| value.elements);
    match op.node.operator {
        "MatMul"
        | "FusedMatMul"
        | "Gemm"
        | "MatMulInteger"
        | "DynamicQuantizeMatMul"
        | "MatMulIntegerToFloat"
        | "MatMulNBits" => Cost { steps: made.saturating_mul(matrices::depth(op)), scratch_bytes: 0 },
        "GroupQueryAttention" | "MultiHeadAttention" => {
            let cached = input(3).map(|past| past.dim(2).map_or(past.elements, Span::size));
            let rows = |value: Option<&Value>| {
                value.map_or(0, |value| value.dim(1).map_or(value.elements, Span::size))
            };
            let keys =
                if op.node.operator == "GroupQueryAttention" { cached.unwrap_or(0) } else { rows(input(1)) };
            let heads = u64::try_from(op.int("num_heads", 1)).unwrap_or(1);
            let scores = heads.saturating_mul(rows(input(0))).saturating_mul(keys);
            let steps = made.saturating_mul(keys).saturating_mul(2);
            Cost { steps, scratch_bytes: scores.saturating_mul(4) }
        }
        // Their tables are not read through.
        "Gather" | "GatherBlockQuantized" | "GatherElements" | "GatherND" => {
            Cost { steps: made, scratch_bytes: 0 }
        }
        _ => Cost { steps: touched, scratch_bytes: 0 },
    }
}
