import Glibc
import Synchronization

/// The way back to whoever sent a batch; answers that find it blocked are dropped, as the sender asks again.
package enum AnswerRoute: Sendable {
  case datagram(BoundSocket, address: [UInt8])
  case stream(StreamAnswers)
  /// A sender without an address of its own.
  case nowhere

  func send(_ bytes: [UInt8]) {
    switch self {
    case .datagram(let socket, let address): socket.send(bytes, to: address)
    case .stream(let answers): answers.send(bytes)
    case .nowhere: break
    }
  }
}

/// Answers on one connection: safe to use from the writer while the receiver hangs up.
package final class StreamAnswers: Sendable {
  private let descriptor: Mutex<Int32>

  init(_ descriptor: Int32) { self.descriptor = Mutex(descriptor) }

  /// Closes the connection.
  func close() {
    descriptor.withLock { descriptor in
      if descriptor >= 0 { Glibc.close(descriptor) }
      descriptor = -1
    }
  }

  fileprivate func send(_ bytes: [UInt8]) {
    descriptor.withLock { descriptor in
      guard descriptor >= 0 else { return }
      let count = Glibc.send(descriptor, bytes, bytes.count, Int32(MSG_DONTWAIT) | Int32(MSG_NOSIGNAL))
      // Half an answer would put all later ones out of step.
      if count > 0 && count < bytes.count { shutdown(descriptor, Int32(SHUT_RDWR)) }
    }
  }
}
