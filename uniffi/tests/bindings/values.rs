//! What is told of devices, packages and conversations.

use wheelwork_uniffi::{
    Battery, Conditions, Device, EngineHandle, EngineOptions, Event, Message, NotUsedReason, OpenOptions,
    Pace, Priority, PromptLookup, ProviderSupport, Role, Tool, ToolCall, detect_devices, devices,
    onnx_runtime, package_facts,
};

use crate::support::{ENGINE, code, engine, events, message, model, open_options, options, text, wait};

#[test]
fn the_machine_tells_its_runtime_and_its_devices_with_the_reasons() {
    let runtime = onnx_runtime().unwrap();
    assert_eq!(runtime.version.split('.').count(), 3, "{runtime:?}");
    assert!(!runtime.path.is_empty() && !runtime.build.is_empty(), "{runtime:?}");
    assert_eq!(engine().onnx_runtime().unwrap(), runtime);

    let detected = detect_devices().unwrap();
    let names = |rows: &mut dyn Iterator<Item = &String>| rows.cloned().collect::<Vec<_>>();
    assert_eq!(
        names(&mut detected.iter().map(|row| &row.provider)),
        names(&mut devices().iter().map(|row| &row.provider))
    );
    let cpu = detected.last().unwrap();
    assert_eq!((cpu.device, cpu.support, &cpu.unusable), (Device::Cpu, ProviderSupport::Supported, &None));
    for row in detected.iter().filter(|row| row.support == ProviderSupport::NotInThisBuild) {
        let unusable = row.unusable.as_ref().unwrap();
        assert_eq!(unusable.reason, NotUsedReason::NotInThisBuild);
        assert!(!unusable.words.is_empty());
    }
}

#[test]
fn a_package_tells_what_it_is() {
    let facts = package_facts(text(model()), Vec::new()).unwrap();
    assert_eq!((facts.name.as_str(), &facts.installed), ("tiny-r1", &None));
    assert!(facts.producer.as_deref().is_some_and(|producer| producer.contains("wheelwork")), "{facts:?}");
    assert!(facts.bits_per_weight.is_some_and(|bits| (4.0..9.0).contains(&bits)), "{facts:?}");
    let [variant] = &facts.variants[..] else { panic!("{facts:?}") };
    assert_eq!((variant.name.as_str(), variant.reasons), ("cpu", Some(true)));
    assert!(variant.context_length > 100 && variant.vocab_size > 100);
    let engine = engine();
    assert_eq!(engine.package_facts(Vec::new()).unwrap(), facts);
    assert!(engine.reasons().unwrap() && engine.context_length().unwrap() == variant.context_length);
    assert_eq!(code(package_facts(text(model()), vec!["no key".into()])), "not_a_key");
    assert_eq!(code(package_facts("/none".into(), Vec::new())), "package_io");
}

#[test]
fn tokens_are_counted_as_a_turn_counts_them() {
    let engine = engine();
    assert_eq!(engine.count_tokens(String::new()).unwrap(), 0);
    let plain = engine.count_tokens("478 + 256 = ?".into()).unwrap();
    assert!(plain > 3);
    let chat = engine.chat().unwrap();
    chat.push(message(Role::System, "Answer briefly.")).unwrap();
    let counted = chat.prompt_tokens(Some("478 + 256 = ?".into()), options(1)).unwrap();
    assert!(counted > plain);
    let turn = chat.ask("478 + 256 = ?".into(), options(1), Priority::Normal).unwrap();
    let Some(Event::Started { prompt_tokens, .. }) = wait(turn.next()).unwrap() else { panic!("no start") };
    assert_eq!(prompt_tokens, counted);
    events(&turn).unwrap();
    let long = "word ".repeat(100_000);
    assert_eq!(code(chat.prompt_tokens(Some(long.clone()), options(1))), "prompt_too_long");
    assert_eq!(code(engine.count_tokens("a".repeat((16 << 20) + 1))), "text_too_long", "BD-05");
    let wrong = wheelwork_uniffi::Options { temperature: Some(f32::NAN), ..options(1) };
    assert!(chat.prompt_tokens(None, wrong).is_err());
}

