import UsageModel

/// One column's values: absent first, then by UTF-8 bytes, so that a value's index is its rank.
struct ValueTable {
  /// Index 0 stands for "absent" and is always there.
  let values: [String?]
  private let rankOfValue: [Utf8Key: Int32]

  /// - Parameter values: in any order, repeated or not.
  init(_ values: some Sequence<String>) {
    let sorted = Set(values.map(Utf8Key.init)).sorted()
    self.values = [nil] + sorted.map(\.text)
    rankOfValue = Dictionary(
      uniqueKeysWithValues: sorted.enumerated().map { ($1, Int32(truncatingIfNeeded: $0 + 1)) })
  }

  /// The value's rank; 0 for nil, nil when no row has it.
  func rank(of value: String?) -> Int32? {
    guard let value else { return 0 }
    return rankOfValue[Utf8Key(value)]
  }
}

/// One attribute of all members of a population.
struct AttributeTable {
  let table: ValueTable
  /// By member.
  let rankOfMember: [Int32]

  /// - Parameter texts: by member; empty is absent.
  init(_ texts: [String]) {
    // Members outnumber the values by far: each text is looked up once, and only the values are sorted.
    var numberOfValue: [Utf8Key: Int] = [:]
    var values: [String] = []
    let numberOfMember = texts.map { text -> Int? in
      guard !text.isEmpty else { return nil }
      if let known = numberOfValue[Utf8Key(text)] { return known }
      numberOfValue[Utf8Key(text)] = values.count
      values.append(text)
      return values.count - 1
    }
    let table = ValueTable(values)
    let rankOfNumber = values.map { table.rank(of: $0) ?? 0 }
    self.table = table
    rankOfMember = numberOfMember.map { $0.map { rankOfNumber[$0] } ?? 0 }
  }
}
