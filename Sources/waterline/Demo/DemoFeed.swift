import DemoOrganisation
import FileImport
import UsageModel

/// The demo's events day by day: first as a file to load, then one by one to send.
final class DemoFeed {
  private let plan: DemoPlan
  private let renderer: EventRenderer
  private var generator: EventGenerator
  private var dayIndex = 0
  private var held: [DemoEvent]?

  init(plan: DemoPlan) {
    self.plan = plan
    renderer = EventRenderer(plan: plan)
    generator = EventGenerator(plan: plan)
  }

  /// Complete once all days were drawn.
  var tickets: [DemoTicket] { generator.tickets }

  /// The last day of the plan with at least so many events; days from it on are sent live.
  func firstLiveDay(eventsMin: Int) -> Int {
    var probe = EventGenerator(plan: plan)
    var day = 0
    var last = 0
    while let events = probe.nextDay() {
      if events.count >= eventsMin { last = day }
      day += 1
    }
    return last
  }

  /// The days before `untilDay` as NDJSON.
  func input(untilDay: Int) -> ByteInput {
    var pending: [UInt8] = []
    var offset = 0
    return ByteInput { [self] buffer in
      while offset == pending.count && dayIndex < untilDay {
        guard let events = generator.nextDay() else { break }
        dayIndex += 1
        pending.removeAll(keepingCapacity: true)
        offset = 0
        for event in events { renderer.append(event, to: &pending) }
      }
      let count = min(buffer.count, pending.count - offset)
      buffer.copyBytes(from: pending[offset..<offset + count])
      offset += count
      return count
    }
  }

  /// Every event of the remaining days, each as one JSON line.
  func forEachRemainingLine(_ body: (UnsafeRawBufferPointer) throws -> Void) throws {
    var line: [UInt8] = []
    while let events = generator.nextDay() {
      for event in events {
        line.removeAll(keepingCapacity: true)
        renderer.append(event, to: &line)
        try line.withUnsafeBytes(body)
      }
    }
  }
}
