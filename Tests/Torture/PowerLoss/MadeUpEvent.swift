import UsageModel

/// Events to commit, as JSON lines and as the text that they are compared by.
struct MadeUpEvent {
  var time: Int64
  var user: String
  var feature: String
  /// "" for an event without a number.
  var source: String
  var sequence: Int64
  var session: String

  private static let day: Int64 = 86_400_000
  private static let start: Int64 = 20_454 * day

  /// - Parameter names: the larger, the more new names an event brings.
  static func make(
    source: String, sequence: Int64, names: Int, using random: inout SeededRandom
  ) -> MadeUpEvent {
    func pick(_ word: String) -> String { "\(word)\(Int.random(in: 0..<names, using: &random))" }
    return MadeUpEvent(
      time: start + Int64.random(in: 0..<4 * day, using: &random), user: pick("user"),
      feature: pick("feature"),
      source: source, sequence: sequence, session: Bool.random(using: &random) ? pick("session") : "")
  }

  var line: String {
    let numbered = source.isEmpty ? "" : #","source":"\#(source)","seq":\#(sequence)"#
    let session = session.isEmpty ? "" : #","session":"\#(session)""#
    return #"{"time":\#(time),"user":"\#(user)","app":"erp","feature":"\#(feature)"\#(session)\#(numbered)}"#
      + "\n"
  }

  var text: String {
    Self.text(
      time: time, user: user, feature: "erp/" + feature, kind: Int64(EventKind.use.rawValue), source: source,
      sequence: sequence,
      session: session)
  }

  static func text(
    time: Int64, user: String, feature: String, kind: Int64, source: String, sequence: Int64, session: String
  ) -> String {
    "\(source) \(sequence) \(time) \(user) \(feature) \(kind) \(session)"
  }
}
