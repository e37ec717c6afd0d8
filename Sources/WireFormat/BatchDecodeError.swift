/// Why a whole protobuf batch is refused (`schemas/usage-batch.md`, "Errors").
package enum BatchDecodeError: Error, Equatable, CustomStringConvertible {
  /// Longer than ``UsageBatchFrame/batchBytesMax``.
  case tooLarge(byteCount: Int)
  /// Not a protobuf message.
  case malformed(ProtobufError)
  /// A known field written as another type.
  case wireType(column: String, found: ProtobufWireType)
  /// `count` is over ``UsageBatchColumns/eventsMax``.
  case tooManyEvents(count: UInt64)
  /// More values than any batch may have, whatever its `count`.
  case tooManyValues(column: String, limit: Int)
  case tooManyStrings(limit: Int)
  /// A column whose number of values is neither 0 nor what `count`, or the attribute counts, ask.
  case columnLength(name: String, expected: Int, actual: Int)
  /// An index behind the end of `strings`.
  case stringIndex(column: String, row: Int, index: UInt32, stringCount: Int)
  /// `strings` begins with a text that is not empty.
  case reservedString
  /// Differences that add up to more than 64 bits.
  case overflow(column: String, row: Int)

  package var description: String {
    switch self {
    case .tooLarge(let byteCount):
      "batch of \(byteCount) bytes is over \(UsageBatchFrame.batchBytesMax)"
    case .malformed(let error): error.description
    case .wireType(let column, let found): "\(column) has wire type \(found.rawValue)"
    case .tooManyEvents(let count): "\(count) events are over \(UsageBatchColumns.eventsMax)"
    case .tooManyValues(let column, let limit): "\(column) has more than \(limit) values"
    case .tooManyStrings(let limit): "more than \(limit) strings"
    case .columnLength(let name, let expected, let actual): "\(name) has \(actual) values, not \(expected)"
    case .stringIndex(let column, let row, let index, let stringCount):
      "\(column) of event \(row) is string \(index) of \(stringCount)"
    case .reservedString: "string 0 is reserved but not empty"
    case .overflow(let column, let row): "\(column) overflows at event \(row)"
    }
  }
}
