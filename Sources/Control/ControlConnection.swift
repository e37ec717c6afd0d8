import Foundation
import Glibc
import Ingest
import Synchronization

/// One side of a control connection: frames over a Unix stream socket.
///
///     +-------------+------------+------------------+
///     | length u32le| type u8    | payload, length  |
///     +-------------+------------+------------------+
///
/// Types: `J` a JSON message, `D` bytes of a file, `E` the end of the file (empty).
final class ControlConnection: Sendable {
  enum FrameType: UInt8 {
    case message = 0x4A
    case data = 0x44
    case end = 0x45
  }

  /// Largest frame taken; files travel in many.
  static let frameBytesMax = 1 << 20

  private let descriptor: Int32
  // One thread sends, receives and closes; another may end the reading meanwhile.
  private let isClosed = Mutex(false)

  init(descriptor: Int32) { self.descriptor = descriptor }

  deinit { close() }

  /// Hangs up; the other side sees the end.
  func close() {
    isClosed.withLock { isClosed in
      if !isClosed { Glibc.close(descriptor) }
      isClosed = true
    }
  }

  /// Connects to a daemon's control socket; nil when nobody listens there.
  static func connect(path: String) -> ControlConnection? {
    let descriptor = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
    guard descriptor >= 0 else { return nil }
    guard var address = try? UnixAddress(path), address.connect(descriptor) == 0 else {
      Glibc.close(descriptor)
      return nil
    }
    return ControlConnection(descriptor: descriptor)
  }

  /// Whether the other side has closed its end; not whether this one ended reading.
  var isHungUp: Bool {
    var state = pollfd(fd: descriptor, events: 0, revents: 0)
    return poll(&state, 1, 0) > 0 && Int32(state.revents) & (POLLHUP | POLLERR) != 0
  }

  /// Has waiting for bytes fail after a while.
  func setReceiveTimeout(seconds: Int) {
    var time = timeval(tv_sec: seconds, tv_usec: 0)
    setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &time, socklen_t(MemoryLayout<timeval>.size))
  }

  /// Ends reading, so that whoever waits for more bytes gets an error; answers still go out.
  func stopReading() {
    isClosed.withLock { isClosed in
      if !isClosed { shutdown(descriptor, Int32(SHUT_RD)) }
    }
  }

  func send(_ message: some Encodable) throws {
    let payload = Array(try JSONEncoder().encode(message))
    try payload.withUnsafeBytes { try send(.message, $0) }
  }

  func send(_ type: FrameType, _ payload: UnsafeRawBufferPointer) throws {
    var header: [UInt8] = []
    withUnsafeBytes(of: UInt32(payload.count).littleEndian) { header.append(contentsOf: $0) }
    header.append(type.rawValue)
    try header.withUnsafeBytes { try writeAll($0) }
    try writeAll(payload)
  }

  func receive<Message: Decodable>(_ type: Message.Type) throws -> Message {
    let (frame, payload) = try receiveFrame()
    guard frame == .message else { throw ControlError("unexpected frame on the control socket") }
    return try JSONDecoder().decode(type, from: Data(payload))
  }

  func receiveFrame() throws -> (FrameType, [UInt8]) {
    let header = try readExactly(5)
    let length = header[..<4].reversed().reduce(0) { $0 << 8 | Int($1) }
    guard let type = FrameType(rawValue: header[4]), length <= Self.frameBytesMax else {
      throw ControlError("broken frame on the control socket")
    }
    return (type, try readExactly(length))
  }

  private func writeAll(_ bytes: UnsafeRawBufferPointer) throws {
    var rest = bytes
    while !rest.isEmpty {
      let count = Glibc.send(descriptor, rest.baseAddress, rest.count, Int32(MSG_NOSIGNAL))
      if count < 0 && errno == EINTR { continue }
      guard count > 0 else { throw ControlError("the control connection was closed") }
      rest = UnsafeRawBufferPointer(rebasing: rest[count...])
    }
  }

  private func readExactly(_ count: Int) throws -> [UInt8] {
    var bytes = [UInt8](repeating: 0, count: count)
    var filled = 0
    while filled < count {
      let received = bytes.withUnsafeMutableBytes {
        recv(descriptor, $0.baseAddress?.advanced(by: filled), count - filled, 0)
      }
      if received < 0 && errno == EINTR { continue }
      guard received > 0 else { throw ControlError("the control connection was closed") }
      filled += received
    }
    return bytes
  }
}

/// Why a command could not be handed to the daemon.
package struct ControlError: Error, CustomStringConvertible, Sendable {
  package var description: String
  package init(_ description: String) { self.description = description }
}

/// Where a database's daemon listens for commands.
package enum ControlSocket {
  package static func path(forDatabase path: String) -> String { path + ".control" }
}