#[test]
fn the_pace_is_what_the_conditions_ask_for() {
    let engine = engine();
    assert_eq!(engine.pace().unwrap(), Pace::Full);
    let low = Conditions { thermal: None, battery: Some(Battery::Low), foreground: true };
    engine.set_conditions(low).unwrap();
    assert_eq!(engine.pace().unwrap(), Pace::Eased);
    engine.set_conditions(Conditions { foreground: false, ..low }).unwrap();
    assert_eq!(engine.pace().unwrap(), Pace::Slow);
}

#[test]
fn an_answer_tells_its_reasoning_apart_and_tool_messages_keep_their_ids() {
    let engine = engine();
    let chat = engine.chat().unwrap();
    let turn = chat.ask("478 + 256 = ?".into(), options(200), Priority::Normal).unwrap();
    let told = events(&turn).unwrap();
    let texts =
        |pick: fn(&Event) -> Option<&String>| told.iter().filter_map(pick).cloned().collect::<String>();
    let reasoning = texts(|event| match event {
        Event::ReasoningDelta { text } => Some(text),
        _ => None,
    });
    let answer = texts(|event| match event {
        Event::AnswerDelta { text } => Some(text),
        _ => None,
    });
    let messages = chat.messages().unwrap();
    let last = messages.last().unwrap();
    assert!(!reasoning.is_empty() && !answer.is_empty());
    assert_eq!((last.reasoning.as_ref(), &last.answer), (Some(&reasoning), &answer));
    let [first, ..] = &messages[..] else { panic!("{messages:?}") };
    assert_eq!((&first.reasoning, first.answer.as_str()), (&None, "478 + 256 = ?"));

    let calls =
        vec![ToolCall { id: Some("1".into()), name: "add".into(), arguments: "{}".into(), as_text: true }];
    let calling = Message { text: None, tool_calls: calls, ..message(Role::Assistant, "") };
    let name = Some("add".to_owned());
    let result = Message { tool_call_id: Some("1".into()), name, ..message(Role::Tool, "3") };
    chat.push(calling.clone()).unwrap();
    chat.push(result.clone()).unwrap();
    let kept = chat.messages().unwrap();
    assert_eq!(kept[2], calling);
    assert_eq!(kept[3], Message { answer: "3".into(), ..result });
    // A conversation goes over to another one as it was, character by character.
    let other = engine.chat().unwrap();
    kept.iter().for_each(|message| other.push(message.clone()).unwrap());
    assert_eq!(other.messages().unwrap(), kept);
}

#[test]
fn bd_05_any_text_arrives_as_it_was() {
    let chat = engine().chat().unwrap();
    for text in ["a\0b", "🇨🇭🤷🏽‍♀️", "\u{feff}", "</think><｜User｜>", ""] {
        chat.push(message(Role::User, text)).unwrap();
        assert_eq!(chat.messages().unwrap().last().unwrap().text.as_deref(), Some(text));
    }
}

#[test]
fn prompt_lookup_says_the_same_and_counts_what_it_drafts() {
    let ask = |prompt_lookup| {
        let options = wheelwork_uniffi::Options { prompt_lookup, ..options(60) };
        let chat = engine().chat().unwrap();
        events(&chat.ask("478 + 256 = ?".into(), options, Priority::Normal).unwrap()).unwrap()
    };
    let ids = |events: &[Event]| match events.last() {
        Some(Event::Finished { token_ids, usage, .. }) => (token_ids.clone(), *usage),
        _ => panic!("no end"),
    };
    let (plain, usage) = ids(&ask(None));
    assert_eq!((usage.drafted_tokens, usage.accepted_tokens), (0, 0));
    let (looked_up, usage) = ids(&ask(Some(PromptLookup::Auto)));
    assert_eq!(plain, looked_up);
    assert!(usage.accepted_tokens <= usage.drafted_tokens);
}

