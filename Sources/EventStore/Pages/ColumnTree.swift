/// One table of columns, `chunk_column` or `rollup_column`, as its pages in the file: which rows a page holds.
///
/// Such a table is a b-tree of leaves with rows, found by number, and of pages above that lead to them (SQLite's
/// file format, 1.6). Nothing is read of a damaged page but its bytes.
struct ColumnTree {
  /// What a damaged page held, by what other pages say.
  enum Place {
    /// A stretch of one row's bytes; the page as it was, but with the right number of the one that follows.
    case overflow(page: [UInt8])
    /// A leaf with the rows of these numbers; a page with as many made-up ones as chains hang on it, so that whoever
    /// deletes the rows frees the chains.
    case leaf(page: [UInt8], rows: ClosedRange<Int64>)
  }

  private static let leafFlag: UInt8 = 13
  private static let interiorFlag: UInt8 = 5
  /// Pages from a leaf to the root: more than any file of SQLite's can have.
  private static let depthMax = 64

  let map: PageMap
  let root: UInt32

  /// - Throws: `UnmendablePage` when it leads to other pages, or what it held cannot be told.
  func place(of page: UInt32) throws -> Place {
    let entry = try map.entry(of: page)
    switch entry.kind {
    case .firstOverflow, .overflow:
      var bytes = try map.page(page).bytes
      bytes.setBigEndian32(try next(after: page) ?? 0, at: 0)
      bytes.replaceSubrange(
        map.usableBytes..., with: [UInt8](repeating: 0, count: map.pageBytes - map.usableBytes))
      return .overflow(page: bytes)
    case .root, .tree:
      guard try map.children(of: page, [.tree]).isEmpty else {
        throw UnmendablePage(page: page, reason: "it leads to other pages")
      }
      let rows = try self.rows(of: page)
      return .leaf(page: try emptied(page, rows), rows: rows)
    case .free: throw UnmendablePage(page: page, reason: "it holds nothing")
    }
  }

  /// Whether a page belongs to this table.
  func holds(_ page: UInt32) throws -> Bool {
    var page = page
    while true {
      let entry = try map.entry(of: page)
      if entry.kind == .root { return page == root }
      if entry.kind == .free { return false }
      page = entry.parent
    }
  }

  /// The row that a page of overflow belongs to, and its leaf; the row is nil where the leaf is damaged too.
  func row(ofOverflow page: UInt32) throws -> (leaf: UInt32, row: Int64?) {
    var page = page
    var entry = try map.entry(of: page)
    while entry.kind == .overflow {
      page = entry.parent
      entry = try map.entry(of: page)
    }
    let leaf = try map.page(entry.parent)
    guard leaf.isSound else { return (entry.parent, nil) }
    for offset in cells(of: leaf.bytes) {
      var offset = offset
      guard let byteCount = leaf.bytes.sqliteNumber(at: &offset),
        let row = leaf.bytes.sqliteNumber(at: &offset)
      else { continue }
      let local = localBytes(ofPayload: Int(clamping: byteCount))
      guard local < byteCount, offset + local + 4 <= map.usableBytes else { continue }
      if leaf.bytes.bigEndian32(at: offset + local) == page { return (entry.parent, Int64(bitPattern: row)) }
    }
    throw UnmendablePage(page: page, reason: "no row has it")
  }

  private func next(after page: UInt32) throws -> UInt32? {
    // Mostly it is the neighbour, and the whole map need not be read.
    if page < map.pageCount, let entry = try? map.entry(of: page + 1), entry.kind == .overflow,
      entry.parent == page
    {
      return page + 1
    }
    let following = try map.children(of: page, [.overflow])
    guard following.count <= 1 else {
      throw UnmendablePage(page: page, reason: "two pages say they follow it")
    }
    return following.first
  }

  // MARK: Leaves

