import CSystemd
import Glibc
import ProgramConfiguration

/// Sockets that the service manager opened for this program (sd_listen_fds(3)).
///
/// It keeps them open while the program is away, so what is sent meanwhile waits in the kernel.
package struct ActivatedSocket: Equatable, Sendable {
  /// What a socket can be used for.
  package enum Kind: Equatable, Sendable {
    case udp
    case unixDatagram
    case unixStream
  }

  package var descriptor: Int32
  package var kind: Kind
  /// `FileDescriptorName=` of its unit.
  package var name: String

  /// Takes all sockets over; later calls and child processes see none.
  ///
  /// - Throws: `ConfigurationError` naming the unit's socket that cannot be used here.
  package static func takeAll() throws(ConfigurationError) -> [ActivatedSocket] {
    var names: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>?
    let count = sd_listen_fds_with_names(1, &names)
    guard count >= 0 else {
      throw ConfigurationError(
        "the sockets of the service manager cannot be taken: \(String(cString: strerror(-count)))")
    }
    defer {
      for index in 0..<Int(count) { free(names?[index]) }
      free(names)
    }
    var result: [ActivatedSocket] = []
    for index in 0..<count {
      let descriptor = SD_LISTEN_FDS_START + index
      let name = names?[Int(index)].map { String(cString: $0) } ?? "unknown"
      guard let kind = kind(of: descriptor) else {
        throw ConfigurationError(
          """
          the activated socket '\(name)' (descriptor \(descriptor)) cannot be used: use ListenDatagram= with \
          a UDP address or a path, or ListenStream= with a path
          """)
      }
      result.append(ActivatedSocket(descriptor: descriptor, kind: kind, name: name))
    }
    return result
  }

  private static func kind(of descriptor: Int32) -> Kind? {
    func isSocket(_ family: Int32, _ type: __socket_type, listening: Int32) -> Bool {
      sd_is_socket(descriptor, family, Int32(type.rawValue), listening) > 0
    }
    if isSocket(AF_UNIX, SOCK_STREAM, listening: 1) { return .unixStream }
    if isSocket(AF_UNIX, SOCK_DGRAM, listening: -1) { return .unixDatagram }
    if isSocket(AF_INET, SOCK_DGRAM, listening: -1) || isSocket(AF_INET6, SOCK_DGRAM, listening: -1) {
      return .udp
    }
    return nil
  }
}
