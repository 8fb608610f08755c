import Dispatch
import Foundation

/// Where calls wait for files or a step of the engine: the threads of Swift's concurrency are for code that does not wait.
private let calls = DispatchQueue(label: "dev.wheelwork.calls", attributes: .concurrent)

/// A call that may read or write files, or wait, away from the caller's thread.
func blocking<T: Sendable>(_ call: @escaping @Sendable () throws -> T) async throws(WheelworkError) -> T {
    let result: Result<T, WheelworkError> = await withCheckedContinuation { continuation in
        calls.async {
            continuation.resume(returning: Result { try call() }.mapError(WheelworkError.init))
        }
    }
    return try result.get()
}

/// A call that fails in no way that the caller could tell.
func background(_ call: @escaping @Sendable () -> Void) {
    calls.async(execute: call)
}

/// A value that is looked at by one thread at a time.
final class Locked<Value>: @unchecked Sendable {
    private let lock = NSLock()
    private var value: Value

    init(_ value: Value) { self.value = value }

    func with<R>(_ body: (inout Value) throws -> R) rethrows -> R {
        lock.lock()
        defer { lock.unlock() }
        return try body(&value)
    }
}

extension Locked<Bool> {
    /// Sets it; whether this call was the one that did.
    func set() -> Bool {
        with { isSet in
            defer { isSet = true }
            return !isSet
        }
    }
}
