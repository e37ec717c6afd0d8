import CLinux
import Delivery
import Foundation
import Glibc
import Ingest

/// A process of this program that goes on with a delivery, for a parent that must not wait.
enum BackgroundDelivery {
  /// Starts it; it has none of this process's files, terminal or children to answer for.
  ///
  /// - Throws: `SocketError` if there can be no further process.
  static func start(_ delivery: SingleDelivery, key: KeyOptions.Named?) throws {
    var words = [
      "waterline", "deliver", "--collector", delivery.address, "--spool-id", String(delivery.spoolID),
      "--packet", String(delivery.nextPacket), "--seconds", String(EventTarget.backgroundSeconds),
    ]
    if let key { words += key.words }
    var arguments: [UnsafeMutablePointer<CChar>?] = words.map { strdup($0) }
    arguments.append(nil)
    defer { for argument in arguments { free(argument) } }
    // Whoever waits for the end of a pipe, or for a lock, must not wait for the acknowledgement: it gets none of
    // this process's files.
    let code = wl_spawn_apart(
      "/proc/self/exe", arguments, environ, delivery.payload, delivery.payload.count)
    guard code == 0 else {
      throw SocketError(
        "no process can be started to wait for the acknowledgement: \(String(cString: strerror(-code)))")
    }
  }
}
