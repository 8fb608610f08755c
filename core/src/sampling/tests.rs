use proptest::prelude::*;

use super::*;

fn options(temperature: f32) -> SamplingOptions {
    SamplingOptions { temperature, seed: Some(7), ..SamplingOptions::default() }
}

fn sample(options: &SamplingOptions, logits: &[f32]) -> Result<u32, SamplingError> {
    Sampler::new(options.clone()).unwrap().sample(&mut logits.to_vec(), &[])
}

/// Which tokens can be drawn: the ones left with a weight.
fn kept(options: &SamplingOptions, logits: &[f32]) -> Vec<usize> {
    let mut weights = logits.to_vec();
    let peak = peak::find(&weights).unwrap();
    weights::from_logits(&mut weights, peak.logit, options.temperature);
    truncation::Histogram::default().truncate(&mut weights, options);
    (0..weights.len()).filter(|id| weights[*id] > 0.0).collect()
}

/// The same by sorting everything, in doubles, with every limit moved by `slack`: more of it keeps more.
fn kept_by_sorting(options: &SamplingOptions, logits: &[f32], slack: f64) -> Vec<usize> {
    let mut sorted: Vec<(f64, usize)> = logits.iter().map(|l| f64::from(*l)).zip(0..).collect();
    sorted.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
    let largest = sorted[0].0;
    for (value, _) in &mut sorted {
        *value = ((*value - largest) / f64::from(options.temperature)).exp();
    }
    sorted.retain(|(weight, _)| *weight > 0.5_f64.powi(44) / (1.0 + slack));
    if options.top_k > 0 {
        sorted.truncate(options.top_k as usize);
    }
    if options.top_p < 1.0 {
        let limit =
            f64::from(options.top_p) * (1.0 + slack) * sorted.iter().map(|(weight, _)| weight).sum::<f64>();
        let mut sum = 0.0;
        let last = sorted.iter().position(|(weight, _)| {
            sum += weight;
            sum >= limit
        });
        sorted.truncate(last.map_or(sorted.len(), |last| last + 1));
    }
    sorted.retain(|(weight, _)| *weight >= f64::from(options.min_p) / (1.0 + slack));
    let mut ids: Vec<usize> = sorted.into_iter().map(|(_, id)| id).collect();
    ids.sort_unstable();
    ids
}

#[test]
fn greedy_takes_the_largest_and_of_equal_ones_the_first() {
    assert_eq!(sample(&options(0.0), &[0.0, 2.0, 1.0, 2.0]), Ok(1));
    assert_eq!(sample(&options(0.0), &[f32::NEG_INFINITY, -5.0]), Ok(1));
    for place in [0, 31, 32, 1023, 1024, 3000] {
        let mut logits = vec![-1.0; 3001];
        logits[place] = 1.0;
        logits[3000] = 1.0;
        assert_eq!(sample(&options(0.0), &logits), Ok(u32::try_from(place).unwrap()));
    }
}

#[test]
fn rt_15_options_out_of_range_are_refused() {
    type Field = fn(&mut SamplingOptions) -> &mut f32;
    let fields: [(&str, Field, &[f32]); 4] = [
        ("temperature", |options| &mut options.temperature, &[-0.1, 100.1]),
        ("top_p", |options| &mut options.top_p, &[0.0, -0.5, 1.01]),
        ("min_p", |options| &mut options.min_p, &[-0.1, 1.1]),
        ("repetition_penalty", |options| &mut options.repetition_penalty, &[0.0, -1.0, 101.0]),
    ];
    for (name, field, values) in fields {
        for value in values.iter().chain(&[f32::NAN, f32::INFINITY, f32::NEG_INFINITY, f32::MAX, f32::MIN]) {
            let mut options = SamplingOptions::default();
            *field(&mut options) = *value;
            let error = Sampler::new(options).unwrap_err();
            assert!(
                matches!(error, SamplingError::OutOfRange { option, .. } if option == name),
                "{name} {value}"
            );
        }
    }
}

#[test]
fn rt_16_unusable_logits_are_a_numerical_failure() {
    let mut long = vec![0.0; 5000];
    long[4990] = f32::NAN;
    let cases: [(&[f32], LogitFault); 6] = [
        (&[0.0, f32::NAN, 9.0], LogitFault::NotANumber),
        (&long, LogitFault::NotANumber),
        (&[f32::NAN; 3], LogitFault::NotANumber),
        (&[0.0, f32::INFINITY], LogitFault::Infinite),
        (&[f32::NEG_INFINITY; 40], LogitFault::NothingPossible),
        (&[], LogitFault::NothingPossible),
    ];
    for (logits, fault) in cases {
        for temperature in [0.0, 0.6] {
            assert_eq!(sample(&options(temperature), logits), Err(SamplingError::NumericalFailure { fault }));
        }
    }
}

#[test]
fn rt_16_a_ruled_out_token_is_never_drawn() {
    let mut sampler = Sampler::new(options(100.0)).unwrap();
    for _ in 0..200 {
        assert_eq!(sampler.sample(&mut [f32::NEG_INFINITY, -1e30, f32::NEG_INFINITY], &[]), Ok(1));
    }
}

