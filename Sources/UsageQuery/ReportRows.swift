import Aggregation
import UsageModel

/// One row before suppression and order.
struct ReportRow {
  /// By key column, the rank of its value.
  var key: [Int32]
  var people: RowPeople
  /// Ascending: what stands before the order of the keys.
  var priority: [Int64] = []
  /// Empty where they are written later.
  var values: [ReportValue] = []
}

/// A shown row's own values, without its keys.
struct RowValues {
  let row: [ReportValue]
  let keyCount: Int

  subscript(position: Int) -> ReportValue { row[keyCount + position] }
}

/// Orders and suppresses rows, and spells out their keys.
struct ReportRows {
  /// What is shown, in order: keys, then values.
  private(set) var shown: [[ReportValue]] = []
  private(set) var suppressedCount = 0
  private let keyCount: Int

  /// The shown rows' own values.
  var values: [RowValues] { shown.map { RowValues(row: $0, keyCount: keyCount) } }

  init(_ rows: [ReportRow], columns: [RowLayout.Column], minimumPeople: Int) {
    self.init(rows, columns: columns, minimumPeople: minimumPeople) { $1 += rows[$0].values }
  }

  /// - Parameter appendValues: appends the values of one of the rows, asked for those that are shown.
  init(
    _ rows: [ReportRow], columns: [RowLayout.Column], minimumPeople: Int,
    appendValues: (_ index: Int, _ row: inout [ReportValue]) -> Void
  ) {
    keyCount = columns.count
    let places = GroupOrder(columns: columns).places(of: rows.map(\.key))
    let suppression = Suppression(
      rows: rows.map { Suppression.Row(people: $0.people, columnRanks: $0.key) },
      blockOfColumn: columns.map(\.block), placeInOrder: places, minimumPeople: minimumPeople)
    let ordered = Self.order(rows, places: places).filter { !suppression.isSuppressed[$0] }
    suppressedCount = rows.count - ordered.count
    let tables = columns.map { column in column.table.values.map { ReportValue($0) } }
    shown.reserveCapacity(ordered.count)
    var widest = 0
    for index in ordered {
      var row: [ReportValue] = []
      row.reserveCapacity(widest)
      for (table, rank) in zip(tables, rows[index].key) { row.append(table[Int(rank)]) }
      appendValues(index, &row)
      widest = max(widest, row.count)
      shown.append(row)
    }
  }

  /// Rows by priority, then by their places.
  private static func order(_ rows: [ReportRow], places: [Int32]) -> [Int] {
    var order = [Int](repeating: 0, count: rows.count)
    for (index, place) in places.enumerated() { order[Int(place)] = index }
    guard rows.contains(where: { !$0.priority.isEmpty }) else { return order }
    return order.sorted { left, right in
      rows[left].priority == rows[right].priority
        ? places[left] < places[right]
        : rows[left].priority.lexicographicallyPrecedes(rows[right].priority)
    }
  }
}

/// The order of rows where the methods give none: their key values joined by commas, as bytes; ties by the
/// columns one by one, absent first.
private struct GroupOrder {
  private let columns: [RowLayout.Column]

  init(columns: [RowLayout.Column]) { self.columns = columns }

  /// By row, its place in the order.
  func places(of keys: [[Int32]]) -> [Int32] {
    // Where no value holds a comma, comparing "value," column by column is the same, and needs no text.
    let hasCommas = columns.contains { column in
      column.table.values.contains { $0?.utf8.contains(UInt8(ascii: ",")) ?? false }
    }
    let order: [Int]
    if hasCommas {
      let ranks = ranksByText(keys)
      order = RankOrder.order(rowCount: keys.count, columnCount: 1 + columns.count) { row, column in
        column == 0 ? ranks[row] : keys[row][column - 1]
      }
    } else {
      let ranks = columns.indices.map(rankOfValueWithComma(column:))
      order = RankOrder.order(rowCount: keys.count, columnCount: 2 * columns.count) { row, column in
        column < ranks.count ? ranks[column][Int(keys[row][column])] : keys[row][column - ranks.count]
      }
    }
    var places = [Int32](repeating: 0, count: keys.count)
    for (place, index) in order.enumerated() { places[index] = Int32(truncatingIfNeeded: place) }
    return places
  }

  /// By rank of a column's value, its rank once a comma follows (none follows the last column).
  private func rankOfValueWithComma(column: Int) -> [Int32] {
    let isLast = column == columns.count - 1
    let texts = columns[column].table.values.map { Utf8Key(($0 ?? "") + (isLast ? "" : ",")) }
    return Self.ranks(of: texts)
  }

  /// By row, the rank of its values with commas between.
  private func ranksByText(_ keys: [[Int32]]) -> [Int32] {
    Self.ranks(
      of: keys.map { key in
        Utf8Key(zip(columns, key).map { $0.table.values[Int($1)] ?? "" }.joined(separator: ","))
      })
  }

  /// Equal texts have equal ranks.
  private static func ranks(of texts: [Utf8Key]) -> [Int32] {
    let order = texts.indices.sorted { texts[$0] < texts[$1] }
    var ranks = [Int32](repeating: 0, count: texts.count)
    var rank: Int32 = 0
    for (position, index) in order.enumerated() {
      if position > 0, texts[order[position - 1]] != texts[index] { rank += 1 }
      ranks[index] = rank
    }
    return ranks
  }
}

extension ReportValue {
  /// A text, or null.
  init(_ text: String?) { self = text.map(ReportValue.text) ?? .null }

  /// A share or score, or null.
  init(_ number: Double?) { self = number.map(ReportValue.number) ?? .null }

  /// A count or time, or null.
  init(_ integer: Int64?) { self = integer.map(ReportValue.integer) ?? .null }

  /// A count.
  init(count: Int) { self = .integer(Int64(count)) }
}
