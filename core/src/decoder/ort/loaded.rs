//! A loaded graph, or a pair of static ones: what sessions of a model share.

use std::sync::Arc;

use super::dynamic::OrtDecoder;
use super::model::OrtModel;
use super::static_decoder::StaticDecoder;
use super::static_graphs::StaticModel;
use crate::decoder::error::DecoderError;
use crate::decoder::kv::KvShape;
use crate::decoder::traits::Decoder;

/// What is loaded.
#[derive(Clone)]
pub(crate) enum Loaded {
    /// One graph that takes any length.
    Dynamic(Arc<OrtModel>),
    /// Graphs of fixed shapes.
    Static(Arc<StaticModel>),
}

impl Loaded {
    /// Starts an empty sequence.
    pub(crate) fn decoder(&self) -> Result<Box<dyn Decoder>, DecoderError> {
        Ok(match self {
            Self::Dynamic(graph) => Box::new(OrtDecoder::start(graph)?),
            Self::Static(graphs) => Box::new(StaticDecoder::start(graphs)?),
        })
    }

    pub(crate) fn kv_shape(&self) -> KvShape {
        match self {
            Self::Dynamic(graph) => graph.kv_shape(),
            Self::Static(graphs) => graphs.kv_shape(),
        }
    }

    pub(crate) fn vocab_size(&self) -> usize {
        match self {
            Self::Dynamic(graph) => graph.vocab_size(),
            Self::Static(graphs) => graphs.vocab_size(),
        }
    }
}
