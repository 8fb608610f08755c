//! What logits may be.

/// Whether logits can be sampled from. Minus infinity is what a graph gives for tokens that it masks; no number and plus
/// infinity are what a broken device or a broken weight computes.
pub(crate) fn are_valid(logits: &[f32]) -> bool {
    logits.iter().all(|logit| !logit.is_nan() && *logit < f32::INFINITY)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn masked_tokens_are_valid_and_what_is_no_number_is_not() {
        assert!(are_valid(&[0.0, -3.5, f32::MAX, f32::NEG_INFINITY]));
        assert!(!are_valid(&[0.0, f32::NAN]));
        assert!(!are_valid(&[f32::INFINITY, 0.0]));
    }
}