  /// Numbers of the rows that can only stand on a leaf.
  private func rows(of leaf: UInt32) throws -> ClosedRange<Int64> {
    var lower = Int64.min
    var upper = Int64.max
    var page = leaf
    for _ in 0..<Self.depthMax {
      let entry = try map.entry(of: page)
      guard entry.kind == .tree else { return lower...upper }
      let above = try map.page(entry.parent)
      guard above.isSound, above.bytes[0] == Self.interiorFlag else {
        throw UnmendablePage(page: leaf, reason: "the page that leads to it is damaged too")
      }
      var before: Int64?
      var after: Int64?
      var isFound = above.bytes.bigEndian32(at: 8) == page
      for cell in cells(of: above.bytes) {
        var offset = cell + 4
        guard let key = above.bytes.sqliteNumber(at: &offset).map({ Int64(bitPattern: $0) }) else { continue }
        if above.bytes.bigEndian32(at: cell) == page {
          isFound = true
          after = key
          break
        }
        before = key
      }
      guard isFound else { throw UnmendablePage(page: leaf, reason: "no page leads to it") }
      if let before, before < Int64.max { lower = max(lower, before + 1) }
      if let after { upper = min(upper, after) }
      page = entry.parent
    }
    throw UnmendablePage(page: leaf, reason: "no root leads to it")
  }

  /// A leaf with made-up rows: one for each chain that hangs on the damaged one, of its length, and at least one, so
  /// that deleting them changes the page.
  private func emptied(_ leaf: UInt32, _ rows: ClosedRange<Int64>) throws -> [UInt8] {
    let chains = try map.children(of: leaf, [.firstOverflow])
    let count = max(1, Int64(chains.count))
    let first = rows.upperBound == .max ? max(rows.lowerBound, 1) : rows.upperBound - count + 1
    let numbers = first..<first + count
    var page = [UInt8](repeating: 0, count: map.pageBytes)
    var content = map.usableBytes
    for (index, number) in numbers.enumerated() {
      let cell = try cell(number, chain: index < chains.count ? chains[index] : nil)
      content -= cell.count
      guard rows.contains(number), content >= 8 + 2 * numbers.count else {
        throw UnmendablePage(page: leaf, reason: "its rows have more pages than it can have had")
      }
      page.replaceSubrange(content..<content + cell.count, with: cell)
      page[8 + 2 * index] = UInt8(content >> 8)
      page[9 + 2 * index] = UInt8(content & 0xFF)
    }
    page[0] = Self.leafFlag
    page[4] = UInt8(numbers.count)
    // 65,536 is written as 0.
    page[5] = UInt8(content >> 8 & 0xFF)
    page[6] = UInt8(content & 0xFF)
    return page
  }

  private func cell(_ row: Int64, chain first: UInt32?) throws -> [UInt8] {
    var length = 0
    var page = first
    while let current = page {
      length += 1
      guard length <= Int(map.pageCount) else {
        throw UnmendablePage(page: current, reason: "its chain has no end")
      }
      page = try next(after: current)
    }
    // As many bytes on the leaf as must be, and the rest of them fills the chain.
    let local = first == nil ? 4 : localBytesMin
    var cell: [UInt8] = []
    cell.append(sqliteNumber: UInt64(local + length * (map.usableBytes - 4)))
    cell.append(sqliteNumber: UInt64(bitPattern: row))
    cell.append(contentsOf: [UInt8](repeating: 0, count: local + (first == nil ? 0 : 4)))
    if let first { cell.setBigEndian32(first, at: cell.count - 4) }
    return cell
  }

  private var localBytesMin: Int { (map.usableBytes - 12) * 32 / 255 - 23 }

  /// Bytes of a row that stand on its leaf.
  private func localBytes(ofPayload byteCount: Int) -> Int {
    guard byteCount > map.usableBytes - 35 else { return byteCount }
    let filled = localBytesMin + (byteCount - localBytesMin) % (map.usableBytes - 4)
    return filled <= map.usableBytes - 35 ? filled : localBytesMin
  }

  /// Where the cells of a page begin.
  private func cells(of page: [UInt8]) -> [Int] {
    let start = page[0] == Self.interiorFlag ? 12 : 8
    let count = Int(page[3]) << 8 | Int(page[4])
    return (0..<count).compactMap { index in
      let at = start + 2 * index
      guard at + 2 <= map.usableBytes else { return nil }
      let cell = Int(page[at]) << 8 | Int(page[at + 1])
      return cell + 4 <= map.usableBytes ? cell : nil
    }
  }
}
