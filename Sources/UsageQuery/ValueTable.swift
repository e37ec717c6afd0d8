import EventStore
import UsageModel

/// One column's values: absent first, then by UTF-8 bytes, so that a value's index is its rank.
struct ValueTable {
  /// Index 0 stands for "absent" and is always there.
  let values: [String?]

  /// - Parameter values: in any order, repeated or not.
  init(_ values: some Sequence<String>) {
    self.init(sorted: Set(values.map(Utf8Key.init)).sorted().map(\.text))
  }

  /// - Parameter sorted: by UTF-8 bytes, each once.
  init(sorted: [String]) { values = [nil] + sorted }

  /// The value's rank; 0 for nil, nil when no row has it.
  ///
  /// - Complexity: O(log values).
  func rank(of value: String?) -> Int32? {
    guard let value else { return 0 }
    var low = 1
    var high = values.count
    while low < high {
      let middle = low + (high - low) / 2
      if values[middle]?.precedesByBytes(value) ?? true { low = middle + 1 } else { high = middle }
    }
    guard low < values.count, values[low]?.hasSameBytes(as: value) ?? false else { return nil }
    return Int32(truncatingIfNeeded: low)
  }
}

/// One attribute of all members of a population.
struct AttributeTable {
  let table: ValueTable
  /// By member.
  let rankOfMember: [Int32]

  /// The attribute as the members' rows of the roster have it; the table holds only values that a member has.
  ///
  /// - Parameter rows: by member.
  /// - Complexity: O(members + values).
  init(_ attribute: PeopleColumns.Attribute, rows: [Int32]) {
    var rankOfNumber = [Int32](repeating: 0, count: attribute.values.count + 1)
    for row in rows { rankOfNumber[Int(attribute.numberOfRow[Int(row)])] = 1 }
    rankOfNumber[0] = 0
    var values: [String] = []
    for number in rankOfNumber.indices where rankOfNumber[number] > 0 {
      values.append(attribute.values[number - 1])
      rankOfNumber[number] = Int32(truncatingIfNeeded: values.count)
    }
    table = ValueTable(sorted: values)
    rankOfMember = rows.map { rankOfNumber[Int(attribute.numberOfRow[Int($0)])] }
  }

  /// An attribute that nobody has.
  init(memberCount: Int) {
    table = ValueTable(sorted: [])
    rankOfMember = [Int32](repeating: 0, count: memberCount)
  }
}
