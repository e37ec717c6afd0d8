import WireFormat

/// Table numbers of the strings of one batch, so that each distinct name is resolved once a batch.
struct BatchNumbering {
  enum Kind: Int, CaseIterable {
    case user
    case label
    case source
  }

  /// By kind, then by string number; 0 unknown.
  private var numbers: [[Int64]] = Kind.allCases.map { _ in [] }
  private var features: [UInt64: Int64] = [:]
  private var lastKey: UInt64 = 0
  private var lastFeature: Int64 = 0

  /// Forgets the batch before and makes room for this one.
  mutating func start(_ batch: EventBatch) {
    for kind in Kind.allCases {
      numbers[kind.rawValue].removeAll(keepingCapacity: true)
      numbers[kind.rawValue].append(contentsOf: repeatElement(0, count: batch.strings.count))
    }
    features.removeAll(keepingCapacity: true)
    lastFeature = 0
  }

  subscript(kind: Kind, string: UInt32) -> Int64? {
    get {
      let number = numbers[kind.rawValue][Int(string)]
      return number == 0 ? nil : number
    }
    set { numbers[kind.rawValue][Int(string)] = newValue ?? 0 }
  }

  /// Hands over a kind's numbers by string number; strings not resolved yet have 0.
  func withNumbers(_ kind: Kind, _ body: (UnsafeBufferPointer<Int64>) -> Void) {
    numbers[kind.rawValue].withUnsafeBufferPointer(body)
  }

  /// The number of an (app, feature) pair, if this batch has asked for it before.
  mutating func feature(_ app: UInt32, _ feature: UInt32) -> Int64? {
    let key = UInt64(app) << 32 | UInt64(feature)
    if lastFeature != 0 && key == lastKey { return lastFeature }
    guard let known = features[key] else { return nil }
    lastKey = key
    lastFeature = known
    return known
  }

  mutating func setFeature(_ app: UInt32, _ feature: UInt32, _ number: Int64) {
    features[UInt64(app) << 32 | UInt64(feature)] = number
  }
}
