import CLinux
import EventStore
import FileImport
import Foundation
import Glibc
import Ingest

/// Takes commands over the control socket beside the database, each on a thread of its own.
package final class ControlServer<Store: StoreWriting>: Sendable {
  private static var acceptRetryMicroseconds: UInt32 { 100_000 }

  private let socket: BoundSocket
  private let store: Store
  private let stop: StopSignal
  private let status: @Sendable () -> DaemonStatus

  /// - Parameter socket: a listening Unix stream socket that only the database's owner can reach.
  package init(
    socket: BoundSocket, store: Store, stop: StopSignal, status: @escaping @Sendable () -> DaemonStatus
  ) {
    self.socket = socket
    self.store = store
    self.stop = stop
    self.status = status
  }

  /// Accepts connections until the stop signal.
  ///
  /// Commands under way are finished first, as far as their input has come: one that still waits for more is
  /// told that the daemon stops.
  package func run() {
    var commands: [(thread: WorkerThread, connection: ControlConnection)] = []
    while waitForConnection() {
      let descriptor = wl_accept(socket.descriptor)
      guard descriptor >= 0 else {
        // Out of descriptors: the connection goes on waiting, and so do we.
        usleep(Self.acceptRetryMicroseconds)
        continue
      }
      _ = fcntl(descriptor, F_SETFL, 0)
      guard isAllowed(descriptor) else {
        let connection = ControlConnection(descriptor: descriptor)
        try? connection.send(ControlResponse.failed("only root and the daemon's own account may command it"))
        connection.close()
        continue
      }
      commands.removeAll { $0.thread.isDone }
      let connection = ControlConnection(descriptor: descriptor)
      commands.append((WorkerThread(name: "wl-command") { [self] in serve(connection) }, connection))
    }
    for command in commands { command.connection.stopReading() }
    for command in commands { command.thread.join() }
  }

  /// The socket's mode keeps others out already; someone may have changed it.
  private func isAllowed(_ descriptor: Int32) -> Bool {
    let userID = wl_peer_user(descriptor)
    return userID == 0 || userID == Int64(geteuid())
  }

  private func waitForConnection() -> Bool {
    var descriptors = [
      pollfd(fd: socket.descriptor, events: Int16(POLLIN), revents: 0),
      pollfd(fd: stop.descriptor, events: Int16(POLLIN), revents: 0),
    ]
    _ = poll(&descriptors, 2, -1)
    return descriptors[1].revents == 0
  }

  private func serve(_ connection: ControlConnection) {
    defer { connection.close() }
    do {
      let request = try connection.receive(ControlRequest.self)
      try connection.send(try answer(request, connection))
    } catch {
      try? connection.send(ControlResponse.failed(StoreError.line(for: error)))
    }
  }

  private func answer(_ request: ControlRequest, _ connection: ControlConnection) throws -> ControlResponse {
    if case .status = request { return .status(status()) }
    let input = request.carriesData ? Self.input(from: connection) : ByteInput { _ in 0 }
    let pace = ProgressPace()
    let writer = ClientBoundWriter(store, client: connection)
    return try CommandExecutor(store: writer).run(request, input: input) { step in
      guard let due = pace.due(step) else { return }
      // The client may have gone; the command goes on all the same.
      try? connection.send(
        ControlResponse.progress(bytes: due.bytes, rows: due.rows, rowsLeft: due.rowsLeft))
    }
  }

  private static func input(from connection: ControlConnection) -> ByteInput {
    var pending: [UInt8] = []
    var isAtEnd = false
    return ByteInput { buffer in
      while pending.isEmpty && !isAtEnd {
        let (type, payload) = try connection.receiveFrame()
        if type == .data { pending = payload } else { isAtEnd = true }
      }
      let count = min(buffer.count, pending.count)
      buffer.copyBytes(from: pending[..<count])
      pending.removeFirst(count)
      return count
    }
  }
}

/// Lets a progress message pass now and then, with the rows of those it kept back.
private final class ProgressPace: @unchecked Sendable {
  private static let intervalMilliseconds: Int64 = 200
  private var last: Int64 = 0
  private var rowsKeptBack = 0

  /// The step to send now, or nil.
  ///
  /// Only called by the thread that runs the command.
  func due(_ step: RequestStep) -> RequestStep? {
    let now = Clock.nowMilliseconds()
    guard now - last >= Self.intervalMilliseconds else {
      rowsKeptBack += step.rows
      return nil
    }
    var step = step
    step.rows += rowsKeptBack
    rowsKeptBack = 0
    last = now
    return step
  }
}