#[test]
fn draws_follow_the_probabilities() {
    let (mut sampler, mut counts) = (Sampler::new(options(0.5)).unwrap(), [0.0; 4]);
    let rounds = 20_000;
    for _ in 0..rounds {
        let id = sampler.sample(&mut [1.0, 0.5, 0.0, -1.0], &[]).unwrap();
        counts[id as usize] += 1.0;
    }
    let weights = [2.0_f64, 1.0, 0.0, -2.0].map(f64::exp);
    for (count, weight) in counts.iter().zip(weights) {
        let expected = weight / weights.iter().sum::<f64>();
        // Five standard deviations of a binomial share, and the seed is fixed.
        let tolerance = 5.0 * (expected * (1.0 - expected) / f64::from(rounds)).sqrt();
        assert!((count / f64::from(rounds) - expected).abs() < tolerance, "{counts:?}");
    }
}

#[test]
fn each_step_keeps_what_its_definition_says() {
    // Probabilities 0.5, 0.25, 0.125, 0.125.
    let logits = [0.5_f32, 0.25, 0.125, 0.125].map(f32::ln);
    let with = |change: fn(&mut SamplingOptions)| {
        let mut options = options(1.0);
        change(&mut options);
        kept(&options, &logits)
    };
    assert_eq!(with(|_| ()), [0, 1, 2, 3]);
    assert_eq!(with(|options| options.top_k = 3), [0, 1, 2], "of equal ones the first");
    assert_eq!(with(|options| options.top_k = 9), [0, 1, 2, 3]);
    assert_eq!(with(|options| options.top_p = 0.5), [0]);
    assert_eq!(with(|options| options.top_p = 0.76), [0, 1, 2]);
    assert_eq!(with(|options| options.top_p = 1e-30), [0]);
    assert_eq!(with(|options| options.min_p = 0.4), [0, 1]);
    assert_eq!(with(|options| options.min_p = 1.0), [0]);
    // Top-p counts from what top-k left: 0.5 of 0.75 is less than 0.7.
    assert_eq!(with(|options| (options.top_k, options.top_p) = (2, 0.7)), [0, 1]);
    assert_eq!(with(|options| (options.top_k, options.top_p) = (2, 0.6)), [0]);
}

#[test]
fn the_repetition_penalty_counts_a_token_once() {
    let mut seen = penalty::Seen::default();
    let mut logits = [3.0, -3.0, 1.0, f32::NEG_INFINITY];
    seen.penalize(&mut logits, &[0, 1, 0, 3, 99], 1.5);
    assert_eq!(logits, [2.0, -4.5, 1.0, f32::NEG_INFINITY]);
    seen.penalize(&mut logits, &[0], 2.0);
    assert_eq!(logits[0], 1.0, "the next step starts anew");
}

#[test]
fn a_stored_sampler_goes_on_where_it_was() {
    let step = |sampler: &mut Sampler| sampler.sample(&mut vec![0.0; 1000], &[]).unwrap();
    let mut sampler = Sampler::new(SamplingOptions::default()).unwrap();
    let start = sampler.state();
    assert_eq!(sampler.options().seed, Some(start.seed));
    let first: Vec<u32> = (0..10).map(|_| step(&mut sampler)).collect();
    let state: SamplerState =
        serde_json::from_str(&serde_json::to_string(&sampler.state()).unwrap()).unwrap();
    let second: Vec<u32> = (0..10).map(|_| step(&mut sampler)).collect();

    let mut resumed = Sampler::resume(SamplingOptions::default(), state).unwrap();
    assert_eq!((0..10).map(|_| step(&mut resumed)).collect::<Vec<_>>(), second);
    let mut again =
        Sampler::new(SamplingOptions { seed: Some(start.seed), ..SamplingOptions::default() }).unwrap();
    assert_eq!((0..10).map(|_| step(&mut again)).collect::<Vec<_>>(), first);
    assert_ne!(first, second);
}

#[test]
fn seeds_from_the_system_differ() {
    let seed = || Sampler::new(SamplingOptions::default()).unwrap().state().seed;
    assert_ne!(seed(), seed());
}

proptest! {
    #[test]
    fn the_threshold_keeps_what_sorting_keeps(
        // Steps of 1/8 make ties; 0.37 makes limits fall between sums.
        logits in prop::collection::vec((-200_i16..200).prop_map(|step| f32::from(step) / 8.0), 1..300),
        temperature in 0.1_f32..5.0, top_k in 0_u32..20, top_p in 0.01_f32..1.0, min_p in 0.001_f32..0.37,
        steps in any::<(bool, bool, bool)>(),
    ) {
        let options = SamplingOptions {
            temperature,
            top_k: if steps.0 { top_k } else { 0 },
            top_p: if steps.1 { top_p } else { 1.0 },
            min_p: if steps.2 { min_p } else { 0.0 },
            ..options(1.0)
        };
        let kept = kept(&options, &logits);
        // A limit that falls on the rounding of a float may be met by either.
        let (least, most) = (kept_by_sorting(&options, &logits, -1e-5), kept_by_sorting(&options, &logits, 1e-5));
        prop_assert!(least.iter().all(|id| kept.contains(id)), "{:?} of {:?}", least, kept);
        prop_assert!(kept.iter().all(|id| most.contains(id)), "{:?} of {:?}", kept, most);
    }

    #[test]
    fn rt_16_any_logits_give_a_possible_token_or_an_error(
        logits in prop::collection::vec(any::<u32>().prop_map(f32::from_bits), 0..50),
        temperature in 0.0_f32..2.0, top_p in 0.01_f32..=1.0,
    ) {
        match sample(&SamplingOptions { top_p, ..options(temperature) }, &logits) {
            Ok(id) => prop_assert!(logits[id as usize].is_finite()),
            Err(_) => prop_assert!(logits.iter().all(|l| !l.is_finite()) || logits.iter().any(|l| l.is_nan() || *l == f32::INFINITY)),
        }
    }
}
