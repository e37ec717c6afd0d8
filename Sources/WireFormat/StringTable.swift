import CHash

/// Distinct byte strings of one batch, each under a small number; number 0 means "absent".
///
/// Interning copies a string's bytes once, on its first occurrence; later ones cost a hash and a
/// comparison. Not thread-safe: a batch has one owner at a time.
///
/// - Complexity: `intern` is O(length) expected; memory grows with distinct strings only.
package struct StringTable: ~Copyable {
  private var arena: UnsafeMutablePointer<UInt8>
  private var arenaCapacity: Int
  package private(set) var arenaCount = 0
  /// Arena and slots beyond these are given back when the table is emptied: 6 MiB together.
  private static let arenaBytesKeptMax = 4 << 20
  private static let slotsKeptMax = 1 << 19

  /// End offset in the arena of string `n` at index `n`; string 0 is empty.
  private var ends: [UInt32] = [0]
  private var hashes: [UInt64] = [0]
  /// Open addressing with linear probing; 0 is a free slot.
  ///
  /// Power-of-two size, at most half full.
  private var slots: [UInt32]
  private var mask: Int

  package init(slotCount: Int = 1_024) {
    arenaCapacity = 16_384
    arena = .allocate(capacity: arenaCapacity)
    slots = [UInt32](repeating: 0, count: slotCount)
    mask = slotCount - 1
  }

  deinit { arena.deallocate() }

  /// Number of strings, the absent one included.
  package var count: Int { ends.count }

  /// Forgets all strings and keeps the memory, unless a burst made the table unusually large.
  package mutating func removeAll() {
    if arenaCapacity > Self.arenaBytesKeptMax || slots.count > Self.slotsKeptMax {
      self = StringTable()
      return
    }
    arenaCount = 0
    ends.removeAll(keepingCapacity: true)
    hashes.removeAll(keepingCapacity: true)
    ends.append(0)
    hashes.append(0)
    slots.withUnsafeMutableBufferPointer { $0.update(repeating: 0) }
  }

  /// The number of a string, new or known.
  ///
  /// - Precondition: the table's bytes stay under 4 GiB; batches are sealed long before.
  package mutating func intern(_ bytes: UnsafePointer<UInt8>, _ length: Int) -> UInt32 {
    let hash = wl_hash64(bytes, UInt(length))
    var slot = Int(truncatingIfNeeded: hash) & mask
    while true {
      let number = slots[slot]
      if number == 0 { return insert(bytes, length, hash: hash, slot: slot) }
      if hashes[Int(number)] == hash, isEqual(number, bytes, length) { return number }
      slot = (slot &+ 1) & mask
    }
  }

  /// Whether string `number` has exactly these bytes.
  @inline(__always)
  package func isEqual(_ number: UInt32, _ bytes: UnsafePointer<UInt8>, _ length: Int) -> Bool {
    guard number > 0 else { return false }
    let start = Int(ends[Int(number) - 1])
    guard Int(ends[Int(number)]) - start == length else { return false }
    return memoryIsEqual(arena + start, bytes, length)
  }

  /// The bytes of a string; valid until the table changes.
  @inline(__always)
  package func withBytes<Result>(of number: UInt32, _ body: (UnsafeBufferPointer<UInt8>) -> Result) -> Result
  {
    guard number > 0 else { return body(UnsafeBufferPointer(start: nil, count: 0)) }
    let start = Int(ends[Int(number) - 1])
    return body(UnsafeBufferPointer(start: arena + start, count: Int(ends[Int(number)]) - start))
  }

  /// A string as text; nil for number 0.
  package func text(of number: UInt32) -> String? {
    number == 0 ? nil : withBytes(of: number) { String(decoding: $0, as: UTF8.self) }
  }

  @inline(never)
  private mutating func insert(
    _ bytes: UnsafePointer<UInt8>, _ length: Int, hash: UInt64, slot: Int
  ) -> UInt32 {
    if arenaCount + length > arenaCapacity { growArena(toHold: arenaCount + length) }
    (arena + arenaCount).update(from: bytes, count: length)
    arenaCount += length
    let number = UInt32(ends.count)
    ends.append(UInt32(arenaCount))
    hashes.append(hash)
    slots[slot] = number
    if ends.count * 2 > slots.count { rehash(slotCount: slots.count * 2) }
    return number
  }

  private mutating func growArena(toHold byteCount: Int) {
    let capacity = max(byteCount, arenaCapacity * 2)
    let larger = UnsafeMutablePointer<UInt8>.allocate(capacity: capacity)
    larger.update(from: arena, count: arenaCount)
    arena.deallocate()
    arena = larger
    arenaCapacity = capacity
  }

  private mutating func rehash(slotCount: Int) {
    slots = [UInt32](repeating: 0, count: slotCount)
    mask = slotCount - 1
    for number in 1..<ends.count {
      var slot = Int(truncatingIfNeeded: hashes[number]) & mask
      while slots[slot] != 0 { slot = (slot &+ 1) & mask }
      slots[slot] = UInt32(number)
    }
  }
}

/// Byte equality of two stretches of the same length; short ones, eight bytes at a time.
@inline(__always)
func memoryIsEqual(_ left: UnsafePointer<UInt8>, _ right: UnsafePointer<UInt8>, _ length: Int) -> Bool {
  var offset = 0
  while offset &+ 8 <= length {
    let leftWord = UnsafeRawPointer(left + offset).loadUnaligned(as: UInt64.self)
    let rightWord = UnsafeRawPointer(right + offset).loadUnaligned(as: UInt64.self)
    if leftWord != rightWord { return false }
    offset &+= 8
  }
  while offset < length {
    if left[offset] != right[offset] { return false }
    offset &+= 1
  }
  return true
}
