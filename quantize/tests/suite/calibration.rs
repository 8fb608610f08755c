//! A calibration is asked before each matrix, in the order of the file, and reads back what was stored.

use wheelwork_quantize::calibration::{Calibration, CalibrationError, Rounder, StoredRows};
use wheelwork_quantize::checkpoint::Checkpoint;
use wheelwork_quantize::plan::StoredMatrix;
use wheelwork_quantize::scheme::BlockScheme;
use wheelwork_quantize::scheme::block::Importance;
use wheelwork_quantize::scheme::rows::{self, EncodedRows};
use wheelwork_quantize::{Options, QuantizeError, quantize_calibrated};

use crate::assert_matches::assert_matches;
use crate::checkpoint::Tiny;

/// Rounds for one importance of all columns, and notes what it is told.
#[derive(Default)]
struct Even {
    asked: Vec<String>,
    stored: Vec<String>,
    largest: f32,
    fail_at: Option<usize>,
}

struct EvenRounder;

impl Rounder for EvenRounder {
    fn encode(
        &self,
        scheme: BlockScheme,
        _: usize,
        weights: &mut [f32],
        columns: usize,
        encoded: &mut EncodedRows,
    ) {
        rows::encode_for(scheme, weights, columns, Importance::Columns(&vec![1.0; columns]), encoded);
    }
}

impl Calibration for Even {
    fn rounder<'a>(
        &'a mut self,
        _: &Checkpoint,
        matrix: &StoredMatrix,
    ) -> Result<Option<Box<dyn Rounder + 'a>>, CalibrationError> {
        if self.fail_at == Some(self.asked.len()) {
            return Err(Box::new(QuantizeError::Cancelled));
        }
        self.asked.push(matrix.parts[0].0.clone());
        Ok(Some(Box::new(EvenRounder)))
    }

    fn stored(
        &mut self,
        checkpoint: &Checkpoint,
        matrix: &StoredMatrix,
        stored: &StoredRows<'_>,
    ) -> Result<(), CalibrationError> {
        let (name, rows) = &matrix.parts[0];
        let (mut found, mut expected) = (Vec::new(), Default::default());
        stored.read(1, rows - 1, &mut found).unwrap();
        let tensor = checkpoint.tensors.get(name).unwrap();
        tensor.read(matrix.columns, found.len(), &mut expected).unwrap();
        for (found, expected) in found.iter().zip(&expected.weights) {
            self.largest = self.largest.max((found - expected).abs());
        }
        assert!(stored.read(matrix.rows(), 1, &mut found).is_err(), "there is no row after the last");
        self.stored.push(name.clone());
        Ok(())
    }
}

#[test]
fn a_calibration_is_asked_in_the_order_of_the_file() {
    let tiny = Tiny::qwen2();
    let out = tempfile::tempdir().unwrap();
    let mut even = Even::default();
    tiny.write();
    let (checkpoint, options) = (tiny.path(), Options::default());
    let report =
        quantize_calibrated(&checkpoint, &out.path().join("even"), &options, &mut even, &()).unwrap();
    assert_eq!(even.asked, even.stored);
    assert_eq!(even.asked.first().unwrap(), "model.embed_tokens.weight");
    assert_eq!(even.asked[1], "model.layers.0.self_attn.q_proj.weight");
    assert_eq!(even.asked.last().unwrap(), "lm_head.weight");
    assert!(
        even.largest > 0.0 && even.largest < 0.1,
        "stored rows are close to the weights: {}",
        even.largest
    );

    // An even importance lowers the plain error, which the search's own weighs by magnitude.
    let searched =
        quantize_calibrated(&checkpoint, &out.path().join("searched"), &options, &mut (), &()).unwrap();
    let sum = |report: &wheelwork_quantize::Report| -> f64 {
        report.card.quantization.tensors.iter().map(|tensor| tensor.relative_mse).sum()
    };
    assert!(sum(&report) < sum(&searched));
}

#[test]
fn a_calibration_that_fails_leaves_nothing() {
    let tiny = Tiny::qwen2();
    let out = tempfile::tempdir().unwrap();
    let mut even = Even { fail_at: Some(3), ..Even::default() };
    let target = out.path().join("package");
    let error =
        quantize_calibrated(&tiny.write().path(), &target, &Options::default(), &mut even, &()).unwrap_err();
    assert_matches!(error, QuantizeError::Calibration(_));
    assert!(!target.exists());
}