#[test]
fn an_engine_may_let_fewer_events_wait() {
    let few = EngineOptions { waiting_events: 1, prefill_tokens: 1 };
    let engine = EngineHandle::open(text(model()), open_options(), few).unwrap();
    let turn = engine.chat().unwrap().ask("1 + 1 = ?".into(), options(5), Priority::Interactive).unwrap();
    assert!(matches!(events(&turn).unwrap().last(), Some(Event::Finished { .. })));
}

#[test]
fn a_prefix_is_shared_told_and_forgotten() {
    let options = OpenOptions { prefix_cache_bytes: 32 << 20, ..open_options() };
    let engine = EngineHandle::open(text(model()), options, ENGINE).unwrap();
    let system = message(Role::System, &"Answer briefly. ".repeat(10));
    let chat = engine.chat().unwrap();
    chat.push(system.clone()).unwrap();
    let share = chat.share_prefix().unwrap();
    let shared = wait(share.next()).unwrap().unwrap();
    assert!(shared.tokens > 30 && shared.computed_tokens == shared.tokens, "{shared:?}");
    assert_eq!(wait(share.next()).unwrap(), None);
    let usage = engine.prefix_usage().unwrap().unwrap();
    assert_eq!((usage.entries, usage.limit_bytes), (1, 32 << 20));
    let other = engine.chat().unwrap();
    other.push(system).unwrap();
    let turn = other.ask("1 + 1 = ?".into(), self::options(1), Priority::Normal).unwrap();
    let Some(Event::Started { prefix_tokens, .. }) = wait(turn.next()).unwrap() else { panic!("no start") };
    assert!(prefix_tokens > 0);
    engine.clear_prefixes().unwrap();
    assert_eq!(engine.prefix_usage().unwrap().unwrap().entries, 0);
    let without = self::engine();
    assert_eq!(without.prefix_usage().unwrap(), None);
    let share = without.chat().unwrap().share_prefix().unwrap();
    assert_eq!(code(wait(share.next())), "prefix_cache_off");
}

#[test]
fn rt_10_the_sharing_of_a_prefix_is_cancelled_and_the_conversation_goes_on() {
    let options = OpenOptions { prefix_cache_bytes: 64 << 20, ..open_options() };
    let engine = EngineHandle::open(text(model()), options, ENGINE).unwrap();
    let chat = engine.chat().unwrap();
    chat.push(message(Role::System, &"Answer briefly. ".repeat(60))).unwrap();
    for _ in 0..3 {
        let share = chat.share_prefix().unwrap();
        share.cancel();
        match wait(share.next()) {
            Ok(shared) => assert!(shared.is_some()),
            Err(error) => assert_eq!(code::<()>(Err(error)), "interrupted"),
        }
        // Let go of; the next call waits for its end.
        drop(chat.share_prefix().unwrap());
        assert_eq!(chat.messages().unwrap().len(), 1);
    }
    let turn = chat.ask("1 + 1 = ?".into(), self::options(2), Priority::Normal).unwrap();
    assert!(matches!(events(&turn).unwrap().last(), Some(Event::Finished { .. })));
}

#[test]
fn a_tool_with_parameters_that_are_no_json_is_refused() {
    let tools = vec![Tool { name: "add".into(), description: String::new(), parameters: "{".into() }];
    let options = wheelwork_uniffi::Options { tools, ..options(1) };
    let chat = engine().chat().unwrap();
    assert_eq!(code(chat.ask("1".into(), options, Priority::Normal)), "tool_parameters");
}

