/// A JSON value, to be written with one line per member of the outer two levels.
enum JSONText {
  case object([(String, JSONText)])
  case array([JSONText])
  case text(String)
  case number(UInt64)
  case bool(Bool)

  static func number(_ value: Int) -> JSONText {
    .number(UInt64(max(0, value)))
  }

  func bytes() -> [UInt8] {
    var bytes: [UInt8] = []
    append(to: &bytes, depth: 0)
    bytes.append(UInt8(ascii: "\n"))
    return bytes
  }

  private func append(to bytes: inout [UInt8], depth: Int) {
    switch self {
    case .object(let members):
      Self.append(members, open: "{", close: "}", depth: depth, to: &bytes) { member, bytes in
        bytes.append(jsonString: member.0)
        bytes.append(text: ": ")
        member.1.append(to: &bytes, depth: depth + 1)
      }
    case .array(let items):
      Self.append(items, open: "[", close: "]", depth: depth, to: &bytes) { item, bytes in
        item.append(to: &bytes, depth: depth + 1)
      }
    case .text(let text): bytes.append(jsonString: text)
    case .number(let number): bytes.append(decimal: number)
    case .bool(let value): bytes.append(text: value ? "true" : "false")
    }
  }

  private static func append<Item>(
    _ items: [Item], open: String, close: String, depth: Int, to bytes: inout [UInt8],
    body: (Item, inout [UInt8]) -> Void
  ) {
    let breaksLines = depth < 2 && !items.isEmpty
    bytes.append(text: open)
    for (index, item) in items.enumerated() {
      if index > 0 { bytes.append(text: breaksLines ? "," : ", ") }
      if breaksLines { bytes.append(text: "\n" + String(repeating: " ", count: 2 * depth + 2)) }
      body(item, &bytes)
    }
    if breaksLines { bytes.append(text: "\n" + String(repeating: " ", count: 2 * depth)) }
    bytes.append(text: close)
  }
}
