import UsageModel
import WireFormat

/// JSON lines between two good ones: each line is stored or refused alone.
enum JSONAttack {
  private static let good = Array(
    #"{"time":1767225600000,"user":"ann","app":"erp","feature":"post","source":"pc","seq":7}"#.utf8)
  private static let batch = EventBatch()

  static func run(_ bytes: UnsafeRawBufferPointer) {
    let text = good + [0x0A] + bytes + [0x0A] + good
    batch.removeAll()
    DecodedEvents.json(text, into: batch)
    var lineCount = 2
    var isBlank = true
    for byte in bytes {
      if byte != 0x20 && byte != 0x09 && byte != 0x0D && byte != 0x0A && isBlank {
        lineCount += 1
        isBlank = false
      } else if byte == 0x0A {
        isBlank = true
      }
    }
    require(batch.count + batch.rejects.count == lineCount, "a line is lost, or counted twice")
    require(batch.count >= 2 && isGood(0) && isGood(batch.count - 1), "a neighbour is lost")
    let between = 1..<batch.count - 1
    DecodedEvents.requireBounds(batch, between)
    DecodedEvents.requireRoundTrip(DecodedEvents.lines(batch, between))
  }

  private static func isGood(_ row: Int) -> Bool {
    batch.time[row] == 1_767_225_600_000 && batch.sequence[row] == 7 && batch.durationPlusOne[row] == 0
      && batch.user[row] == batch.user[0] && batch.app[row] == batch.app[0]
      && batch.feature[row] == batch.feature[0] && batch.source[row] == batch.source[0]
      && batch.host[row] == 0 && batch.session[row] == 0 && batch.version[row] == 0 && batch.cause[row] == 0
      && batch.attributes[row] == 0
  }
}
