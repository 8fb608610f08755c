//! Limits for an evaluation. The defaults belong to the recipes and to the size of the model: the smaller it is, the more the same bits
//! cost. Those of large ones come from published tables, those of small ones from a model of 135 million parameters
//! (`docs/evaluation.md`), a third above what was measured.

use wheelwork_package::card::{Divergence, Gate};

/// From so many parameters on, the limits are those of large models.
const LARGE_PARAMETERS: u64 = 1_000_000_000;

/// Which models default limits were taken from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Size {
    Small,
    Large,
}

impl Size {
    pub(crate) fn of(parameters: u64) -> Self {
        if parameters < LARGE_PARAMETERS { Self::Small } else { Self::Large }
    }

    fn words(self) -> &'static str {
        match self {
            Self::Small => "models of some hundred million parameters",
            Self::Large => "models of 7 to 8 billion parameters",
        }
    }

    /// Above this mean divergence a package is not fit to ship, whatever its recipe.
    fn mean_kl_limit(self) -> f64 {
        match self {
            Self::Small => 0.35,
            Self::Large => 0.10,
        }
    }
}

/// What an evaluation must keep to.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Limits {
    /// The largest mean divergence, in nats.
    pub mean_kl: Option<f64>,
    /// The smallest share of positions with the same best token, 0 to 1.
    pub same_top: Option<f64>,
}

/// Holds figures against the limits of a recipe, or those given instead.
pub(crate) fn check(recipe: &str, size: Size, given: Limits, found: &Divergence) -> Gate {
    let default = defaults(recipe, size);
    let mean_kl_limit = given.mean_kl.or(default.mean_kl).unwrap_or(size.mean_kl_limit());
    let same_top_limit = given.same_top.or(default.same_top);
    let custom = given != Limits::default();
    let mut broken = Vec::new();
    // Asked this way round, a figure that is no number fails.
    let within = found.mean_kl.value <= mean_kl_limit;
    if !within {
        broken.push(format!("mean KL {:.4} is above {mean_kl_limit}", found.mean_kl.value));
    }
    if let Some(limit) = same_top_limit {
        let within = found.same_top.value >= limit;
        if !within {
            broken.push(format!("same best token {:.3} is below {limit}", found.same_top.value));
        }
    }
    Gate {
        name: if custom { "custom" } else { recipe }.to_owned(),
        holds_for: (!custom).then(|| size.words().to_owned()),
        mean_kl_limit,
        same_top_limit,
        broken,
    }
}

fn defaults(recipe: &str, size: Size) -> Limits {
    let (mean_kl, same_top) = match (recipe, size) {
        ("float", _) => (Some(0.0005), Some(0.995)),
        ("int8", Size::Large) => (Some(0.003), Some(0.975)),
        ("balanced", Size::Large) => (Some(0.05), Some(0.91)),
        ("best", Size::Large) => (Some(0.035), Some(0.92)),
        ("int8", Size::Small) => (Some(0.012), Some(0.95)),
        ("balanced", Size::Small) => (Some(0.35), Some(0.62)),
        ("best", Size::Small) => (Some(0.2), Some(0.7)),
        _ => (None, None),
    };
    Limits { mean_kl, same_top }
}

#[cfg(test)]
mod tests {
    use wheelwork_package::card::Estimate;

    use super::*;

    fn divergence(mean_kl: f64, same_top: f64) -> Divergence {
        let estimate = |value| Estimate { value, standard_error: 0.0 };
        Divergence {
            positions: 1,
            mean_kl: estimate(mean_kl),
            median_kl: 0.0,
            p99_kl: 0.0,
            max_kl: 0.0,
            same_top: estimate(same_top),
            rms_delta_p: 0.0,
            perplexity_reference: 1.0,
            perplexity: 1.0,
            perplexity_change: Estimate::default(),
            by_position: Vec::new(),
        }
    }

    #[test]
    fn each_recipe_has_its_limits() {
        let broken = |recipe, kl, top| {
            check(recipe, Size::Large, Limits::default(), &divergence(kl, top)).broken.len()
        };
        assert_eq!(broken("balanced", 0.05, 0.91), 0);
        assert_eq!(broken("balanced", 0.051, 0.90), 2);
        assert_eq!(broken("best", 0.04, 0.95), 1);
        assert_eq!(broken("int8", 0.002, 0.97), 1);
        assert_eq!(broken("another", 0.09, 0.5), 0);
        assert_eq!(broken("another", 0.11, 1.0), 1);
        assert_eq!(broken("another", f64::NAN, 1.0), 1);
    }

    #[test]
    fn small_models_have_limits_of_their_own_that_say_so() {
        let gate = |parameters, kl| {
            check("balanced", Size::of(parameters), Limits::default(), &divergence(kl, 0.95))
        };
        assert!(gate(135_000_000, 0.26).broken.is_empty() && !gate(1_500_000_000, 0.26).broken.is_empty());
        assert!(gate(135_000_000, 0.36).holds_for.is_some_and(|size| size.contains("hundred million")));
        assert!(gate(7_000_000_000, 0.01).holds_for.is_some_and(|size| size.contains("7 to 8 billion")));
    }

    #[test]
    fn given_limits_come_first_and_are_named() {
        let limits = Limits { mean_kl: Some(0.01), same_top: None };
        let gate = check("balanced", Size::Large, limits, &divergence(0.02, 0.95));
        assert_eq!(gate.holds_for, None);
        assert_eq!(gate.name, "custom");
        assert_eq!(gate.broken, ["mean KL 0.0200 is above 0.01"]);
        assert_eq!(gate.same_top_limit, Some(0.91));
    }
}
