import UsageModel

/// Why the first record of a CSV file is no header.
package enum CommaSeparatedHeaderError: Error, Equatable, CustomStringConvertible {
  /// A name that stands twice: which of the columns would count?
  case repeated(name: String)
  /// Columns that the file must have and has not.
  case missing(names: [String])
  /// A name that is not UTF-8; columns count from 1.
  case notUTF8(column: Int)

  package var description: String {
    switch self {
    case .repeated(let name): "the header names the column '\(name)' twice"
    case .missing(let names):
      "the header lacks the column\(names.count == 1 ? "" : "s") "
        + names.map { "'\($0)'" }.joined(separator: ", ")
    case .notUTF8(let column): "the name of column \(column) is not UTF-8"
    }
  }
}

/// The header of a CSV file: which cell holds which column, in whatever order they stand.
///
/// Names are compared by their bytes, without spaces and tabs around them.
package struct CommaSeparatedHeader: Equatable, Sendable {
  /// The names as they stand in the file; empty for a column without one.
  package let names: [String]

  /// Takes the reader's current record as the header.
  package init(_ reader: borrowing CommaSeparatedReader) throws(CommaSeparatedHeaderError) {
    var names: [String] = []
    for index in 0..<reader.cellCount {
      guard let text = reader.text(index) else { throw .notUTF8(column: index + 1) }
      names.append(text)
    }
    try self.init(names: names)
  }

  package init(names: [String]) throws(CommaSeparatedHeaderError) {
    let trimmed = names.map(Self.trimmed)
    for (index, name) in trimmed.enumerated() where !name.isEmpty {
      if trimmed[..<index].contains(where: { $0.hasSameBytes(as: name) }) { throw .repeated(name: name) }
    }
    self.names = trimmed
  }

  /// The cell that holds a column; nil when the file has none of that name.
  package func index(of name: String) -> Int? { names.firstIndex { $0.hasSameBytes(as: name) } }

  /// Names that are not among `known`, in the order of the file; nameless columns are left out.
  package func unknownNames(known: [String]) -> [String] {
    names.filter { name in !name.isEmpty && !known.contains { $0.hasSameBytes(as: name) } }
  }

  /// Fails unless every one of `required` is there.
  package func require(_ required: [String]) throws(CommaSeparatedHeaderError) {
    let missing = required.filter { index(of: $0) == nil }
    if !missing.isEmpty { throw .missing(names: missing) }
  }

  private static func trimmed(_ name: String) -> String {
    var rest = name[...]
    while let first = rest.first, first == " " || first == "\t" { rest.removeFirst() }
    while let last = rest.last, last == " " || last == "\t" { rest.removeLast() }
    return String(rest)
  }
}