#[test]
fn licences_are_those_of_the_card_and_nothing_else_is_read() {
    let folder = tempfile::tempdir().unwrap();
    let package = folder.path().join("licensed.ortpackage");
    copy(model(), &package);
    let card_file = package.join("wheelwork.json");
    let mut card: serde_json::Value = serde_json::from_slice(&std::fs::read(&card_file).unwrap()).unwrap();
    let facts = |card: &serde_json::Value| {
        std::fs::write(&card_file, card.to_string()).unwrap();
        package_facts(text(&package), Vec::new())
    };
    let licence = "Do as you like.\n";
    std::fs::write(package.join("cpu/LICENSE"), licence).unwrap();
    std::fs::write(folder.path().join("secret"), "not yours").unwrap();
    for outside in ["LICENSE", "../secret", "../../secret", "/etc/passwd", "model.onnx\0"] {
        card["licences"] = serde_json::json!([outside]);
        assert_eq!(code(facts(&card)), "package_invalid", "{outside:?}");
    }
    let sha256 = "0".repeat(64);
    let record = serde_json::json!({ "name": "LICENSE", "bytes": licence.len(), "sha256": sha256 });
    card["variants"]["cpu"].as_array_mut().unwrap().push(record);
    card["licences"] = serde_json::json!(["LICENSE"]);
    assert_eq!(code(facts(&card)), "package_hash_mismatch");
    let digest = wheelwork_package::container::Digest::of(licence.as_bytes()).to_string();
    *card["variants"]["cpu"].as_array_mut().unwrap().last_mut().unwrap() =
        serde_json::json!({ "name": "LICENSE", "bytes": licence.len(), "sha256": digest });
    let [found] = &facts(&card).unwrap().licences[..] else { panic!("no licence") };
    assert_eq!((found.file.as_str(), found.text.as_str()), ("LICENSE", licence));
}

#[test]
fn an_evaluation_is_told_as_the_card_has_it() {
    let folder = tempfile::tempdir().unwrap();
    let package = folder.path().join("evaluated.ortpackage");
    copy(model(), &package);
    let card_file = package.join("wheelwork.json");
    let mut card: serde_json::Value = serde_json::from_slice(&std::fs::read(&card_file).unwrap()).unwrap();
    let mean = |value| serde_json::json!({ "value": value, "standard_error": 0.5 });
    let score = serde_json::json!({ "problems": 4, "exact_match": mean(0.25), "baseline_exact_match": 0.75 });
    card["evaluation"]["cpu"] = serde_json::json!({
        "producer": "wheelwork 0.1.0", "reference": "tiny-r1", "kv_cache": "float", "threads": 2, "runtime": "1.32",
        "text": "built-in",
        "divergence": {
            "positions": 10, "mean_kl": mean(0.125), "median_kl": 0.1, "p99_kl": 0.2, "max_kl": 0.3, "same_top": mean(0.9),
            "rms_delta_p": 0.01, "perplexity_reference": 2.0, "perplexity": 2.5, "perplexity_change": mean(0.5),
        },
        "repetition": { "chains": 3, "tokens": 30, "looped_chains": 1, "repeated_4grams": 0.1 },
        "tasks": {
            "baseline": "f32", "all": score, "by_task": { "sum": score }, "broken": 2, "repaired": 1, "mcnemar_p": 1.0,
            "length_ratio": 1.5,
        },
        "gate": { "name": "balanced", "mean_kl_limit": 0.1, "broken": ["mean KL"] },
    });
    std::fs::write(&card_file, card.to_string()).unwrap();
    let facts = package_facts(text(&package), Vec::new()).unwrap();
    let [found] = &facts.evaluations[..] else { panic!("{facts:?}") };
    assert_eq!((found.variant.as_str(), found.threads, found.divergence.positions), ("cpu", 2, 10));
    assert_eq!((found.divergence.mean_kl.value, found.divergence.mean_kl.standard_error), (0.125, 0.5));
    let tasks = found.tasks.as_ref().unwrap();
    assert_eq!((tasks.all.problems, tasks.all.step_accuracy), (4, None));
    assert_eq!((tasks.by_task[0].task.as_str(), tasks.by_task[0].score), ("sum", tasks.all));
    assert_eq!((found.gate.same_top_limit, &found.gate.broken[..]), (None, &["mean KL".to_owned()][..]));
}

/// Copies a folder with its folders.
fn copy(from: &std::path::Path, to: &std::path::Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap().map(Result::unwrap) {
        let target = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy(&entry.path(), &target);
        } else {
            std::fs::copy(entry.path(), target).unwrap();
        }
    }
}
