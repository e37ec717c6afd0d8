import EventStore
import WireFormat

/// What a store must hold, kept the obvious way.
struct StoreModel {
  private var events: [String] = []
  private var numbers: [String: [Int64: MadeUpEvent]] = [:]
  private var ledgers: [String: StorePicture.Ledger] = ["": StorePicture.Ledger()]
  private var deadLetterCount = 0
  private var counters: [String: Int64] = [:]
  var organisation: String?
  private var highest: [String: Int64] = [:]

  var eventCount: Int { events.count }

  var picture: StorePicture {
    var ledgers = ledgers
    for (name, known) in numbers { ledgers[name]?.ranges = Self.ranges(known.keys.sorted()) }
    return StorePicture(
      events: events.sorted(), ledgers: ledgers, deadLetterCount: deadLetterCount, counters: counters,
      organisation: organisation)
  }

  private static func ranges(_ numbers: [Int64]) -> [ClosedRange<Int64>] {
    var ranges: [ClosedRange<Int64>] = []
    for number in numbers {
      if let last = ranges.last, last.upperBound + 1 == number {
        ranges[ranges.count - 1] = last.lowerBound...number
      } else {
        ranges.append(number...number)
      }
    }
    return ranges
  }

  /// Makes up a batch, and the model after it: new events, gaps, late numbers, redelivery, refused lines.
  func next(using random: inout SeededRandom) -> (lines: String, model: StoreModel) {
    var model = self
    var lines = ""
    let names = [3, 40, 100_000].randomElement(using: &random) ?? 3
    let size = [1, 5, 60, 400].randomElement(using: &random) ?? 1
    for _ in 0..<Int.random(in: 1...size, using: &random) {
      switch Int.random(in: 0..<20, using: &random) {
      case 0:
        lines += "not an event\n"
        model.refuse()
      case 1...3:
        lines += model.store(MadeUpEvent.make(source: "", sequence: 0, names: names, using: &random))
      case 4:
        if let line = model.redeliver(using: &random) { lines += line }
      default:
        lines += model.storeNumbered(names: names, using: &random)
      }
    }
    if lines.isEmpty {
      lines += "not an event\n"
      model.refuse()
    }
    return (lines, model)
  }

  private mutating func refuse() {
    ledgers["", default: .init()].rejected += 1
    deadLetterCount += 1
    counters["rejected.udp", default: 0] += 1
  }

  private mutating func store(_ event: MadeUpEvent) -> String {
    events.append(event.text)
    ledgers[event.source, default: .init()].stored += 1
    counters["stored.udp", default: 0] += 1
    return event.line
  }

  private mutating func storeNumbered(names: Int, using random: inout SeededRandom) -> String {
    let source = "pc\(Int.random(in: 0..<4, using: &random))"
    let known = numbers[source, default: [:]]
    var number = highest[source, default: 0] + Int64([1, 1, 1, 1, 3].randomElement(using: &random) ?? 1)
    // Late: a number out of a gap.
    if Int.random(in: 0..<6, using: &random) == 0,
      let gap = (1..<number).first(where: { known[$0] == nil })
    {
      number = gap
    }
    let event = MadeUpEvent.make(source: source, sequence: number, names: names, using: &random)
    numbers[source, default: [:]][number] = event
    highest[source] = max(highest[source, default: 0], number)
    return store(event)
  }

  private mutating func redeliver(using random: inout SeededRandom) -> String? {
    let source = "pc\(Int.random(in: 0..<4, using: &random))"
    let known = numbers[source, default: [:]].keys.sorted()
    guard let number = known.randomElement(using: &random), let event = numbers[source]?[number] else {
      return nil
    }
    ledgers[source, default: .init()].duplicate += 1
    counters["duplicate.udp", default: 0] += 1
    return event.line
  }
}
