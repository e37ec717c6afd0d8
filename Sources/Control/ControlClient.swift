import EventStore
import FileImport
import Foundation
import Glibc

/// Hands a command to whoever may write the database: the daemon if one runs, else this process.
package struct ControlClient {
  /// Longest wait for the daemon's own status; the rest of `status` comes from the database.
  private static let statusSecondsMax = 5

  private let databasePath: String

  package init(databasePath: String) { self.databasePath = databasePath }

  /// Carries out a request.
  ///
  /// - Throws: `ControlError` with the daemon's words; `StoreError.locked` when another program writes.
  package func run(
    _ request: ControlRequest, input: ByteInput = ByteInput { _ in 0 },
    progress: @escaping @Sendable (RequestStep) -> Void = { _ in }
  ) throws -> ControlResponse {
    if let connection = ControlConnection.connect(path: ControlSocket.path(forDatabase: databasePath)) {
      return try run(request, input, on: connection, progress)
    }
    let store = try EventStore(writingAt: databasePath, program: "waterline")
    let response = try CommandExecutor(store: LocalWriter(store: store)).run(
      request, input: input, progress: progress)
    // A WAL that a reader holds open is folded in by whoever writes next.
    try? store.close()
    return response
  }

  /// The daemon's own status; nil when none runs.
  package func daemonStatus() -> DaemonStatus? {
    let path = ControlSocket.path(forDatabase: databasePath)
    guard let connection = ControlConnection.connect(path: path) else { return nil }
    connection.setReceiveTimeout(seconds: Self.statusSecondsMax)
    guard (try? connection.send(ControlRequest.status)) != nil,
      case .status(let status)? = try? connection.receive(ControlResponse.self)
    else { return nil }
    return status
  }

  private func run(
    _ request: ControlRequest, _ input: ByteInput, on connection: ControlConnection,
    _ progress: (RequestStep) -> Void
  ) throws -> ControlResponse {
    try connection.send(request)
    if request.carriesData {
      do {
        try Self.send(input, on: connection, progress)
      } catch is ControlError {
        // The daemon refused the file before reading all of it: its answer says why.
      }
    }
    while true {
      let response = try connection.receive(ControlResponse.self)
      switch response {
      case .progress(let bytes, let rows, let rowsLeft):
        progress(RequestStep(bytes: bytes, rows: rows, rowsLeft: rowsLeft))
      case .failed(let text): throw ControlError(text)
      default: return response
      }
    }
  }

  /// Sends the file; the daemon reads no slower than it stores, so what is sent is as good as done.
  private static func send(
    _ input: ByteInput, on connection: ControlConnection, _ progress: (RequestStep) -> Void
  ) throws {
    var input = input
    let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 256 << 10, alignment: 16)
    defer { buffer.deallocate() }
    while true {
      let count = try input.read(into: buffer)
      if count == 0 { break }
      try connection.send(.data, UnsafeRawBufferPointer(rebasing: buffer[..<count]))
      progress(RequestStep(bytes: input.byteCount))
    }
    try connection.send(.end, UnsafeRawBufferPointer(start: nil, count: 0))
  }
}
