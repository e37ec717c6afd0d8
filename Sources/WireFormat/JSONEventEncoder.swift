import UsageModel

/// Renders an event as one JSON line, as `schemas/event.schema.json` says.
package enum JSONEventEncoder {
  /// Appends the line with its line feed; fields at their defaults are left out.
  package static func append(_ event: UsageEvent, to output: inout [UInt8]) {
    output.append(contentsOf: "{\"time\":\(event.timeMilliseconds)".utf8)
    append("user", event.user, to: &output)
    append("app", event.app, to: &output)
    append("feature", event.feature, to: &output)
    if event.kind != .use { append("kind", event.kind.name, to: &output) }
    if event.outcome != .ok { append("outcome", event.outcome.name, to: &output) }
    if let duration = event.durationMilliseconds {
      output.append(contentsOf: ",\"duration_ms\":\(duration)".utf8)
    }
    append("host", event.host, to: &output)
    append("session", event.session, to: &output)
    append("version", event.version, to: &output)
    append("cause", event.cause, to: &output)
    append("source", event.source, to: &output)
    if let sequence = event.sequence { output.append(contentsOf: ",\"seq\":\(sequence)".utf8) }
    if !event.attributes.isEmpty {
      output.append(contentsOf: ",\"attributes\":".utf8)
      output.append(
        contentsOf: AttributesText.render(event.attributes.map { (Array($0.key.utf8), Array($0.value.utf8)) })
      )
    }
    output.append(contentsOf: [0x7D, 0x0A])
  }

  private static func append(_ name: String, _ value: String?, to output: inout [UInt8]) {
    guard let value else { return }
    output.append(contentsOf: ",\"\(name)\":".utf8)
    JSONText.appendString(value.utf8, to: &output)
  }
}
