import Glibc

/// A text that is equal to, hashes like and is ordered against others by its UTF-8 bytes.
///
/// Swift's own `String` comparison uses canonical equivalence: the two spellings of "é" (one scalar, or
/// an "e" with a combining accent) are equal to it, though they are different names by
/// `docs/methods.md` section 1. Every dictionary key, comparison and sort of names goes through this type.
package struct Utf8Key: Hashable, Comparable, Sendable, CustomStringConvertible {
  package let text: String

  package init(_ text: String) { self.text = text }

  package var description: String { text }

  /// - Complexity: O(bytes).
  package static func == (left: Utf8Key, right: Utf8Key) -> Bool { left.text.hasSameBytes(as: right.text) }

  /// - Complexity: O(bytes).
  package static func < (left: Utf8Key, right: Utf8Key) -> Bool { left.text.precedesByBytes(right.text) }

  package func hash(into hasher: inout Hasher) {
    var copy = text
    copy.withUTF8 { hasher.combine(bytes: UnsafeRawBufferPointer($0)) }
  }
}

extension String {
  /// Whether both texts are the same UTF-8 bytes.
  package func hasSameBytes(as other: String) -> Bool {
    // Native texts are one stretch of bytes, which compares several times faster than the views.
    let fast = utf8.withContiguousStorageIfAvailable { left in
      other.utf8.withContiguousStorageIfAvailable { right -> Bool in
        guard left.count == right.count else { return false }
        guard let start = left.baseAddress, let otherStart = right.baseAddress else { return true }
        return memcmp(start, otherStart, left.count) == 0
      }
    }
    return fast.flatMap { $0 } ?? utf8.elementsEqual(other.utf8)
  }

  /// Whether this text stands before another in the order of their UTF-8 bytes.
  package func precedesByBytes(_ other: String) -> Bool {
    let fast = utf8.withContiguousStorageIfAvailable { left in
      other.utf8.withContiguousStorageIfAvailable { right in left.lexicographicallyPrecedes(right) }
    }
    return fast.flatMap { $0 } ?? utf8.lexicographicallyPrecedes(other.utf8)
  }
}
