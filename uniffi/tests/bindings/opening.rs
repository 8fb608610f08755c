//! Opening, preparing, and what is known before.

use std::path::Path;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use wheelwork_uniffi::{
    Device, EngineHandle, Event, FfiError, FinishReason, Fit, Kernels, MemoryCheck, OpenEvent, OpenHandle,
    OpenOptions, PrepareEvent, PrepareHandle, PrepareReport, Prepared, Priority, memory_plan, prepared_form,
};

use crate::support::{ENGINE, code, events, model, open_options, options, text, wait};

/// The engine, and the steps on the way.
fn opened(open: &OpenHandle) -> Result<(Arc<EngineHandle>, Vec<OpenEvent>), FfiError> {
    let mut steps = Vec::new();
    while let Some(event) = wait(open.next())? {
        match event {
            OpenEvent::Opened { engine } => {
                assert!(wait(open.next())?.is_none(), "something follows the end");
                return Ok((engine, steps));
            }
            step => steps.push(step),
        }
    }
    panic!("it ended without an end");
}

fn begin(options: OpenOptions) -> Arc<OpenHandle> {
    OpenHandle::begin(text(model()), options, ENGINE).unwrap()
}

fn answers(engine: &EngineHandle) {
    let turn = engine.chat().unwrap().ask("1 + 1 = ?".into(), options(3), Priority::Normal).unwrap();
    let events = events(&turn).unwrap();
    assert!(
        matches!(events.last(), Some(Event::Finished { reason: FinishReason::Length, .. })),
        "{events:?}"
    );
}

#[test]
fn an_opening_tells_its_steps_and_then_gives_the_engine() {
    let (engine, steps) = opened(&begin(open_options())).unwrap();
    assert!(
        matches!(
            &steps[..],
            [OpenEvent::Describe, OpenEvent::Load { provider, device: Device::Cpu }]
                if provider == "CPUExecutionProvider"
        ),
        "{} steps",
        steps.len()
    );
    answers(&engine);
    assert!(engine.compilation_state().unwrap().is_none() && engine.compilation().unwrap().is_none());
}

#[test]
fn what_cannot_be_opened_has_its_code_and_nothing_follows() {
    let path = |path: &str| OpenHandle::begin(path.into(), open_options(), ENGINE).unwrap();
    let folder = tempfile::tempdir().unwrap();
    for (open, expected) in [
        (path("/no/such/model"), "package_io"),
        (path(&text(folder.path())), "not_a_package"),
        (path("a\0b"), "package_io"),
        (begin(OpenOptions { context_length: Some(0), ..open_options() }), "context_out_of_range"),
        (
            begin(OpenOptions { memory: Some(MemoryCheck::Bytes { bytes: 1 }), ..open_options() }),
            "not_enough_memory",
        ),
    ] {
        assert_eq!(code(opened(&open)), expected);
        assert!(wait(open.next()).unwrap().is_none());
    }
}

#[test]
fn rt_10_an_opening_that_is_cancelled_or_let_go_of_at_any_moment_leaves_nothing_open() {
    let start = Instant::now();
    answers(&opened(&begin(open_options())).unwrap().0);
    let whole = start.elapsed();
    for moment in 0..12 {
        let open = begin(open_options());
        let presses = Arc::clone(&open);
        let presser = thread::spawn(move || {
            thread::sleep(whole * moment / 12);
            presses.cancel();
        });
        match opened(&open) {
            Ok((engine, _)) => answers(&engine),
            Err(error) => assert_eq!(code::<()>(Err(error)), "open_cancelled"),
        }
        presser.join().unwrap();
        let dropped = begin(open_options());
        thread::sleep(whole * moment / 12);
        drop(dropped);
    }
    let cancelled = begin(open_options());
    cancelled.cancel();
    assert_eq!(code(opened(&cancelled)), "open_cancelled");
    answers(&opened(&begin(open_options())).unwrap().0);
}

struct Place(tempfile::TempDir);

impl Place {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn options(&self) -> OpenOptions {
        // Without measuring, so that each preparation gives the same.
        let kernels = Some(Kernels::Own);
        OpenOptions { cache_dir: Some(text(&self.0.path().join("cache"))), kernels, ..open_options() }
    }
}

fn prepared(prepare: &PrepareHandle) -> Result<(PrepareReport, Vec<PrepareEvent>), FfiError> {
    let mut steps = Vec::new();
    while let Some(event) = wait(prepare.next())? {
        match event {
            PrepareEvent::Finished { report } => {
                assert_eq!(wait(prepare.next())?, None, "something follows the end");
                return Ok((report, steps));
            }
            step => steps.push(step),
        }
    }
    panic!("it ended without an end");
}

