// What the documentation of Apple's `Security` says of the names that `Keychain.swift` uses, to compile it without a Mac and to try
// what it asks for. Written for that alone: it keeps items in memory, and nothing links it into an app.
import Foundation

public typealias CFTypeRef = Any
public typealias CFString = String
public typealias CFDictionary = [String: Any]
public typealias OSStatus = Int32

public let kSecClass: CFString = "class"
public let kSecClassGenericPassword: CFString = "genp"
public let kSecAttrService: CFString = "svce"
public let kSecAttrAccount: CFString = "acct"
public let kSecAttrAccessGroup: CFString = "agrp"
public let kSecAttrAccessible: CFString = "pdmn"
public let kSecAttrAccessibleAfterFirstUnlockThisDeviceOnly: CFString = "cku"
public let kSecUseDataProtectionKeychain: CFString = "nleg"
public let kSecValueData: CFString = "v_Data"
public let kSecReturnData: CFString = "r_Data"
public let kSecMatchLimit: CFString = "m_Limit"
public let kSecMatchLimitOne: CFString = "m_LimitOne"

public let errSecSuccess: OSStatus = 0
public let errSecDuplicateItem: OSStatus = -25299
public let errSecItemNotFound: OSStatus = -25300

public func SecItemAdd(_ attributes: CFDictionary, _ result: UnsafeMutablePointer<CFTypeRef?>?) -> OSStatus {
    items.add(attributes)
}

public func SecItemCopyMatching(_ query: CFDictionary, _ result: UnsafeMutablePointer<CFTypeRef?>?) -> OSStatus {
    guard let item = items.find(query) else { return errSecItemNotFound }
    if query[kSecReturnData] as? Bool == true { result?.pointee = item[kSecValueData] }
    return errSecSuccess
}

public func SecItemDelete(_ query: CFDictionary) -> OSStatus {
    items.remove(query) ? errSecSuccess : errSecItemNotFound
}

/// What was added, with its attributes: for tests.
public func storedItem(_ account: String) -> CFDictionary? {
    items.find([kSecAttrAccount: account])
}

private let items = Items()

private final class Items: @unchecked Sendable {
    private let lock = NSLock()
    private var items: [CFDictionary] = []
    /// What tells one item from another.
    private static let keys = [kSecClass, kSecAttrService, kSecAttrAccount, kSecAttrAccessGroup]

    func add(_ item: CFDictionary) -> OSStatus {
        lock.withLock {
            let isThere = items.contains { other in
                Self.keys.allSatisfy { item[$0] as? String == other[$0] as? String }
            }
            if isThere { return errSecDuplicateItem }
            items.append(item)
            return errSecSuccess
        }
    }

    func find(_ query: CFDictionary) -> CFDictionary? {
        lock.withLock { items.first { Self.matches(query, $0) } }
    }

    func remove(_ query: CFDictionary) -> Bool {
        lock.withLock {
            let before = items.count
            items.removeAll { Self.matches(query, $0) }
            return items.count < before
        }
    }

    private static func matches(_ query: CFDictionary, _ item: CFDictionary) -> Bool {
        keys.allSatisfy { key in
            guard let wanted = query[key] as? String else { return true }
            return item[key] as? String == wanted
        }
    }
}
