import Foundation
import Glibc
import Ingest
import UsageModel

/// A connected socket towards a collector.
final class OutgoingSocket {
  let descriptor: Int32
  private let address: String

  /// - Parameter address: a path when it holds a slash, else `HOST:PORT`.
  init(_ address: String) throws {
    self.address = address
    descriptor = try address.contains("/") ? Self.connectUnix(address) : Self.connectUDP(address)
  }

  deinit { close(descriptor) }

  /// Sends one datagram, or all bytes over a stream.
  func send(_ bytes: UnsafeRawBufferPointer) throws {
    var rest = bytes
    while !rest.isEmpty {
      let count = Glibc.send(descriptor, rest.baseAddress, rest.count, Int32(MSG_NOSIGNAL))
      if count < 0 && errno == EINTR { continue }
      guard count > 0 else {
        throw SocketError(
          "cannot send to \(address): \(String(cString: strerror(errno))); is waterlined running?")
      }
      rest = UnsafeRawBufferPointer(rebasing: rest[count...])
    }
  }

  private static func connectUnix(_ path: String) throws -> Int32 {
    try PrivateDirectory.checkShared(path)
    var reason: Int32 = 0
    for type in [SOCK_DGRAM, SOCK_STREAM] {
      let descriptor = socket(AF_UNIX, Int32(type.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
      guard descriptor >= 0 else { throw SocketError("cannot open a socket") }
      var target = try UnixAddress(path)
      if target.connect(descriptor) == 0 { return descriptor }
      reason = errno
      close(descriptor)
      if reason != EPROTOTYPE { break }
    }
    throw SocketError(
      "nobody listens at \(path) (\(String(cString: strerror(reason)))): start waterlined, or name it with --collector"
    )
  }

  private static func connectUDP(_ address: String) throws -> Int32 {
    guard let colon = address.lastIndex(of: ":") else {
      throw SocketError("'\(address)' is neither HOST:PORT nor the path of a socket")
    }
    var host = String(address[..<colon])
    if host.hasPrefix("[") && host.hasSuffix("]") { host = String(host.dropFirst().dropLast()) }
    var hints = addrinfo()
    hints.ai_socktype = Int32(SOCK_DGRAM.rawValue)
    var list: UnsafeMutablePointer<addrinfo>?
    let code = getaddrinfo(host, String(address[address.index(after: colon)...]), &hints, &list)
    guard code == 0, let info = list else {
      throw SocketError("cannot find \(address): \(String(cString: gai_strerror(code)))")
    }
    defer { freeaddrinfo(list) }
    let descriptor = socket(
      info.pointee.ai_family, info.pointee.ai_socktype | Int32(SOCK_CLOEXEC.rawValue), 0)
    guard descriptor >= 0, connect(descriptor, info.pointee.ai_addr, info.pointee.ai_addrlen) == 0 else {
      throw SocketError("cannot reach \(address): \(String(cString: strerror(errno)))")
    }
    return descriptor
  }
}
