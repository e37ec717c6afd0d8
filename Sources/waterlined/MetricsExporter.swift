import CLinux
import Control
import EventStore
import Foundation
import Glibc
import Ingest
import ServiceManager

/// Gives the collector's counters out: into a file for the node exporter, and to whoever asks a socket.
final class MetricsExporter: Sendable {
  /// How often the file is written: Prometheus scrapes every 15 s to 60 s.
  private static let intervalMilliseconds: Int64 = 15_000
  /// Longest wait for a request; one slow client must not keep the others waiting.
  private static let requestSeconds = 1
  /// A request's line and headers; more is not read.
  private static let requestBytesMax = 8_192

  private let filePath: String?
  private let socket: BoundSocket?
  private let stop: StopSignal
  private let text: @Sendable () throws -> String

  /// - Parameters:
  ///   - filePath: written anew as a whole; nil for no file.
  ///   - socket: a listening stream socket; nil for none.
  ///   - text: the counters of now.
  init(
    filePath: String?, socket: BoundSocket?, stop: StopSignal, text: @escaping @Sendable () throws -> String
  ) {
    self.filePath = filePath
    self.socket = socket
    self.stop = stop
    self.text = text
  }

  /// Runs until the stop signal.
  func run() {
    var wasWritten = true
    repeat {
      let isWritten = writeFile()
      if let isWritten { wasWritten = report(isWritten, before: wasWritten) }
    } while serve(milliseconds: Self.intervalMilliseconds)
    socket?.close()
  }

  /// Writes the file beside its place and moves it there, so that no reader sees half of it.
  ///
  /// - Returns: what went wrong, or an empty text; nil without a file.
  private func writeFile() -> String? {
    guard let filePath else { return nil }
    do {
      let url = URL(fileURLWithPath: filePath)
      try Data(try text().utf8).write(to: url, options: .atomic)
      chmod(filePath, 0o644)  // The node exporter is another account.
      return ""
    } catch {
      return StoreError.reason(of: error)
    }
  }

  /// Says once when writing begins to fail.
  private func report(_ problem: String, before wasWritten: Bool) -> Bool {
    if !problem.isEmpty, wasWritten {
      Log.warning("cannot write the metrics to \(filePath ?? ""): \(problem)", .metricsFailed)
    }
    return problem.isEmpty
  }

  /// Answers requests for a while; false once told to stop.
  private func serve(milliseconds: Int64) -> Bool {
    let end = Clock.nowMilliseconds() + milliseconds
    while true {
      let now = Clock.nowMilliseconds()
      // A clock set back must not stretch the wait.
      let left = min(milliseconds, end - now)
      guard left > 0 else { return true }
      var descriptors = [
        pollfd(fd: stop.descriptor, events: Int16(POLLIN), revents: 0),
        pollfd(fd: socket?.descriptor ?? -1, events: Int16(POLLIN), revents: 0),
      ]
      _ = poll(&descriptors, 2, Int32(left))
      if descriptors[0].revents != 0 { return false }
      if descriptors[1].revents != 0 { answer() }
    }
  }

  private func answer() {
    guard let socket else { return }
    let descriptor = wl_accept(socket.descriptor)
    guard descriptor >= 0 else { return }
    defer { close(descriptor) }
    _ = fcntl(descriptor, F_SETFL, 0)
    var limit = timeval(tv_sec: Self.requestSeconds, tv_usec: 0)
    setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
    setsockopt(descriptor, SOL_SOCKET, SO_SNDTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
    guard let request = Self.requestLine(descriptor) else { return }
    let isKnown = request.hasPrefix("GET / ") || request.hasPrefix("GET /metrics ")
    let body: String
    do {
      body = isKnown ? try text() : "use GET /metrics\n"
    } catch {
      Log.warning("cannot read the metrics: \(StoreError.reason(of: error))", .metricsFailed)
      return Self.send("HTTP/1.0 503 Service Unavailable\r\n\r\n", to: descriptor)
    }
    let status = isKnown ? "200 OK" : "404 Not Found"
    let header =
      "HTTP/1.0 \(status)\r\nContent-Type: text/plain; version=0.0.4; charset=utf-8\r\n"
      + "Content-Length: \(body.utf8.count)\r\nConnection: close\r\n\r\n"
    Self.send(header + body, to: descriptor)
  }

  /// Reads up to the empty line after the headers; nil if it does not come.
  private static func requestLine(_ descriptor: Int32) -> String? {
    var bytes: [UInt8] = []
    var buffer = [UInt8](repeating: 0, count: 1_024)
    while bytes.count < requestBytesMax {
      let count = recv(descriptor, &buffer, buffer.count, 0)
      guard count > 0 else { return nil }
      bytes += buffer[..<count]
      let text = String(decoding: bytes, as: UTF8.self)
      if text.contains("\r\n\r\n") || text.contains("\n\n") { return text }
    }
    return nil
  }

  private static func send(_ text: String, to descriptor: Int32) {
    let bytes = Array(text.utf8)
    var sent = 0
    while sent < bytes.count {
      let count = bytes[sent...].withUnsafeBytes {
        Glibc.send(descriptor, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL))
      }
      guard count > 0 else { return }
      sent += count
    }
  }
}
