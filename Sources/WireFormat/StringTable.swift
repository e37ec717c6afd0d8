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
  /// Arena and slots beyond these are given back when the table is emptied: 8 MiB together.
  private static let arenaBytesKeptMax = 4 << 20
  private static let slotsKeptMax = 1 << 19

  /// Number of strings, the absent one included.
  package private(set) var count = 1
  /// End offset in the arena of string `n` at index `n`; string 0 is empty.
  ///
  /// Room for as many as half the slots, the absent string, and one before the slots grow.
  private var ends: UnsafeMutablePointer<UInt32>
  /// Open addressing with linear probing: the hash's upper half above a string's number; 0 is a free slot.
  ///
  /// Power-of-two size, at most half full. With half the hash in the slot, a string that is another is
  /// nearly always told by this one look.
  private var slots: UnsafeMutablePointer<UInt64>
  private var mask: Int

  package init(slotCount: Int = 1_024) {
    arenaCapacity = 16_384
    arena = .allocate(capacity: arenaCapacity)
    slots = .allocate(capacity: slotCount)
    slots.initialize(repeating: 0, count: slotCount)
    ends = .allocate(capacity: slotCount / 2 + 2)
    ends[0] = 0
    mask = slotCount - 1
  }

  deinit {
    arena.deallocate()
    slots.deallocate()
    ends.deallocate()
  }

  private var slotCount: Int { mask + 1 }

  /// Forgets all strings and keeps the memory, unless a burst made the table unusually large.
  package mutating func removeAll() {
    if arenaCapacity > Self.arenaBytesKeptMax || slotCount > Self.slotsKeptMax {
      self = StringTable()
      return
    }
    arenaCount = 0
    count = 1
    slots.update(repeating: 0, count: slotCount)
  }

  /// The number of a string, new or known.
  ///
  /// - Precondition: the table's bytes stay under 4 GiB; batches are sealed long before.
  package mutating func intern(_ bytes: UnsafePointer<UInt8>, _ length: Int) -> UInt32 {
    intern(bytes, length, hash: Self.hash(bytes, length))
  }

  /// What ``prefetch(_:)`` and ``intern(_:_:hash:)`` know a string by.
  @inline(__always)
  package static func hash(_ bytes: UnsafePointer<UInt8>, _ length: Int) -> UInt64 {
    wl_hash64(bytes, UInt(length)) &>> 32
  }

  /// As above, for a string whose hash is known.
  package mutating func intern(_ bytes: UnsafePointer<UInt8>, _ length: Int, hash: UInt64) -> UInt32 {
    var slot = Int(truncatingIfNeeded: hash) & mask
    while true {
      let entry = slots[slot]
      if entry == 0 { return insert(bytes, length, hash: hash, slot: slot) }
      let number = UInt32(truncatingIfNeeded: entry)
      if entry &>> 32 == hash, isEqual(number, bytes, length) { return number }
      slot = (slot &+ 1) & mask
    }
  }

  /// Asks for the memory that interning some strings will touch.
  ///
  /// In a table of megabytes each string costs three cache misses, one after the other; asked for together,
  /// those of many strings overlap. Worth it from some 10,000 strings in the table on.
  package func prefetch(_ hashes: [UInt64]) {
    for hash in hashes { prefetch(hash) }
    for hash in hashes { wl_prefetch(ends + Int(firstNumber(hash))) }
    for hash in hashes { wl_prefetch(arena + Int(ends[Int(max(1, firstNumber(hash))) - 1])) }
  }

  /// Asks for the slot where the search for a string begins.
  @inline(__always)
  package func prefetch(_ hash: UInt64) { wl_prefetch(slots + (Int(truncatingIfNeeded: hash) & mask)) }

  /// The number in the first slot of a hash: nearly always that of the string, and 0 where there is none.
  @inline(__always)
  package func firstNumber(_ hash: UInt64) -> UInt32 {
    UInt32(truncatingIfNeeded: slots[Int(truncatingIfNeeded: hash) & mask])
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
    precondition(Int(number) < count, "BUG: no such string")
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
    let number = count
    ends[number] = UInt32(arenaCount)
    slots[slot] = hash &<< 32 | UInt64(number)
    count += 1
    if count * 2 > slotCount { growSlots() }
    return UInt32(number)
  }

  private mutating func growArena(toHold byteCount: Int) {
    let capacity = max(byteCount, arenaCapacity * 2)
    let larger = UnsafeMutablePointer<UInt8>.allocate(capacity: capacity)
    larger.update(from: arena, count: arenaCount)
    arena.deallocate()
    arena = larger
    arenaCapacity = capacity
  }

  private mutating func growSlots() {
    let old = UnsafeMutableBufferPointer(start: slots, count: slotCount)
    mask = old.count * 2 - 1
    slots = .allocate(capacity: slotCount)
    slots.initialize(repeating: 0, count: slotCount)
    for entry in old where entry != 0 {
      var slot = Int(truncatingIfNeeded: entry &>> 32) & mask
      while slots[slot] != 0 { slot = (slot &+ 1) & mask }
      slots[slot] = entry
    }
    old.deallocate()
    let ends = UnsafeMutablePointer<UInt32>.allocate(capacity: slotCount / 2 + 2)
    ends.update(from: self.ends, count: count)
    self.ends.deallocate()
    self.ends = ends
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
