/// The stored form of an event's attributes: a JSON object with keys in byte order and no white space,
/// so that equal attributes are equal bytes.
package enum AttributesText {
  /// Renders attributes; the empty string for none.
  package static func render(_ attributes: [(key: [UInt8], value: [UInt8])]) -> [UInt8] {
    guard !attributes.isEmpty else { return [] }
    var output: [UInt8] = [0x7B]
    for (index, attribute) in attributes.sorted(by: { $0.key.lexicographicallyPrecedes($1.key) }).enumerated()
    {
      if index > 0 { output.append(0x2C) }
      JSONText.appendString(attribute.key, to: &output)
      output.append(0x3A)
      JSONText.appendString(attribute.value, to: &output)
    }
    output.append(0x7D)
    return output
  }

  /// Reads what ``render(_:)`` wrote; unreadable text gives no attributes.
  package static func parse(_ text: String) -> [String: String] {
    var text = text
    return text.withUTF8 { bytes in
      guard let start = bytes.baseAddress else { return [:] }
      var result: [String: String] = [:]
      let scratch = UnsafeMutablePointer<UInt8>.allocate(capacity: bytes.count)
      defer { scratch.deallocate() }
      var scanner = JSONScanner(start, end: start + bytes.count, scratch: scratch)
      do {
        try scanner.expect(0x7B)
        while scanner.peek() == 0x22 {
          let key = try scanner.string()
          try scanner.expect(0x3A)
          let value = try scanner.string()
          result[Self.string(key)] = Self.string(value)
          if scanner.peek() == 0x2C { scanner.advance() }
        }
      } catch {
        return [:]
      }
      return result
    }
  }

  private static func string(_ text: JSONScanner.Text) -> String {
    String(decoding: UnsafeBufferPointer(start: text.start, count: text.length), as: UTF8.self)
  }
}

/// JSON string escaping, shared by writers of this module.
package enum JSONText {
  /// Appends a quoted string; the bytes must be UTF-8.
  package static func appendString(_ bytes: some Sequence<UInt8>, to output: inout [UInt8]) {
    let hexadecimal: [UInt8] = Array("0123456789abcdef".utf8)
    output.append(0x22)
    for byte in bytes {
      switch byte {
      case 0x22, 0x5C:
        output.append(0x5C)
        output.append(byte)
      case 0x0A: output.append(contentsOf: [0x5C, 0x6E])
      case 0x0D: output.append(contentsOf: [0x5C, 0x72])
      case 0x09: output.append(contentsOf: [0x5C, 0x74])
      case 0..<0x20:
        output.append(contentsOf: [0x5C, 0x75, 0x30, 0x30])
        output.append(hexadecimal[Int(byte >> 4)])
        output.append(hexadecimal[Int(byte & 15)])
      default: output.append(byte)
      }
    }
    output.append(0x22)
  }
}
