/// Writes events as the interface's JSON lines.
///
///     {"time":1763712000123,"user":"u0001","app":"crm","feature":"quote.create","duration_ms":21408,…}
///
/// Fields at their default (`use`, `ok`) and absent ones are left out. Make one and keep it: it holds every
/// string as ready-made bytes.
package struct EventRenderer: Sendable {
  private let userFields: [[UInt8]]
  private let sourceFields: [[UInt8]]
  private let applicationFields: [[UInt8]]
  private let featureFields: [[UInt8]]
  private let versionFields: [[UInt8]]
  private let causeFields: [[UInt8]]
  private let hostFields: [[UInt8]]

  /// Prepares the strings of a plan.
  package init(plan: DemoPlan) {
    userFields = plan.userNames.map { Self.field("user", $0) }
    sourceFields = plan.sourceNames.map { Self.field("source", $0) }
    hostFields = plan.sourceNames.map { Self.field("host", $0) }
    applicationFields = plan.applicationNames.map { Self.field("app", $0) }
    featureFields = plan.featureNames.map { Self.field("feature", $0) }
    versionFields = plan.versionNames.map { Self.field("version", $0) }
    causeFields = plan.causeNames.map { Self.field("cause", $0) }
  }

  /// Appends one event as one line, its line feed included: about 150 bytes.
  package func append(_ event: borrowing DemoEvent, to line: inout [UInt8]) {
    line.append(text: "{\"time\":")
    line.append(decimal: UInt64(event.timeMilliseconds))
    line.append(contentsOf: userFields[Int(event.person)])
    line.append(contentsOf: applicationFields[Int(event.application)])
    if let feature = event.feature { line.append(contentsOf: featureFields[Int(feature)]) }
    appendKind(event.kind, outcome: event.outcome, to: &line)
    if let duration = event.durationMilliseconds {
      line.append(text: ",\"duration_ms\":")
      line.append(decimal: UInt64(duration))
    }
    if event.namesHost { line.append(contentsOf: hostFields[Int(event.source)]) }
    if let session = event.session {
      line.append(text: ",\"session\":\"s")
      line.append(decimal: UInt64(session))
      line.append(UInt8(ascii: "\""))
    }
    line.append(contentsOf: versionFields[Int(event.version)])
    if let cause = event.cause { line.append(contentsOf: causeFields[Int(cause)]) }
    line.append(contentsOf: sourceFields[Int(event.source)])
    line.append(text: ",\"seq\":")
    line.append(decimal: UInt64(event.sequence))
    line.append(text: "}\n")
  }

  private func appendKind(_ kind: DemoEventKind, outcome: DemoOutcome, to line: inout [UInt8]) {
    switch kind {
    case .use: break
    case .focus: line.append(text: ",\"kind\":\"focus\"")
    case .help: line.append(text: ",\"kind\":\"help\"")
    case .interruption: line.append(text: ",\"kind\":\"interruption\"")
    }
    switch outcome {
    case .success: break
    case .error: line.append(text: ",\"outcome\":\"error\"")
    case .abandoned: line.append(text: ",\"outcome\":\"abandoned\"")
    }
  }

  private static func field(_ name: String, _ value: String) -> [UInt8] {
    var bytes: [UInt8] = []
    bytes.append(text: ",\"\(name)\":")
    bytes.append(jsonString: value)
    return bytes
  }
}
