import Foundation

#if canImport(Glibc)
    import Glibc
    private let stream = Int32(SOCK_STREAM.rawValue)
#else
    import Darwin
    private let stream = SOCK_STREAM
#endif

/// A server of HTTP for tests: files by their paths, one request a connection, at an address of this machine alone.
final class Server: @unchecked Sendable {
    private let listener: Int32
    private let port: UInt16

    init(files: [String: Data]) throws {
        listener = socket(AF_INET, stream, 0)
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = inet_addr("127.0.0.1")
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let listener = listener
        let isBound = withUnsafeMutablePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { address in
                bind(listener, address, length) == 0 && listen(listener, 8) == 0
                    && getsockname(listener, address, &length) == 0
            }
        }
        guard isBound else { throw POSIXError(.EADDRINUSE) }
        port = UInt16(bigEndian: address.sin_port)
        Thread.detachNewThread {
            while true {
                let connection = accept(listener, nil, nil)
                if connection < 0 { return }
                Self.answer(connection, files)
                close(connection)
            }
        }
    }

    func address(_ path: String) -> URL { URL(string: "http://127.0.0.1:\(port)\(path)")! }

    /// Refuses connections from now on.
    func stop() {
        shutdown(listener, Int32(SHUT_RDWR))
        close(listener)
    }

    private static func answer(_ connection: Int32, _ files: [String: Data]) {
        var request = Data()
        var piece = [UInt8](repeating: 0, count: 4096)
        while request.range(of: Data("\r\n\r\n".utf8)) == nil {
            let read = recv(connection, &piece, piece.count, 0)
            if read <= 0 { return }
            request.append(contentsOf: piece[..<read])
        }
        let path = String(decoding: request, as: UTF8.self).split(separator: " ").dropFirst().first.map(String.init)
        let file = path.flatMap { files[$0] }
        let status = file == nil ? "404 Not Found" : "200 OK"
        var answer = Data(
            "HTTP/1.1 \(status)\r\nContent-Length: \(file?.count ?? 0)\r\nConnection: close\r\n\r\n".utf8)
        answer.append(file ?? Data())
        answer.withUnsafeBytes { bytes in
            var sent = 0
            while sent < bytes.count {
                let more = send(connection, bytes.baseAddress! + sent, bytes.count - sent, 0)
                if more <= 0 { return }
                sent += more
            }
        }
    }
}