#[test]
fn a_model_is_prepared_once_and_then_takes_less_memory() {
    let place = Place::new();
    let begin = |options| PrepareHandle::begin(text(model()), options).unwrap();
    assert_eq!(prepared_form(text(model()), open_options()).unwrap(), Prepared::NoPlace);
    assert_eq!(code(prepared(&begin(open_options()))), "prepare_no_place");
    let before = memory_plan(text(model()), place.options()).unwrap();
    assert_eq!(before.prepared, Prepared::Missing);

    let (report, steps) = prepared(&begin(place.options())).unwrap();
    assert!(report.is_new && report.disk_bytes > 0 && report.peak_disk_bytes >= report.disk_bytes);
    // What comes first depends on whose kernels are prepared.
    assert!(steps.len() > 1 && steps.last() == Some(&PrepareEvent::Compare), "{steps:?}");
    assert_eq!(prepared_form(text(model()), place.options()).unwrap(), Prepared::Used);
    let after = memory_plan(text(model()), place.options()).unwrap();
    assert!(after.prepared == Prepared::Used && after.packed_weights_bytes == 0, "{after:?}");
    assert!(after.need_bytes < before.need_bytes, "{after:?}");
    assert!(!prepared(&begin(place.options())).unwrap().0.is_new);

    let (engine, _) = opened(&self::begin(place.options())).unwrap();
    let placement = engine.placement().unwrap();
    assert_eq!((placement.prepared, placement.not_prepared), (Prepared::Used, None));
    answers(&engine);
}

#[test]
fn rt_10_a_preparation_that_is_cancelled_or_let_go_of_leaves_nothing_and_can_be_done_again() {
    let start = Instant::now();
    let calm = Place::new();
    prepared(&PrepareHandle::begin(text(model()), calm.options()).unwrap()).unwrap();
    let whole = start.elapsed();
    let place = Place::new();
    for moment in 0..10 {
        let prepare = PrepareHandle::begin(text(model()), place.options()).unwrap();
        thread::sleep(whole * moment / 10);
        if moment % 2 == 0 {
            prepare.cancel();
            // Begun again at once, as a person does: that is not told to be busy.
            let again = PrepareHandle::begin(text(model()), place.options()).unwrap();
            again.cancel();
            for prepare in [prepare, again] {
                match prepared(&prepare) {
                    Ok(_) => {}
                    Err(error) => assert_eq!(code::<()>(Err(error)), "prepare_cancelled"),
                }
            }
        } else {
            drop(prepare);
        }
    }
    prepared(&PrepareHandle::begin(text(model()), place.options()).unwrap()).unwrap();
    assert_eq!(prepared_form(text(model()), place.options()).unwrap(), Prepared::Used);
    // Nothing of the tries that were ended stands beside it.
    assert_eq!(files(place.0.path()), files(calm.0.path()));
}

/// How many files there are, whatever they are called.
fn files(folder: &Path) -> usize {
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    entries.map(|path| if path.is_dir() { files(&path) } else { 1 }).sum()
}

#[test]
fn a_plan_of_memory_is_told_before_and_after_opening() {
    let options = OpenOptions { memory: Some(MemoryCheck::Bytes { bytes: 1 << 20 }), ..open_options() };
    let short = memory_plan(text(model()), options).unwrap();
    assert_eq!((short.fit, short.largest_context_tokens), (Fit::TooLarge, Some(0)));
    let available = short.available.unwrap();
    assert_eq!((available.bytes, available.told_by.as_str()), (1 << 20, "the app"));
    let options = OpenOptions { memory: Some(MemoryCheck::Bytes { bytes: 1 << 40 }), ..open_options() };
    let ample = memory_plan(text(model()), options).unwrap();
    assert_eq!((ample.fit, ample.largest_context_tokens), (Fit::Fits, Some(ample.context_limit)));
    let parts = [
        ample.packed_weights_bytes,
        ample.runtime_bytes,
        ample.kv_bytes,
        ample.kv_growth_bytes,
        ample.working_bytes,
        ample.prefix_cache_bytes,
    ];
    assert_eq!(parts.iter().sum::<u64>(), ample.need_bytes, "{ample:?}");

    let engine = EngineHandle::open(text(model()), open_options(), ENGINE).unwrap();
    let one_more = engine.memory_plan(100).unwrap();
    assert_eq!((one_more.packed_weights_bytes, one_more.runtime_bytes), (0, 0));
    assert_eq!(one_more.context_tokens, 100);
    assert!(engine.memory_plan(u32::MAX).unwrap().context_tokens == one_more.context_limit);
}

#[test]
fn who_waits_for_an_opening_is_woken_by_its_end() {
    let open = begin(open_options());
    let waits = Arc::clone(&open);
    let waiter = thread::spawn(move || opened(&waits).map(|_| ()));
    thread::sleep(Duration::from_millis(1));
    // A second reader, whenever the first one waits.
    let second = wait(open.next());
    match (waiter.join().unwrap(), second) {
        (Err(error), Ok(_)) | (Ok(()), Err(error)) => assert_eq!(code::<()>(Err(error)), "busy"),
        // It was too late, or too early, to be in the way; or took an event.
        (Ok(()), Ok(_)) => {}
        (Err(one), Err(other)) => panic!("{one}, {other}"),
    }
}
