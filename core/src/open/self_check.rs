//! What a device computes for a fixed prompt, before it is trusted with others.
//!
//! Static graphs are held against the logits that their package brings. A graph of any length is held against what the
//! CPU makes of the same file: prefill in one call and a step, because kernels differ by the number of tokens.

use std::sync::Arc;

use wheelwork_package::card::StaticSelfCheck;

use crate::decoder::error::DecoderError;
use crate::decoder::ort::dynamic::OrtDecoder;
use crate::decoder::ort::model::OrtModel;
use crate::decoder::traits::Decoder;
use crate::device::{NotUsedReason, Refusal, SelfCheck};

/// Enough for the kernels of longer calls: WebGPU's provider takes another way through attention from 32 on.
const PROMPT_TOKENS: usize = 48;
/// The CPU's products round their inputs to int8, other devices' do not: that makes a hundredth or two. Wrong
/// kernels that were met made a tenth or more.
const TOLERANCE: f32 = 0.05;
/// Of our kernels and ONNX Runtime's, each of which rounds. Theirs of 8 bits round otherwise on AVX2: with the outliers of
/// SmolLM2-135M, 8.6 bits a weight differed by more than 0.05 although every product was within 0.008 of float64. A matrix in the place of
/// another makes 1.
const TOLERANCE_OF_OURS: f32 = 0.1;

/// Compares static graphs with the logits that the package holds.
pub(super) fn of_package(decoder: &mut dyn Decoder, check: &StaticSelfCheck) -> Result<SelfCheck, Refusal> {
    if check.prompt_ids.is_empty() {
        return Ok(SelfCheck::NotInPackage);
    }
    let computed = logits(decoder, &check.prompt_ids)?;
    let of_package = |logits: &[f32]| -> Vec<f32> {
        let token = |&token: &u32| logits.get(token as usize).copied().unwrap_or(f32::NAN);
        check.token_ids.iter().map(token).collect()
    };
    verdict(computed.iter().map(|logits| distance(&of_package(logits), &check.logits)), check.tolerance)
}

/// Compares a graph on its device with the same one on the CPU.
pub(super) fn against_cpu(
    device: &Arc<OrtModel>,
    cpu: &Arc<OrtModel>,
    context_length: usize,
) -> Result<SelfCheck, Refusal> {
    against(device, cpu, context_length, TOLERANCE)
}

/// Compares a graph with our kernels with the plain one: both round activations to int8.
pub(super) fn against_plain(
    ours: &Arc<OrtModel>,
    plain: &Arc<OrtModel>,
    context_length: usize,
) -> Result<SelfCheck, Refusal> {
    against(ours, plain, context_length, TOLERANCE_OF_OURS)
}

fn against(
    device: &Arc<OrtModel>,
    cpu: &Arc<OrtModel>,
    context_length: usize,
    tolerance: f32,
) -> Result<SelfCheck, Refusal> {
    let ids = prompt(device.vocab_size(), context_length);
    let [found, expected] = [device, cpu].map(|model| {
        let mut decoder = OrtDecoder::start(model).map_err(|error| failed(&error))?;
        logits(&mut decoder, &ids)
    });
    let (found, expected) = (found?, expected?);
    verdict(found.iter().zip(&expected).map(|(found, expected)| distance(found, expected)), tolerance)
}

/// Token ids that every vocabulary has, without a pattern.
fn prompt(vocab_size: usize, context_length: usize) -> Vec<u32> {
    let ids = u32::try_from(vocab_size).unwrap_or(u32::MAX).clamp(1, 256);
    let ids = (1_u32..).map(|place| (place.wrapping_mul(2_654_435_761) >> 7) % ids);
    ids.take(PROMPT_TOKENS.min(context_length)).collect()
}

/// The last token's logits, computed with all the others and on its own.
fn logits(decoder: &mut dyn Decoder, ids: &[u32]) -> Result<[Vec<f32>; 2], Refusal> {
    let mut compute = || {
        let (&last, before) = ids.split_last().unwrap_or((&0, &[]));
        ids.chunks(decoder.chunk_tokens()).try_for_each(|chunk| decoder.prefill(chunk))?;
        let together = decoder.logits().to_vec();
        decoder.rewind(0);
        before.chunks(decoder.chunk_tokens()).try_for_each(|chunk| decoder.prefill(chunk))?;
        decoder.decode(last)?;
        Ok([together, decoder.logits().to_vec()])
    };
    compute().map_err(|error: DecoderError| failed(&error))
}

