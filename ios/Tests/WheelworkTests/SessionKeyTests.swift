import Foundation
import Testing

@testable import Wheelwork

#if WHEELWORK_STUB
    import Security
#endif

/// Keys in a keychain that is scripted, or in the stub of Apple's.
@Suite struct SessionKeyTests {
    /// A keychain as a test wants it.
    private final class Scripted: Secrets {
        let found: Locked<[(Int32, Data?)]>
        let added: Int32
        let adds = Locked(0)

        init(found: [(Int32, Data?)], added: Int32 = SecretStatus.done) {
            self.found = Locked(found)
            self.added = added
        }

        func read(_ item: SecretItem) -> (status: Int32, bytes: Data?) { found.with { $0.removeFirst() } }

        func add(_ bytes: Data, _ item: SecretItem) -> Int32 {
            adds.with { $0 += 1 }
            return added
        }

        func remove(_ item: SecretItem) -> Int32 { added }
    }

    private let item = SecretItem(service: "test", account: "conversations", accessGroup: "group")
    private let none: (Int32, Data?) = (SecretStatus.notFound, nil)

    @Test func a_key_is_made_once_and_found_again() async throws {
        let key = Data(repeating: 7, count: 32)
        let there = Scripted(found: [(SecretStatus.done, key)])
        #expect(try await SessionKey(item, in: there).read() == key)
        #expect(there.adds.with { $0 } == 0)
        let missing = Scripted(found: [none, none])
        let made = SessionKey(item, in: missing)
        let (first, second) = (try await made.read(), try await made.read())
        #expect(first.count == 32 && first != second && first != Data(count: 32))
        #expect(missing.adds.with { $0 } == 2)
    }

    @Test func of_two_processes_the_first_ones_key_counts() async throws {
        let key = Data(repeating: 9, count: 32)
        let raced = Scripted(found: [none, (SecretStatus.done, key)], added: SecretStatus.isThere)
        #expect(try await SessionKey(item, in: raced).read() == key)
    }

    @Test func what_the_keychain_refuses_is_told_with_what_to_do() async throws {
        let cases: [(Int32, WheelworkError.Code, WheelworkError.Kind)] = [
            (SecretStatus.noInteraction, .keychainLocked, .retry),
            (SecretStatus.notAvailable, .keychainLocked, .retry),
            (SecretStatus.noEntitlement, .keychainRefused, .unsupported),
            (-50, .keychainFailed, .retry),
        ]
        for (status, code, kind) in cases {
            let read = await failure(code) { _ = try await SessionKey(item, in: Scripted(found: [(status, nil)])).read() }
            #expect(read?.kind == kind && read?.place == "conversations")
            _ = await failure(code) {
                _ = try await SessionKey(item, in: Scripted(found: [none], added: status)).read()
            }
            _ = await failure(code) { try await SessionKey(item, in: Scripted(found: [], added: status)).reset() }
        }
        try await SessionKey(item, in: Scripted(found: [], added: SecretStatus.notFound)).reset()
    }

    @Test func a_key_of_another_length_is_never_replaced_by_itself() async throws {
        let damaged = Scripted(found: [(SecretStatus.done, Data(count: 5))])
        let found = await failure(.keychainDamaged) { _ = try await SessionKey(item, in: damaged).read() }
        #expect(found?.reason.contains("5 bytes") == true)
        #expect(damaged.adds.with { $0 } == 0)
    }

    #if WHEELWORK_STUB
        @Test func the_keychain_is_asked_for_a_key_of_this_device_alone() async throws {
            let (own, shared) = (SessionKey("a test"), SessionKey("a test", accessGroup: "group.test"))
            let key = try await own.read()
            #expect(try await own.read() == key)
            let stored = try #require(storedItem("a test"))
            #expect(stored[kSecClass] as? String == kSecClassGenericPassword)
            #expect(stored[kSecAttrAccessible] as? String == kSecAttrAccessibleAfterFirstUnlockThisDeviceOnly)
            #expect(stored[kSecValueData] as? Data == key)
            try await own.reset()
            #expect(try await own.read() != key)
            try await own.reset()
            _ = try await shared.read()
            #expect(storedItem("a test")?[kSecAttrAccessGroup] as? String == "group.test")
            try await shared.reset()
            #expect(storedItem("a test") == nil)
        }

        @Test func a_conversation_is_encrypted_with_it() async throws {
            try await withFolder { folder in
                let (engine, chat, key) = (try await engine(), try await chat(), SessionKey("a conversation"))
                try await chat.push(.user("12 + 30 = ?"))
                let file = folder.appendingPathComponent("session")
                try await chat.save(file, key: try await key.read())
                #expect(try await engine.restore(file, key: try await key.read()).chat.messages() == chat.messages())
                try await key.reset()
                // As on another device, which has the file out of a backup.
                let other = try await key.read()
                _ = await failure(.wrongSessionKey) { _ = try await engine.restore(file, key: other) }
            }
        }
    #endif
}
