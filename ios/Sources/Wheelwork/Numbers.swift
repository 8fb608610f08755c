/// Numbers across the language boundary.

/// A count that fits into `Int` wherever Swift runs.
func count(_ number: UInt32) -> Int { Int(number) }

func count(_ number: UInt64) -> Int { Int(clamping: number) }

/// A count for Rust.
func natural(_ number: Int, _ name: String) throws(WheelworkError) -> UInt32 {
    guard number >= 0 else {
        throw .outOfRange(name, "\(number)", expected: "0 or more")
    }
    return UInt32(clamping: number)
}

func natural(_ number: Int?, _ name: String) throws(WheelworkError) -> UInt32? {
    guard let number else { return nil }
    return try natural(number, name) as UInt32
}

func byteCount(_ number: Int, _ name: String) throws(WheelworkError) -> UInt64 {
    guard number >= 0 else {
        throw .outOfRange(name, "\(number)", expected: "0 or more")
    }
    return UInt64(number)
}

extension Duration {
    /// Whole milliseconds, of which a negative time has none.
    var wholeMilliseconds: UInt64 {
        let (seconds, attoseconds) = components
        guard seconds >= 0, attoseconds >= 0 else { return 0 }
        let (product, overflows) = UInt64(seconds).multipliedReportingOverflow(by: 1000)
        return overflows ? .max : product + UInt64(attoseconds / 1_000_000_000_000_000)
    }

    init(milliseconds: Double) {
        self = .milliseconds(milliseconds)
    }

    var milliseconds: Double {
        Double(components.seconds) * 1000 + Double(components.attoseconds) / 1e15
    }
}
