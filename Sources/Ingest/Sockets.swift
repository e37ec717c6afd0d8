import CLinux
import Glibc
import Synchronization
import UsageModel

/// A bound socket, closed when released.
package final class BoundSocket: Sendable {
  package let descriptor: Int32
  /// As people write it: `127.0.0.1:4717` or a path.
  package let address: String
  /// Receive buffer in bytes as the kernel states it; 0 for stream sockets.
  package let receiveBufferBytes: Int
  private let unlinkPath: String?
  /// What the kernel had dropped before this process had the socket: another one has counted it.
  let inheritedDropCount: UInt32

  // Held while sending, so that an answer never goes out on someone else's descriptor.
  private let isClosed = Mutex(false)

  init(
    descriptor: Int32, address: String, receiveBufferBytes: Int, unlinkPath: String?,
    isInherited: Bool = false
  ) {
    self.descriptor = descriptor
    self.address = address
    self.receiveBufferBytes = receiveBufferBytes
    self.unlinkPath = unlinkPath
    inheritedDropCount = isInherited ? Self.dropCount(of: descriptor) ?? 0 : 0
  }

  /// Datagrams that the kernel has dropped here so far, modulo 2^32; nil when it does not tell (before 4.12).
  var dropCount: UInt32? { Self.dropCount(of: descriptor) }

  private static func dropCount(of descriptor: Int32) -> UInt32? {
    // SK_MEMINFO_VARS numbers, of which SK_MEMINFO_DROPS is the last (linux/sock_diag.h).
    var values = [UInt32](repeating: 0, count: 9)
    var length = socklen_t(values.count * MemoryLayout<UInt32>.size)
    let wanted = length
    guard getsockopt(descriptor, SOL_SOCKET, SO_MEMINFO, &values, &length) == 0, length == wanted else {
      return nil
    }
    return values[8]
  }

  /// Whether only this machine reaches a UDP socket.
  package var isLoopback: Bool {
    var storage = sockaddr_storage()
    var length = socklen_t(MemoryLayout<sockaddr_storage>.size)
    return withUnsafeMutablePointer(to: &storage) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { address in
        getsockname(descriptor, address, &length) == 0 && Sockets.isLoopback(address)
      }
    }
  }

  deinit { close() }

  /// Gives the address free; only once nobody reads the socket any more.
  package func close() {
    isClosed.withLock { isClosed in
      guard !isClosed else { return }
      isClosed = true
      Glibc.close(descriptor)
      if let unlinkPath { unlink(unlinkPath) }
    }
  }

  /// Sends a datagram without waiting; one that finds no room is lost.
  func send(_ bytes: [UInt8], to address: [UInt8]) {
    isClosed.withLock { isClosed in
      guard !isClosed else { return }
      address.withUnsafeBytes { raw in
        guard let target = raw.baseAddress?.assumingMemoryBound(to: sockaddr.self) else { return }
        _ = sendto(descriptor, bytes, bytes.count, Int32(MSG_DONTWAIT), target, socklen_t(raw.count))
      }
    }
  }
}

