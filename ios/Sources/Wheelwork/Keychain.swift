#if canImport(Security)
    import Foundation
    import Security

    extension SessionKey {
        /// A key in the keychain. Apps and extensions that name the same `accessGroup` share it: a keychain access group or an
        /// app group of their entitlements; nil, the app alone. A `name` of its own is a key of its own.
        public init(_ name: String = "conversations", accessGroup: String? = nil) {
            let item = SecretItem(
                service: "dev.wheelwork.session-key", account: name, accessGroup: accessGroup)
            self.init(item, in: Keychain())
        }
    }

    /// The keychain of an iPhone's kind, on Macs too. It asks and decides nothing.
    struct Keychain: Secrets {
        func read(_ item: SecretItem) -> (status: Int32, bytes: Data?) {
            var query = query(item)
            query[kSecReturnData as String] = true
            query[kSecMatchLimit as String] = kSecMatchLimitOne
            var found: CFTypeRef?
            let status = SecItemCopyMatching(query as CFDictionary, &found)
            return (status, found as? Data)
        }

        func add(_ bytes: Data, _ item: SecretItem) -> Int32 {
            var query = query(item)
            query[kSecValueData as String] = bytes
            // For turns that go on while the device is locked; in no backup, and on no other device.
            query[kSecAttrAccessible as String] = kSecAttrAccessibleAfterFirstUnlockThisDeviceOnly
            return SecItemAdd(query as CFDictionary, nil)
        }

        func remove(_ item: SecretItem) -> Int32 {
            SecItemDelete(query(item) as CFDictionary)
        }

        private func query(_ item: SecretItem) -> [String: Any] {
            var query: [String: Any] = [
                kSecClass as String: kSecClassGenericPassword,
                kSecAttrService as String: item.service,
                kSecAttrAccount as String: item.account,
                kSecUseDataProtectionKeychain as String: true,
            ]
            if let group = item.accessGroup { query[kSecAttrAccessGroup as String] = group }
            return query
        }
    }
#endif
