#if os(iOS) || os(tvOS) || os(visionOS) || os(watchOS)
    import os

    /// Bytes that this app may still take before the system ends it. Asked each time: it changes by the second.
    func freeToThisApp() -> UInt64? { UInt64(os_proc_available_memory()) }
#else
    /// Rust asks the system itself.
    func freeToThisApp() -> UInt64? { nil }
#endif
