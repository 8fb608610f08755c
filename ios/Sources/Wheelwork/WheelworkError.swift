import Foundation
internal import WheelworkFFI

/// What failed: ``kind`` says which reaction fits, ``code`` what it was, ``remedy`` what to do now.
///
/// Its texts name what is broken and never hold text of a prompt or an answer.
public struct WheelworkError: Error, Sendable, Hashable {
    /// What the caller can sensibly do.
    public enum Kind: String, Sendable, Codable, CaseIterable {
        /// Change the input or try again: nothing stored is damaged.
        case retry
        /// What is stored is damaged or incomplete: install it again.
        case reinstall
        /// This device, this build or this model cannot do what was asked.
        case unsupported
        /// A defect of Wheelwork: please report it.
        case bug
    }

    public let kind: Kind
    /// Stable, in `snake_case`, the same in every language.
    public let code: Code
    /// One imperative sentence: what to do now.
    public let remedy: String
    /// The remedy for a program, in `snake_case`, such as `free_disk`; the same in every language.
    public let remedyKind: String
    /// The file, tensor, node or field; nil where there is none.
    public let place: String?
    /// What is broken, with what was expected and found.
    public let reason: String

    /// What an error is called. A later release may have more than the constants here.
    public struct Code: RawRepresentable, Hashable, Sendable, CustomStringConvertible {
        public let rawValue: String
        public init(rawValue: String) { self.rawValue = rawValue }
        public var description: String { rawValue }
    }
}

extension WheelworkError: LocalizedError, CustomStringConvertible {
    public var errorDescription: String? { reason }
    public var failureReason: String? { place }
    public var recoverySuggestion: String? { remedy }
    public var description: String { "\(code): \(reason) (\(remedy))" }
}

extension WheelworkError {
    /// What a call across the language boundary threw.
    init(_ error: any Error) {
        if let own = error as? WheelworkError {
            self = own
        } else if case let FfiError.Failed(code, kind, remedy, remedyKind, place, reason)? = error as? FfiError {
            self.init(
                kind: Kind(kind), code: Code(rawValue: code), remedy: remedy, remedyKind: remedyKind, place: place,
                reason: reason)
        } else {
            // Without its own words: they may hold text of a message.
            self.init(
                kind: .bug, code: .panicked, remedy: "report this", remedyKind: "report", place: nil,
                reason: "a call panicked")
        }
    }

    static func closed(_ what: String) -> WheelworkError {
        WheelworkError(
            kind: .retry, code: .closed, remedy: "use one that is open", remedyKind: "give", place: nil,
            reason: "the \(what) was closed")
    }

    /// A number that means nothing there.
    static func outOfRange(_ name: String, _ found: String, expected: String) -> WheelworkError {
        WheelworkError(
            kind: .retry, code: .outOfRange, remedy: "give \(expected)", remedyKind: "give", place: name,
            reason: "`\(name)` is \(found), expected \(expected)")
    }

    static let secondReader = WheelworkError(
        kind: .retry, code: .busy, remedy: "ask again for another turn", remedyKind: "give", place: nil,
        reason: "this turn has a reader already")
}

extension WheelworkError.Kind {
    init(_ kind: WheelworkFFI.ErrorClass) {
        switch kind {
        case .retry: self = .retry
        case .reinstall: self = .reinstall
        case .unsupported: self = .unsupported
        case .bug: self = .bug
        }
    }
}

/// Has what a call across the language boundary throws arrive as this layer promises it.
func translated<T>(_ call: () throws -> T) throws(WheelworkError) -> T {
    do {
        return try call()
    } catch {
        throw WheelworkError(error)
    }
}
