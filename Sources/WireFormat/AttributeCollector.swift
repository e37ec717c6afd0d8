import UsageModel

/// Gathers an event's attributes: those it gave, and unknown fields as far as there is room.
struct AttributeCollector {
  private var given: [(key: [UInt8], value: [UInt8])] = []
  private var unknown: [(key: [UInt8], value: [UInt8])] = []
  private(set) var isWithinBounds = true

  var isEmpty: Bool { given.isEmpty && unknown.isEmpty && isWithinBounds }

  /// A second `attributes` member replaces the first.
  mutating func removeGiven() {
    given.removeAll()
    isWithinBounds = true
  }

  /// Adds a member of `attributes`; breaking a bound spoils the event.
  mutating func add(_ key: JSONScanner.Text, _ value: JSONScanner.Text) {
    // Once spoilt, nothing more is kept: a line may hold thousands of keys to compare with each other.
    guard isWithinBounds, key.length > 0, key.length <= EventLimits.attributeKeyBytesMax,
      value.length <= EventLimits.attributeValueBytesMax
    else {
      isWithinBounds = false
      return
    }
    Self.set(&given, Self.bytes(key), Self.bytes(value))
    if given.count > EventLimits.attributesMax { isWithinBounds = false }
  }

  /// Adds an unknown field if it fits; what does not is ignored.
  mutating func addUnknown(_ key: JSONScanner.Text, _ value: JSONScanner.Text) {
    guard key.length > 0, key.length <= EventLimits.attributeKeyBytesMax,
      value.length <= EventLimits.attributeValueBytesMax,
      unknown.count < EventLimits.attributesMax
    else { return }
    Self.set(&unknown, Self.bytes(key), Self.bytes(value))
  }

  /// The stored form; given attributes go before unknown fields of the same name.
  func render() -> [UInt8] {
    var all = given
    for extra in unknown where all.count < EventLimits.attributesMax {
      if !all.contains(where: { $0.key == extra.key }) { all.append(extra) }
    }
    return AttributesText.render(all)
  }

  private static func set(
    _ list: inout [(key: [UInt8], value: [UInt8])], _ key: [UInt8], _ value: [UInt8]
  ) {
    if let index = list.firstIndex(where: { $0.key == key }) {
      list[index].value = value
    } else {
      list.append((key, value))
    }
  }

  private static func bytes(_ text: JSONScanner.Text) -> [UInt8] {
    Array(UnsafeBufferPointer(start: text.start, count: text.length))
  }
}

extension AttributeCollector? {
  /// The collector, made if need be, with an unknown field added as far as there is room.
  func adding(_ key: JSONScanner.Text, _ value: JSONScanner.Text) -> AttributeCollector {
    var collector = self ?? AttributeCollector()
    collector.addUnknown(key, value)
    return collector
  }

  func adding(_ key: JSONScanner.Text, _ value: StaticString) -> AttributeCollector {
    adding(key, JSONScanner.Text(start: value.utf8Start, length: value.utf8CodeUnitCount))
  }
}

/// Kinds and outcomes by their names.
package enum EventNames {
  @inline(__always)
  package static func kind(_ start: UnsafePointer<UInt8>, _ length: Int) -> EventKind? {
    switch length {
    case 3: matches(start, "use") ? .use : nil
    case 4: matches(start, "help") ? .help : nil
    case 5: matches(start, "focus") ? .focus : nil
    case 12: matches(start, "interruption") ? .interruption : nil
    default: nil
    }
  }

  @inline(__always)
  package static func outcome(_ start: UnsafePointer<UInt8>, _ length: Int) -> EventOutcome? {
    switch length {
    case 2: matches(start, "ok") ? .ok : nil
    case 5: matches(start, "error") ? .error : nil
    case 9: matches(start, "abandoned") ? .abandoned : nil
    default: nil
    }
  }

  @inline(__always)
  private static func matches(_ start: UnsafePointer<UInt8>, _ name: StaticString) -> Bool {
    memoryIsEqual(start, name.utf8Start, name.utf8CodeUnitCount)
  }
}
