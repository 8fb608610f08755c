internal import WheelworkFFI

/// Whether something is open, and whether it may compute.
final class Gate: Sendable {
    private struct State {
        var isClosed = false
        var isHeld = false
    }

    private let what: String
    private let state = Locked(State())

    init(_ what: String) { self.what = what }

    func checkOpen() throws(WheelworkError) {
        if state.with({ $0.isClosed }) { throw .closed(what) }
    }

    /// Open, and no turn may begin while the app is in the background.
    func checkComputes() throws(WheelworkError) {
        try checkOpen()
        if state.with({ $0.isHeld }) { throw .inBackground }
    }

    func hold(_ isHeld: Bool) {
        state.with { $0.isHeld = isHeld }
    }

    /// False where it was closed before.
    func close() -> Bool {
        state.with { state in
            defer { state.isClosed = true }
            return !state.isClosed
        }
    }
}

extension WheelworkError {
    static let inBackground = WheelworkError(
        kind: .retry, code: .inBackground, remedy: "ask again when the app is in front", remedyKind: "wait", place: nil,
        reason: "the app is in the background, where the system ends apps that use its GPU or NPU")
}
