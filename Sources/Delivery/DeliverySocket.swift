import Foundation
import Glibc
import Ingest
import UsageModel
import WireFormat

/// A connected socket towards a collector or agent, which never blocks.
package final class DeliverySocket {
  /// What became of a packet.
  package enum SendResult: Equatable {
    case sent
    /// The kernel has no room: try again when the socket is writable.
    case full
    /// Nobody is there any more.
    case gone(Int32)
  }

  package let descriptor: Int32
  package let isStream: Bool
  /// Bytes of a packet that the stream has not taken yet.
  private var outgoing: [UInt8] = []
  private var incoming: [UInt8] = []

  /// Connects.
  ///
  /// - Parameter address: a path when it holds a slash, else `HOST:PORT` for UDP.
  /// - Throws: `SocketError`, telling what to do.
  package init(_ address: String) throws {
    (descriptor, isStream) = try address.contains("/") ? Self.unix(address) : (Self.udp(address), false)
  }

  deinit { close(descriptor) }

  package var hasOutgoing: Bool { !outgoing.isEmpty }

  /// Sends a packet; on a stream, the rest goes with ``flush()``.
  package func send(_ packet: [UInt8]) -> SendResult {
    if isStream {
      guard outgoing.isEmpty else { return .full }
      outgoing = packet
      let result = flush()
      return result == .full ? .sent : result
    }
    while true {
      let count = packet.withUnsafeBytes {
        Glibc.send(descriptor, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL))
      }
      if count >= 0 { return .sent }
      switch errno {
      case EINTR: continue
      case EAGAIN, ENOBUFS: return .full
      // A datagram too large for the path, or a network that is down, is as good as lost: it is resent.
      case EMSGSIZE, ENETUNREACH, EHOSTUNREACH, ENETDOWN: return .sent
      default: return .gone(errno)
      }
    }
  }

  /// Sends what a stream has not taken yet.
  package func flush() -> SendResult {
    while !outgoing.isEmpty {
      let count = outgoing.withUnsafeBytes {
        Glibc.send(descriptor, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL | MSG_DONTWAIT))
      }
      if count < 0 {
        if errno == EINTR { continue }
        return errno == EAGAIN ? .full : .gone(errno)
      }
      outgoing.removeFirst(count)
    }
    return .sent
  }

  /// Takes what has come: whole envelopes; nil when the peer is gone or speaks something else.
  package func receive() -> [[UInt8]]? {
    var answers: [[UInt8]] = []
    var buffer = [UInt8](repeating: 0, count: 65_536)
    for _ in 0..<Self.receivesMax {
      let count = recv(descriptor, &buffer, buffer.count, Int32(MSG_DONTWAIT))
      if count < 0 && errno == EINTR { continue }
      if count < 0 && errno == EAGAIN { break }
      // An earlier datagram met nobody; the collector may come back.
      if count < 0 && errno == ECONNREFUSED && !isStream { return answers }
      guard count > 0 || (count == 0 && !isStream) else { return nil }
      if isStream {
        incoming += buffer[..<count]
        guard takeFrames(&answers) else { return nil }
      } else {
        answers.append(Array(buffer[..<count]))
      }
    }
    return answers
  }

  /// Receives before others have a turn.
  private static let receivesMax = 256
  /// An answer has a header, two names, at most 32 ranges and a tag: about 1,000 bytes.
  private static let answerBytesMax = 4_096

  private func takeFrames(_ answers: inout [[UInt8]]) -> Bool {
    while !incoming.isEmpty {
      switch incoming.withUnsafeBytes({ Envelope.inspect($0) }) {
      case .whole(let count):
        answers.append(Array(incoming[..<count]))
        incoming.removeFirst(count)
      case .incomplete(let needed): return needed <= Self.answerBytesMax
      case .badMagic, .badLength: return false
      }
    }
    return true
  }

  // MARK: Connecting

  private static let flags = Int32(SOCK_CLOEXEC.rawValue | SOCK_NONBLOCK.rawValue)

  private static func unix(_ path: String) throws -> (Int32, isStream: Bool) {
    try PrivateDirectory.checkShared(path)
    var reason: Int32 = 0
    for type in [SOCK_STREAM, SOCK_DGRAM] {
      let descriptor = socket(AF_UNIX, Int32(type.rawValue) | flags, 0)
      guard descriptor >= 0 else { throw SocketError("cannot open a socket: \(text(errno))") }
      // An address of its own, made up by the kernel, so that answers find the way back.
      if type == SOCK_DGRAM { bindToKernelsChoice(descriptor) }
      do {
        var target = try UnixAddress(path)
        if target.connect(descriptor) == 0 { return (descriptor, type == SOCK_STREAM) }
        reason = errno
      } catch {
        close(descriptor)
        throw error
      }
      close(descriptor)
      if reason != EPROTOTYPE { break }
    }
    throw SocketError("nobody listens at \(path) (\(text(reason)))")
  }

  private static func bindToKernelsChoice(_ descriptor: Int32) {
    var family = sa_family_t(AF_UNIX)
    withUnsafeBytes(of: &family) { bytes in
      guard let base = bytes.baseAddress else { return }
      _ = bind(descriptor, base.assumingMemoryBound(to: sockaddr.self), socklen_t(bytes.count))
    }
  }

  private static func udp(_ address: String) throws -> Int32 {
    let parts = try HostAndPort(address)
    var hints = addrinfo()
    hints.ai_socktype = Int32(SOCK_DGRAM.rawValue)
    var list: UnsafeMutablePointer<addrinfo>?
    let code = getaddrinfo(parts.host, String(parts.port), &hints, &list)
    guard code == 0, let info = list else {
      throw SocketError("cannot find \(address): \(String(cString: gai_strerror(code)))")
    }
    defer { freeaddrinfo(list) }
    let descriptor = socket(info.pointee.ai_family, info.pointee.ai_socktype | flags, 0)
    guard descriptor >= 0 else { throw SocketError("cannot open a socket: \(text(errno))") }
    guard connect(descriptor, info.pointee.ai_addr, info.pointee.ai_addrlen) == 0 else {
      let reason = errno
      close(descriptor)
      throw SocketError("cannot reach \(address): \(text(reason))")
    }
    return descriptor
  }

  private static func text(_ code: Int32) -> String { String(cString: strerror(code)) }
}
