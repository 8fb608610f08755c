//! Memory that is short: estimated before a model is loaded, and met while it runs.
// A failed expectation is this file's way to speak.
#![allow(clippy::unwrap_used, clippy::panic)]

mod common;

use std::process::Command;

use common::{TemporaryPackage, json, tiny_r1, wheelwork};
use wheelwork::{Diagnostic, Error, Fit, MemoryCheck, Model, OpenOptions};
use wheelwork_quantize::recipe::{BALANCED, FLOAT};

fn with(memory: MemoryCheck, context_length: Option<usize>) -> OpenOptions {
    OpenOptions { memory, context_length, ..OpenOptions::default() }
}

#[test]
fn rt_07_a_model_that_does_not_fit_is_refused_with_both_numbers() {
    let refusal = |options: &OpenOptions| Model::open_with(tiny_r1(), options).err();
    let plan = |options: &OpenOptions| wheelwork::plan(tiny_r1(), options).unwrap();

    let tight = with(MemoryCheck::Bytes(5_000_000), None);
    let error = refusal(&tight).unwrap();
    assert_eq!(error.code(), "not_enough_memory");
    let Error::NotEnoughMemory { need_bytes, have_bytes, largest_context_tokens, .. } = error else {
        panic!()
    };
    let planned = plan(&tight);
    assert_eq!((need_bytes, have_bytes, largest_context_tokens), (planned.need_bytes, 5_000_000, 0));
    assert_eq!(planned.fit, Fit::TooLarge);
    assert!(need_bytes > 5_000_000);
    // The caller's word counts more.
    assert!(refusal(&with(MemoryCheck::Off, None)).is_none());

    // A context that was asked for must fit as a whole; one that was not must fit to begin with.
    let (begun, whole) = (plan(&with(MemoryCheck::Off, None)), plan(&with(MemoryCheck::Off, Some(1024))));
    assert!(begun.context_tokens == 512 && whole.context_tokens == 1024);
    let between = MemoryCheck::Bytes(begun.need_bytes.midpoint(whole.need_bytes));
    assert!(refusal(&with(between, None)).is_none());
    let error = refusal(&with(between, Some(1024))).unwrap();
    let Error::NotEnoughMemory { largest_context_tokens, .. } = error else { panic!("{error}") };
    assert!((512..1024).contains(&largest_context_tokens));
    assert!(refusal(&with(between, Some(largest_context_tokens))).is_none());
    assert!(refusal(&with(between, Some(largest_context_tokens + 1))).is_some());
}

#[test]
fn a_plan_of_an_open_model_counts_one_more_session() {
    let model = Model::open(tiny_r1()).unwrap();
    let plan = model.plan(1024);
    let kv_bytes = 1024 * plan.kv_bytes_per_token;
    assert_eq!((plan.packed_weights_bytes, plan.runtime_bytes, plan.kv_bytes), (0, 0, kv_bytes));
    assert!(plan.need_bytes > kv_bytes && plan.need_bytes < model.plan(1024).need_bytes + 1);
    assert_eq!(model.plan(usize::MAX).context_tokens, 1024);
}

/// The formula of `wheelwork plan` against a process of its own, which prefills a whole chunk.
#[cfg(target_os = "linux")]
#[test]
fn rt_07_a_plan_is_not_exceeded_and_not_twice_what_is_taken() {
    for recipe in [BALANCED, FLOAT] {
        let package = TemporaryPackage::of("tiny-r1", recipe);
        let told = |arguments: &str| {
            json(wheelwork(&format!("{arguments} --plain --json --model")).arg(package.path()))
        };
        let planned = told("plan")["need_bytes"].as_u64().unwrap();
        let measured = told("bench --prompt 512 --context 0 --decode 1 --repeat 1");
        let taken = measured["memory_at_end"]["anonymous_kb"].as_u64().unwrap() * 1024;
        assert!(taken <= planned && planned < 2 * taken, "{planned} planned, {taken} taken");
    }
}

/// What runs in a process of its own, because the limit counts for the whole process.
#[cfg(target_os = "linux")]
mod starved {
    use rustix::process::{Resource, Rlimit, setrlimit};
    use wheelwork::chat::Prompt;
    use wheelwork::{KvForm, Options, Session};
    use wheelwork_testing::Outcome;

    use super::*;

    /// tiny-r1 with room for many tokens.
    fn long_context() -> (tempfile::TempDir, std::path::PathBuf) {
        let folder = tempfile::tempdir().unwrap();
        let checkpoint = folder.path().join("tiny-r1");
        common::copy_folder(&common::testdata("tiny-r1"), &checkpoint);
        let config = checkpoint.join("config.json");
        let text = fs_err::read_to_string(&config).unwrap();
        let longer = text.replace("\"max_position_embeddings\": 1024", "\"max_position_embeddings\": 65536");
        assert_ne!(text, longer);
        fs_err::write(&config, longer).unwrap();
        let package = folder.path().join("long.ortpackage");
        wheelwork_quantize::quantize(&checkpoint, &package, &wheelwork_quantize::Options::default(), &())
            .unwrap();
        (folder, package)
    }

