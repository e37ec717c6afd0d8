import CPageChecksum

/// A page that cannot be mended, and why.
struct UnmendablePage: Error, CustomStringConvertible {
  var page: UInt32
  var reason: String

  var description: String {
    "page \(page) of the file does not match its checksum and cannot be mended, as \(reason): restore a backup"
  }
}

/// What a database file says about its own pages, beside SQLite: its pointer map and single b-tree pages.
///
/// A file with auto-vacuum names for each page who points to it (SQLite's file format, 1.8). So what stood on a
/// damaged page can be found from the others. Reads the file and not its log, which must be folded in before.
final class PageMap {
  enum Kind: UInt8 {
    case root = 1
    case free = 2
    /// The first page of a row's chain of overflow pages; its parent is the leaf.
    case firstOverflow = 3
    /// A later one; its parent is the page before.
    case overflow = 4
    case tree = 5
  }

  struct Entry: Equatable {
    var kind: Kind
    var parent: UInt32
  }

  /// Bytes of an entry: its kind and its parent.
  private static let entryBytes = 5
  /// Bytes of a page that SQLite leaves to checksums.
  private static let reservedBytes = 8
  /// SQLite never uses the page that holds this byte, which it takes locks on.
  private static let lockByte = 0x4000_0000

  let pageBytes: Int
  let pageCount: UInt32
  /// Bytes of a page that SQLite uses.
  var usableBytes: Int { pageBytes - Self.reservedBytes }
  private let file: OpaquePointer

  /// - Throws: `StoreError` when there is no such file, or it has no pointer map.
  init(path: String) throws {
    guard let (header, byteCount) = PageChecksums.header(ofDatabaseAt: path), header[52..<56] != [0, 0, 0, 0]
    else { throw StoreError.invalid("\(path) has no pointer map, so that its pages cannot be mended") }
    let size = Int(header[16]) << 8 | Int(header[17])
    pageBytes = size == 1 ? 65_536 : size
    var opened: OpaquePointer?
    guard wl_raw_pages_open(path, &opened) == 0, let opened else {
      throw StoreError.invalid("cannot read the pages of \(path)")
    }
    file = opened
    pageCount = UInt32(clamping: byteCount / Int64(pageBytes))
  }

  deinit { wl_raw_pages_close(file) }

  /// A page as it stands in the file, and whether it is what was written.
  func page(_ number: UInt32) throws -> (bytes: [UInt8], isSound: Bool) {
    var bytes = [UInt8](repeating: 0, count: pageBytes)
    let code = wl_raw_pages_read(file, number, &bytes, Int32(pageBytes))
    guard code >= 0 else { throw UnmendablePage(page: number, reason: "it is not in the file") }
    return (bytes, code == 1)
  }

  func entry(of page: UInt32) throws -> Entry {
    let map = mapPage(for: page)
    guard page > map else { throw UnmendablePage(page: page, reason: "it is a page of the pointer map") }
    let found = try self.page(map)
    guard found.isSound, let entry = Self.entry(in: found.bytes, at: Int(page - map - 1)) else {
      throw UnmendablePage(page: page, reason: "the pointer map does not tell what it was")
    }
    return entry
  }

  /// Pages of some kinds that a page points to.
  ///
  /// - Complexity: O(pages of the file), of which one in some hundreds is read.
  func children(of parent: UInt32, _ kinds: Set<Kind>) throws -> [UInt32] {
    var found: [UInt32] = []
    let entries = usableBytes / Self.entryBytes
    var map: UInt32 = 2
    while map <= pageCount {
      let (bytes, isSound) = try page(mapPage(for: map + 1))
      for index in 0..<entries {
        let number = mapPage(for: map + 1) + 1 + UInt32(index)
        guard number <= pageCount, let entry = Self.entry(in: bytes, at: index) else { continue }
        guard isSound else { throw UnmendablePage(page: parent, reason: "the pointer map is damaged too") }
        if entry.parent == parent, kinds.contains(entry.kind) { found.append(number) }
      }
      map += UInt32(entries) + 1
    }
    return found
  }

  /// The page of the pointer map that has a page's entry.
  private func mapPage(for page: UInt32) -> UInt32 {
    guard page >= 2 else { return page }
    let stride = UInt32(usableBytes / Self.entryBytes) + 1
    let map = (page - 2) / stride * stride + 2
    return map == UInt32(Self.lockByte / pageBytes) + 1 ? map + 1 : map
  }

  private static func entry(in map: [UInt8], at index: Int) -> Entry? {
    let start = index * entryBytes
    guard start + entryBytes <= map.count, let kind = Kind(rawValue: map[start]) else { return nil }
    return Entry(kind: kind, parent: map.bigEndian32(at: start + 1))
  }
}

extension [UInt8] {
  /// Four bytes, the highest first, as everywhere in SQLite's files.
  func bigEndian32(at offset: Int) -> UInt32 {
    self[offset..<offset + 4].reduce(0) { $0 << 8 | UInt32($1) }
  }

  mutating func setBigEndian32(_ value: UInt32, at offset: Int) {
    for index in 0..<4 { self[offset + index] = UInt8(truncatingIfNeeded: value >> (24 - 8 * index)) }
  }

  /// One of SQLite's numbers of variable length: seven bits a byte, all eight of a ninth.
  ///
  /// - Returns: nil where the bytes end first.
  func sqliteNumber(at offset: inout Int) -> UInt64? {
    var value: UInt64 = 0
    for index in 0..<9 {
      guard offset < count else { return nil }
      let byte = self[offset]
      offset += 1
      if index == 8 { return value << 8 | UInt64(byte) }
      value = value << 7 | UInt64(byte & 0x7F)
      if byte < 0x80 { return value }
    }
    return value
  }

  mutating func append(sqliteNumber value: UInt64) {
    guard value < 1 << 56 else {
      for shift in stride(from: 57, through: 8, by: -7) {
        append(UInt8(truncatingIfNeeded: value >> shift) | 0x80)
      }
      return append(UInt8(truncatingIfNeeded: value))
    }
    var bytes = [UInt8(value & 0x7F)]
    var rest = value >> 7
    while rest > 0 {
      bytes.append(UInt8(rest & 0x7F) | 0x80)
      rest >>= 7
    }
    append(contentsOf: bytes.reversed())
  }
}