/// Opens the collector's sockets.
package enum Sockets {
  /// What is asked for as receive buffer; the kernel doubles it for bookkeeping.
  ///
  /// With the usual 208 KiB a
  /// burst at full rate loses more than half, with 4 MiB none at 400,000 datagrams a second.
  package static let receiveBufferBytesWanted = 8 << 20
  /// Below this a burst is likely to overflow the socket: worth a warning.
  package static let receiveBufferBytesLow = 4 << 20

  // MARK: UDP

  /// Binds a UDP socket.
  ///
  /// - Parameters:
  ///   - address: `HOST:PORT`, `[IPv6]:PORT`; port 0 takes a free one.
  ///   - allowsNetwork: whether other than loopback addresses will do.
  package static func udp(
    _ address: String, allowsNetwork: Bool = true
  ) throws(SocketError) -> BoundSocket {
    let (descriptor, bound) = try inet(
      address, SOCK_DGRAM, "udp", allowsNetwork: allowsNetwork,
      advice: "; choose another with --udp HOST:PORT")
    return prepared(descriptor, address: bound, unlinkPath: nil)
  }

  /// Binds and listens on a TCP socket; for few and short connections.
  package static func tcp(_ address: String) throws(SocketError) -> BoundSocket {
    let (descriptor, bound) = try inet(address, SOCK_STREAM, "tcp", allowsNetwork: true, advice: "")
    guard listen(descriptor, 16) == 0 else {
      let reason = errno
      close(descriptor)
      throw SocketError("cannot listen on tcp \(address): \(SocketError.reason(reason))")
    }
    return BoundSocket(descriptor: descriptor, address: bound, receiveBufferBytes: 0, unlinkPath: nil)
  }

  private static func inet(
    _ address: String, _ type: __socket_type, _ protocolName: String, allowsNetwork: Bool, advice: String
  ) throws(SocketError) -> (descriptor: Int32, address: String) {
    let (host, port) = try split(address)
    var hints = addrinfo()
    hints.ai_family = AF_UNSPEC
    hints.ai_socktype = Int32(type.rawValue)
    hints.ai_flags = AI_PASSIVE | AI_NUMERICSERV
    var list: UnsafeMutablePointer<addrinfo>?
    let code = getaddrinfo(host, port, &hints, &list)
    guard code == 0, let info = list else {
      throw SocketError("cannot listen on \(protocolName) \(address): \(String(cString: gai_strerror(code)))")
    }
    defer { freeaddrinfo(list) }
    guard allowsNetwork || isLoopback(info.pointee.ai_addr) else {
      throw openToNetwork(address)
    }
    let descriptor = socket(info.pointee.ai_family, info.pointee.ai_socktype | cloexec, 0)
    guard descriptor >= 0 else {
      throw SocketError("cannot open a socket for \(protocolName): \(SocketError.reason(errno))")
    }
    if type == SOCK_STREAM {
      var one: Int32 = 1
      setsockopt(descriptor, SOL_SOCKET, SO_REUSEADDR, &one, socklen_t(MemoryLayout<Int32>.size))
    }
    guard Glibc.bind(descriptor, info.pointee.ai_addr, info.pointee.ai_addrlen) == 0 else {
      let reason = errno
      close(descriptor)
      throw SocketError("cannot listen on \(protocolName) \(address): \(SocketError.reason(reason))\(advice)")
    }
    return (descriptor, boundAddress(descriptor, host: host) ?? address)
  }

  package static func openToNetwork(_ address: String) -> SocketError {
    SocketError(
      "udp \(address) is open to the network, and without keys anybody there could speak for anybody: use "
        + "mode sign or encrypt, a loopback address, or set allow_plain_udp_from_network: true")
  }

  fileprivate static func isLoopback(_ address: UnsafePointer<sockaddr>) -> Bool {
    switch Int32(address.pointee.sa_family) {
    case AF_INET:
      return address.withMemoryRebound(to: sockaddr_in.self, capacity: 1) {
        UInt32(bigEndian: $0.pointee.sin_addr.s_addr) >> 24 == 127
      }
    case AF_INET6:
      return address.withMemoryRebound(to: sockaddr_in6.self, capacity: 1) { address in
        withUnsafeBytes(of: address.pointee.sin6_addr) { $0.dropLast().allSatisfy { $0 == 0 } && $0[15] == 1 }
      }
    default: return false
    }
  }

  private static let cloexec = Int32(SOCK_CLOEXEC.rawValue | SOCK_NONBLOCK.rawValue)

  private static func split(_ address: String) throws(SocketError) -> (host: String, port: String) {
    do {
      let parts = try HostAndPort(address)
      return (parts.host, String(parts.port))
    } catch {
      throw SocketError("\(error)")
    }
  }

  private static func boundAddress(_ descriptor: Int32, host: String) -> String? {
    var storage = sockaddr_storage()
    var length = socklen_t(MemoryLayout<sockaddr_storage>.size)
    var service = [CChar](repeating: 0, count: 32)
    let code = withUnsafeMutablePointer(to: &storage) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { address in
        getsockname(descriptor, address, &length) == 0
          ? getnameinfo(address, length, nil, 0, &service, socklen_t(service.count), NI_NUMERICSERV) : -1
      }
    }
    guard code == 0 else { return nil }
    let port = String(decoding: service.prefix { $0 != 0 }.map(UInt8.init), as: UTF8.self)
    return host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)"
  }

  private static func prepared(
    _ descriptor: Int32, address: String, unlinkPath: String?, isInherited: Bool = false
  ) -> BoundSocket {
    _ = wl_enable_drop_count(descriptor)
    let bytes = wl_raise_receive_buffer(descriptor, Int32(receiveBufferBytesWanted))
    return BoundSocket(
      descriptor: descriptor, address: address, receiveBufferBytes: Int(max(0, bytes)),
      unlinkPath: unlinkPath, isInherited: isInherited)
  }

  // MARK: Handed over

  /// Takes a socket that the service manager opened and keeps: its file stays when it is closed here.
  ///
  /// - Parameter name: how messages call it if it has no address.
  package static func adopted(_ descriptor: Int32, _ transport: Transport, name: String) -> BoundSocket {
    _ = fcntl(descriptor, F_SETFL, fcntl(descriptor, F_GETFL) | O_NONBLOCK)
    if transport == .unixDatagram { _ = wl_enable_credentials(descriptor) }
    let address = localAddress(descriptor) ?? name
    guard transport != .unixStream else {
      return BoundSocket(descriptor: descriptor, address: address, receiveBufferBytes: 0, unlinkPath: nil)
    }
    return prepared(descriptor, address: address, unlinkPath: nil, isInherited: true)
  }

  /// Where a socket is bound, as people write it; nil for a Unix socket without a path.
  private static func localAddress(_ descriptor: Int32) -> String? {
    var storage = sockaddr_storage()
    var length = socklen_t(MemoryLayout<sockaddr_storage>.size)
    var host = [CChar](repeating: 0, count: Int(NI_MAXHOST))
    let isNamed = withUnsafeMutablePointer(to: &storage) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { address in
        getsockname(descriptor, address, &length) == 0
          && (address.pointee.sa_family == sa_family_t(AF_UNIX)
            || getnameinfo(
              address, length, &host, socklen_t(host.count), nil, 0, NI_NUMERICHOST) == 0)
      }
    }
    guard isNamed else { return nil }
    if storage.ss_family == sa_family_t(AF_UNIX) {
      return withUnsafeBytes(of: &storage) { bytes in
        let path = bytes[MemoryLayout<sa_family_t>.size..<Int(length)].prefix { $0 != 0 }
        return path.isEmpty ? nil : String(decoding: path, as: UTF8.self)
      }
    }
    return boundAddress(
      descriptor, host: String(decoding: host.prefix { $0 != 0 }.map(UInt8.init), as: UTF8.self))
  }

  // MARK: Unix

  /// Binds a Unix datagram socket; a stale socket file of a dead process is replaced.
  ///
  /// - Parameter mode: who may send, as permissions of the socket's file.
  package static func unixDatagram(
    _ path: String, mode: mode_t = ownerOnly
  ) throws(SocketError) -> BoundSocket {
    let descriptor = try bindUnix(path, type: Int32(SOCK_DGRAM.rawValue), mode: mode)
    return prepared(descriptor, address: path, unlinkPath: path)
  }

  /// The permissions of sockets unless told otherwise.
  package static let ownerOnly: mode_t = 0o600

  /// Connections that may wait to be accepted; the kernel caps it at net.core.somaxconn.
  private static let backlog: Int32 = 4_096

  /// Binds and listens on a Unix stream socket.
  ///
  /// - Parameter mode: who may connect, as permissions of the socket's file.
  package static func unixStream(
    _ path: String, mode: mode_t = ownerOnly
  ) throws(SocketError) -> BoundSocket {
    let descriptor = try bindUnix(path, type: Int32(SOCK_STREAM.rawValue), mode: mode)
    guard listen(descriptor, backlog) == 0 else {
      let reason = errno
      close(descriptor)
      throw SocketError("cannot listen on \(path): \(SocketError.reason(reason))")
    }
    return BoundSocket(descriptor: descriptor, address: path, receiveBufferBytes: 0, unlinkPath: path)
  }

  private static func bindUnix(
    _ path: String, type: Int32, mode: mode_t
  ) throws(SocketError) -> Int32 {
    let descriptor = socket(AF_UNIX, type | cloexec, 0)
    // Before the first datagram can come; streams tell it at any time.
    if type == Int32(SOCK_DGRAM.rawValue) { _ = wl_enable_credentials(descriptor) }
    guard descriptor >= 0 else {
      throw SocketError("cannot open a Unix socket: \(SocketError.reason(errno))")
    }
    let problem: String?
    do {
      problem = try bind(descriptor, to: path, type: type)
    } catch {
      close(descriptor)
      throw error
    }
    guard let problem else {
      // The umask can only have made it tighter meanwhile.
      chmod(path, mode)
      return descriptor
    }
    close(descriptor)
    throw SocketError("cannot listen on \(path): \(problem)")
  }

  /// Binds, replacing a stale socket file; returns what stands in the way, or nil.
  private static func bind(
    _ descriptor: Int32, to path: String, type: Int32
  ) throws(SocketError) -> String? {
    var address = try UnixAddress(path)
    if address.bind(descriptor) == 0 { return nil }
    guard errno == EADDRINUSE else { return SocketError.reason(errno) }
    guard isSocket(path) else { return "what stands there is not a socket; choose another path" }
    if removeStale(path, type: type, &address), address.bind(descriptor) == 0 { return nil }
    return "another process listens there; stop it or choose another path"
  }

  private static func isSocket(_ path: String) -> Bool {
    var status = stat()
    return lstat(path, &status) == 0 && status.st_mode & S_IFMT == S_IFSOCK
  }

  /// Removes a socket file that nobody listens on any more; a live one stays.
  private static func removeStale(_ path: String, type: Int32, _ address: inout UnixAddress) -> Bool {
    let probe = socket(AF_UNIX, type | cloexec, 0)
    guard probe >= 0 else { return false }
    defer { close(probe) }
    guard address.connect(probe) != 0, errno == ECONNREFUSED else { return false }
    return unlink(path) == 0
  }
}