    /// Lets the process have so much more memory of its own than it has; `None` lifts the limit.
    fn limit_to(more_bytes: Option<u64>) {
        let pages = fs_err::read_to_string("/proc/self/statm").unwrap();
        let pages: u64 = pages.split(' ').nth(5).unwrap().parse().unwrap();
        let current = more_bytes.map(|more| pages * 4096 + more);
        setrlimit(Resource::Data, Rlimit { current, maximum: None }).unwrap();
    }

    fn answer(session: &mut Session) -> Vec<u32> {
        let options = Options { temperature: Some(0.0), max_tokens: Some(24), ..Options::default() };
        session.clear();
        Outcome::of(session.ask("478 + 256 = ?", &options).unwrap()).unwrap().token_ids().to_vec()
    }

    /// Runs one of the tests below alone in a process; it must not end by a signal.
    fn alone(test: &str) {
        let output = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", &format!("starved::{test}"), "--ignored", "--nocapture"])
            .output()
            .unwrap();
        let told = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{:?}\n{told}", output.status);
        assert!(String::from_utf8_lossy(&output.stdout).contains("1 passed"));
    }

    #[test]
    fn rt_06_a_cache_that_cannot_grow_is_a_typed_error_and_the_session_goes_on() {
        alone("growth");
    }

    #[test]
    #[ignore = "run by rt_06_a_cache_that_cannot_grow_is_a_typed_error_and_the_session_goes_on"]
    fn growth() {
        let (_folder, package) = long_context();
        let options =
            OpenOptions { kv_cache: Some(KvForm::Float), threads: Some(1), ..OpenOptions::default() };
        let model = Model::open_with(package, &options).unwrap();
        let mut session = model.session().unwrap();
        let expected = answer(&mut session);
        let mut decoder = model.decoder().unwrap();
        let kv = vec![0; decoder.kv_bytes_per_token() * 512];

        // 6 KiB a token: the steps of the cache grow until one no longer fits.
        limit_to(Some(30 << 20));
        let error = loop {
            let len = decoder.len();
            match decoder.write_kv(&[1; 512], &kv) {
                Ok(()) => assert_eq!(decoder.len(), len + 512),
                Err(error) => {
                    assert_eq!(decoder.len(), len);
                    break error;
                }
            }
        };
        assert_eq!(error.code(), "out_of_memory", "{error}");
        assert!((2048..32_768).contains(&decoder.len()), "{}", decoder.len());
        // It goes on where it is, within the room that it has.
        decoder.rewind(10);
        decoder.prefill(&[2; 20]).unwrap();
        decoder.decode(3).unwrap();
        assert_eq!(decoder.len(), 31);

        // The same in a session: a prompt that is too long for the memory, and then another turn.
        let prompt = Prompt::from_ids(vec![5; 12_000], &model.facts().tokenizer);
        let error = session.generate(prompt, &Options::default()).unwrap().find_map(Result::err).unwrap();
        assert_eq!(error.code(), "out_of_memory", "{error}");
        assert_eq!(answer(&mut session), expected);
        let error = (0..64).map(|_| session.fork()).collect::<Result<Vec<_>, _>>().err().unwrap();
        assert_eq!(error.code(), "out_of_memory", "{error}");
        assert_eq!(answer(&mut session), expected);
        limit_to(None);
        assert_eq!(answer(&mut session), expected);
    }

    #[test]
    fn rt_06_a_run_that_gets_no_memory_is_a_typed_error_and_the_session_goes_on() {
        alone("activations");
    }

    #[test]
    #[ignore = "run by rt_06_a_run_that_gets_no_memory_is_a_typed_error_and_the_session_goes_on"]
    fn activations() {
        let (_folder, package) = long_context();
        let model =
            Model::open_with(package, &OpenOptions { threads: Some(1), ..OpenOptions::default() }).unwrap();
        let mut session = model.session().unwrap();
        let expected = answer(&mut session);
        let options = Options { max_tokens: Some(1), ..Options::default() };
        let mut failed = 0;
        for more in (0..12).step_by(3) {
            // Long enough that its cache and the attention of a chunk take more than the allocator has at hand.
            let prompt = Prompt::from_ids(vec![5 + more; 6_000], &model.facts().tokenizer);
            limit_to(Some(u64::from(more) << 20));
            let result = session.generate(prompt, &options).unwrap().find_map(Result::err);
            limit_to(None);
            if let Some(error) = result {
                eprintln!("{more}: {error}");
                assert_eq!(error.code(), "out_of_memory", "{error}");
                failed += 1;
            }
            assert_eq!(answer(&mut session), expected);
        }
        assert!(failed > 0);
    }
}
