/// Texts by number, one behind the other as UTF-8: a list of many names without an object for each.
package struct NameList: RandomAccessCollection, Equatable, Sendable {
  /// All texts' bytes.
  package private(set) var bytes: [UInt8] = []
  /// By number: where the text ends in ``bytes``.
  package private(set) var ends: [UInt32] = []

  package init() {}

  /// - Returns: nil unless the ends ascend and the last one is the end of the bytes.
  package init?(bytes: [UInt8], ends: [UInt32]) {
    var last: UInt32 = 0
    for end in ends {
      guard end >= last else { return nil }
      last = end
    }
    guard Int(last) == bytes.count else { return nil }
    self.bytes = bytes
    self.ends = ends
  }

  package var startIndex: Int { 0 }
  package var endIndex: Int { ends.count }

  package subscript(number: Int) -> String { withBytes(of: number) { String(decoding: $0, as: UTF8.self) } }

  /// Calls the body with a text's bytes; they must not escape it.
  @inline(__always)
  package func withBytes<Result>(of number: Int, _ body: (UnsafeBufferPointer<UInt8>) -> Result) -> Result {
    let start = number == 0 ? 0 : Int(ends[number - 1])
    let end = Int(ends[number])
    return bytes.withUnsafeBufferPointer { body(UnsafeBufferPointer(rebasing: $0[start..<end])) }
  }

  /// - Precondition: all texts together stay under 4 GiB; each is at most 256 bytes.
  package mutating func append(_ text: UnsafeBufferPointer<UInt8>) {
    bytes.append(contentsOf: text)
    ends.append(UInt32(bytes.count))
  }

  package mutating func append(_ text: String) {
    bytes.append(contentsOf: text.utf8)
    ends.append(UInt32(bytes.count))
  }

  package mutating func reserveCapacity(_ count: Int) { ends.reserveCapacity(count) }
}