/// A Unix socket address of any length of path.
///
/// `sun_path` holds 108 bytes; a longer path is reached through `/proc/self/fd/N/<file name>` of its
/// opened directory.
package struct UnixAddress: ~Copyable {
  private var storage = sockaddr_un()
  private let directory: Int32

  package init(_ path: String) throws(SocketError) {
    let (text, directory) = try Self.reachable(path)
    self.directory = directory
    storage.sun_family = sa_family_t(AF_UNIX)
    withUnsafeMutableBytes(of: &storage.sun_path) { $0.copyBytes(from: text.utf8) }
  }

  /// A path that fits, and the directory that must stay open for it (or -1).
  private static func reachable(_ path: String) throws(SocketError) -> (text: String, directory: Int32) {
    if path.utf8.count < pathBytesMax { return (path, -1) }
    let slash = path.lastIndex(of: "/") ?? path.startIndex
    let name = path[slash...].drop { $0 == "/" }
    let directory = wl_open_directory(slash == path.startIndex ? "." : String(path[..<slash]))
    guard directory >= 0 else {
      throw SocketError("cannot open the directory of \(path): \(SocketError.reason(-directory))")
    }
    let text = "/proc/self/fd/\(directory)/\(name)"
    guard text.utf8.count < pathBytesMax else {
      close(directory)
      throw SocketError("the socket's file name is too long for a socket: \(path)")
    }
    return (text, directory)
  }

  deinit { if directory >= 0 { close(directory) } }

  private static var pathBytesMax: Int { MemoryLayout.size(ofValue: sockaddr_un().sun_path) }

  package mutating func bind(_ descriptor: Int32) -> Int32 {
    withAddress { Glibc.bind(descriptor, $0, $1) }
  }

  package mutating func connect(_ descriptor: Int32) -> Int32 {
    withAddress { Glibc.connect(descriptor, $0, $1) }
  }

  private mutating func withAddress(_ body: (UnsafePointer<sockaddr>, socklen_t) -> Int32) -> Int32 {
    withUnsafePointer(to: &storage) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        body($0, socklen_t(MemoryLayout<sockaddr_un>.size))
      }
    }
  }
}