fn verdict(distances: impl Iterator<Item = f32>, tolerance: f32) -> Result<SelfCheck, Refusal> {
    // Not `f32::max`, which drops what is no number.
    let is_worse = |distance: f32, worst: f32| distance.is_nan() || distance > worst;
    let relative_rms =
        distances.fold(0.0, |worst, distance| if is_worse(distance, worst) { distance } else { worst });
    if relative_rms <= tolerance {
        return Ok(SelfCheck::Passed { relative_rms });
    }
    let detail = format!(
        "its logits differ by {relative_rms:.4} (relative root mean square), at most {tolerance} is expected"
    );
    Err((NotUsedReason::SelfCheckFailed, Some(detail)))
}

fn failed(error: &impl ToString) -> Refusal {
    (NotUsedReason::SelfCheckFailed, Some(error.to_string()))
}

/// Root mean square of the difference over that of what is expected.
fn distance(found: &[f32], expected: &[f32]) -> f32 {
    let (mut difference, mut size) = (0.0, 0.0);
    for (&found, &expected) in found.iter().zip(expected) {
        difference += f64::from(found - expected).powi(2);
        size += f64::from(expected).powi(2);
    }
    #[allow(clippy::cast_possible_truncation)] // a figure of four digits
    let relative = (difference / size).sqrt() as f32;
    relative
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{ScriptedDecoder, Step};

    /// What a decoder that does `step` makes of a package's logits 4 and 3 for the tokens 1 and 0.
    fn checked(step: Step) -> Result<SelfCheck, Refusal> {
        let check = StaticSelfCheck {
            prompt_ids: vec![5, 6],
            token_ids: vec![1, 0],
            logits: vec![4.0, 3.0],
            tolerance: 0.01,
        };
        of_package(&mut ScriptedDecoder::new(2, 8, vec![step]), &check)
    }

    #[test]
    fn rt_05_logits_that_are_not_the_packages_refuse_the_provider() {
        let logits = |logits: [f32; 2]| checked(Step::Logits(logits.into()));
        assert!(matches!(logits([3.0, 4.01]), Ok(SelfCheck::Passed { relative_rms }) if relative_rms > 0.0));
        for wrong in [[3.0, 5.0], [4.0, 3.0], [0.0, 0.0], [3.0, f32::NAN], [f32::INFINITY, 4.0]] {
            let (reason, detail) = logits(wrong).unwrap_err();
            assert_eq!(reason, NotUsedReason::SelfCheckFailed, "{wrong:?}");
            assert!(detail.unwrap().contains("at most 0.01 is expected"));
        }
    }

    #[test]
    fn rt_05_a_run_that_fails_in_the_self_check_refuses_the_provider() {
        let (reason, detail) = checked(Step::Fail("the driver is gone".into())).unwrap_err();
        assert_eq!(reason, NotUsedReason::SelfCheckFailed);
        assert!(detail.unwrap().contains("the driver is gone"));
    }

    #[test]
    fn what_is_no_number_never_passes() {
        for distances in [[f32::NAN, 0.0], [0.0, f32::NAN], [f32::INFINITY, 0.0], [0.051, 0.0], [0.0, 0.051]]
        {
            assert!(verdict(distances.into_iter(), 0.05).is_err(), "{distances:?}");
        }
        assert_eq!(verdict([0.01, 0.02].into_iter(), 0.05), Ok(SelfCheck::Passed { relative_rms: 0.02 }));
        assert!(distance(&[0.0], &[0.0]).is_nan());
    }

    #[test]
    fn the_prompt_is_of_any_vocabulary_and_fits_any_context() {
        for (vocab_size, context_length) in [(1, 1), (7, 100), (151_936, 32_768), (usize::MAX, 2)] {
            let ids = prompt(vocab_size, context_length);
            assert_eq!(ids.len(), PROMPT_TOKENS.min(context_length));
            assert!(ids.iter().all(|&id| (id as usize) < vocab_size));
        }
    }
}
