import Foundation
import Testing
import WheelworkFFI

@testable import Wheelwork

/// What is known of machine, package and keys before a model is opened, and what is made for the machine.
@Suite struct FactsTests {
    @Test func what_models_run_on_is_told_without_one() async throws {
        guard case .available(let runtime, let providers) = await Wheelwork.Engine.availability() else {
            Issue.record("models cannot run here")
            return
        }
        #expect(runtime.version.split(separator: ".").count == 3 && !runtime.path.isEmpty, "\(runtime)")
        let cpu = providers.filter { $0.device == .cpu }
        #expect(cpu.map(\.support) == [.supported] && cpu.first?.unusable == nil)
        #expect(providers.allSatisfy { $0.unusable.map { !$0.words.isEmpty } ?? true })
        #expect(Wheelwork.Engine.providers.count >= providers.count)
        #expect(Wheelwork.Engine.providers.contains { $0.device == .cpu && $0.inThisBuild })
        #expect(try await engine().runtime == runtime)
    }

    @Test func a_package_tells_what_it_is_before_and_after_it_is_opened() async throws {
        let (engine, facts) = (try await engine(), try await Wheelwork.Engine.packageFacts(model))
        let (name, reasons) = (try await engine.modelName, try await engine.reasons)
        let length = try await engine.contextLength
        #expect(facts.name == name && facts.installed == nil)
        let variant = try #require(facts.variants.first { $0.name == "cpu" })
        #expect(variant.reasons == reasons && variant.contextLength == length && variant.modelType == "qwen2")
        #expect(facts.producer?.isEmpty == false && (facts.bitsPerWeight ?? 0) > 3)
        #expect(try await engine.packageFacts() == facts)
        _ = await failure { _ = try await Wheelwork.Engine.packageFacts(packages) }
    }

    @Test func an_installed_package_tells_its_signature_by_the_keys_that_are_given() async throws {
        try await withFolder { folder in
            let pem = try String(contentsOf: packages.appendingPathComponent("test.pub.pem"), encoding: .utf8)
            let key = try Wheelwork.PublicKey(pem)
            let store = try ModelStore(folder.appendingPathComponent("models"), keys: [key])
            let report = try await store.install(.file(packages.appendingPathComponent("1.wwpkg"))).report()
            let known = try await Wheelwork.Engine.packageFacts(report.folder, keys: [key])
            #expect(known.installed?.version == 1 && known.installed?.signature == .valid(key: key.fingerprint))
            let unknown = try await Wheelwork.Engine.packageFacts(report.folder)
            guard case .unknownKey? = unknown.installed?.signature else {
                Issue.record("\(String(describing: unknown.installed))")
                return
            }
        }
    }

    @Test func a_key_is_trusted_from_then_on_and_what_is_none_is_refused() async throws {
        try await withFolder { folder in
            let keys = folder.appendingPathComponent("keys")
            let pem = try String(contentsOf: packages.appendingPathComponent("test.pub.pem"), encoding: .utf8)
            let key = try Wheelwork.PublicKey(pem)
            #expect(key.fingerprint.count == 64)
            #expect(try await Wheelwork.PublicKey.trusted(in: keys).isEmpty)
            try await key.trust(in: keys)
            try await key.trust(in: keys)
            #expect(try await Wheelwork.PublicKey.trusted(in: keys) == [key])
            for text in ["", "no key", pem.replacingOccurrences(of: "M", with: "\u{0}")] {
                _ = await failure(.notAKey) { _ = try Wheelwork.PublicKey(text) }
            }
            let file = folder.appendingPathComponent("file")
            try Data("no folder".utf8).write(to: file)
            _ = await failure(.keyFile) { try await key.trust(in: file) }
        }
    }

    @Test func a_model_is_prepared_once_and_opens_by_what_was_made() async throws {
        try await withFolder { folder in
            let options = Wheelwork.OpenOptions { $0.cacheFolder = folder.appendingPathComponent("cache") }
            #expect(try await Wheelwork.Engine.preparedForm(model) == .noPlace)
            #expect(try await Wheelwork.Engine.preparedForm(model, options: options) == .missing)
            _ = await failure(.prepareNoPlace) { _ = try await Wheelwork.Engine.prepare(model).report() }
            var (steps, ends) = ([Wheelwork.PrepareEvent](), 0)
            for try await event in Wheelwork.Engine.prepare(model, options: options) {
                steps.append(event)
                if case .finished = event { ends += 1 }
            }
            #expect(steps.count > 1 && ends == 1)
            #expect(try await Wheelwork.Engine.preparedForm(model, options: options) == .used)
            let again = try await Wheelwork.Engine.prepare(model, options: options).report()
            #expect(!again.isNew && again.diskBytes > 0)
            let engine = try await Wheelwork.Engine.open(model, options: options)
            #expect(try await engine.placement.prepared == .used)
            #expect(try await engine.chat().respond(to: question, greedy).text.contains("734"))
            await engine.closeAndWait()
        }
    }

    @Test func leaving_a_preparation_ends_it_and_the_next_one_is_whole() async throws {
        try await withFolder { folder in
            let options = Wheelwork.OpenOptions { $0.cacheFolder = folder.appendingPathComponent("cache") }
            // They wait for their end at their first step: with so small a model they would be done before somebody leaves.
            let (probe, values) = (try Probe(), try options.ffi())
            let held = { @Sendable in
                Steps { Wheelwork.Engine.call(try probe.preparation(path: model.path, options: values)) }
            }
            for try await _ in held() { break }
            let task = Task { try await held().report() }
            task.cancel()
            _ = await failure(.prepareCancelled) { _ = try await task.value }
            #expect(try await Wheelwork.Engine.prepare(model, options: options).report().isNew)
        }
    }

    @Test func a_better_device_is_awaited_and_a_cancelled_task_stops_waiting() async throws {
        let (engine, probe) = (try await engine(), try Probe())
        #expect(try await engine.compilation == .none)
        #expect(try await engine.betterDevice() == .none)
        let graphs = Locked<[CompiledGraph]>([])
        let found = try await Wheelwork.Engine.end(of: try probe.compilation(readyAfterMs: 200)) { graph in
            graphs.with { $0.append(graph) }
        }
        #expect(found == .ready)
        #expect(graphs.with { $0.map(\.number) } == [1])
        let never = try probe.compilation(readyAfterMs: nil)
        let waiting = Task { try await Wheelwork.Engine.end(of: never) { _ in } }
        try await Task.sleep(for: .milliseconds(150))
        waiting.cancel()
        #expect(try await waiting.value == nil)
    }

    @Test func shared_prefixes_are_counted_and_forgotten() async throws {
        #expect(try await engine().prefixUsage == nil)
        let engine = try await Wheelwork.Engine.open(model, options: Wheelwork.OpenOptions { $0.prefixCacheBytes = 64 << 20 })
        #expect(try await engine.prefixUsage?.entries == 0)
        _ = try await engine.chat([.user("12 + 30 = ?"), .assistant("42")]).sharePrefix()
        let usage = try #require(try await engine.prefixUsage)
        #expect(usage.entries == 1 && usage.tokens > 0 && usage.bytes > 0 && usage.limitBytes == 64 << 20)
        try await engine.clearPrefixes()
        #expect(try await engine.prefixUsage?.entries == 0)
        await engine.closeAndWait()
    }

    @Test func devices_that_were_given_up_are_forgotten() async throws {
        try await withFolder { folder in
            let forgotten = try await Wheelwork.Engine.allowDevicesAgain(folder.appendingPathComponent("trials"))
            #expect(forgotten == 0)
        }
    }
}
