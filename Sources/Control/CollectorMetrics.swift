import EventStore
import UsageModel

/// The collector's counters in the text format of Prometheus (version 0.0.4).
package enum CollectorMetrics {
  /// Counters of the store that are kept by transport: their name there, the metric's, and what it counts.
  private static let byTransport = [
    ("stored", "waterline_events_stored_total", "Events stored."),
    ("duplicate", "waterline_events_duplicate_total", "Numbered events that had been stored before."),
    ("conflict", "waterline_events_conflicting_total", "Duplicates that differ from the stored event."),
    ("rejected", "waterline_events_rejected_total", "Events refused; dead letters keep the latest."),
    ("kernel_drops", "waterline_kernel_dropped_datagrams_total", "Datagrams dropped before they were read."),
  ]

  /// All metrics.
  ///
  /// - Parameters:
  ///   - startedMilliseconds: when the daemon started.
  ///   - isFailing: whether the last attempt to commit failed.
  package static func text(_ store: StoreStatus, startedMilliseconds: Int64, isFailing: Bool) -> String {
    var text = MetricsText()
    for (counter, name, help) in byTransport {
      let prefix = counter + "."
      let samples = store.counters.filter { $0.key.hasPrefix(prefix) }.sorted { $0.key < $1.key }
      text.add(
        name, .counter, help,
        samples.map { ([("transport", String($0.key.dropFirst(prefix.count)))], "\($0.value)") })
    }
    text.add(
      "waterline_events_rejected_by_reason_total", .counter, "Events refused, by reason.",
      store.rejectedByReason.map { ([("reason", $0.reason)], "\($0.count)") })
    // Late events close gaps, so this one can fall.
    text.add("waterline_events_lost", "Numbered events that never arrived.", store.lost)
    text.add(
      "waterline_spool_dropped_events", "Of them, those that senders say their spools dropped.", store.dropped
    )
    text.add("waterline_dead_letters", "Refused events kept word for word.", store.deadLetterCount)
    text.add("waterline_sources", "Senders that number their events.", store.sourceCount)
    text.add("waterline_store_events", "Events in the database.", store.eventCount)
    text.add("waterline_store_chunks", "Chunks in the database.", store.chunkCount)
    text.add("waterline_store_unmerged_chunks", "Chunks in order of arrival.", store.arrivalChunkCount)
    text.add("waterline_store_size_bytes", "Size of the database.", store.fileBytes)
    if let newest = store.newestMilliseconds {
      let seconds = MetricsText.seconds(newest)
      text.add(
        "waterline_newest_event_timestamp_seconds", .gauge, "Time of the newest event.", [([], seconds)])
    }
    text.add("waterline_write_failing", "1 while commits fail, as on a full disk.", isFailing ? 1 : 0)
    text.add(
      "waterline_start_time_seconds", .gauge, "When the daemon started.",
      [([], MetricsText.seconds(startedMilliseconds))])
    text.add(
      "waterline_build_info", .gauge, "1, with the version as label.",
      [([("version", ProductVersion.text)], "1")])
    return text.text
  }
}

/// Puts samples into the text format: HELP, TYPE, then a line each.
struct MetricsText {
  enum Kind: String {
    case counter
    case gauge
  }

  private(set) var text = ""

  /// Adds a metric; one without samples is left out.
  mutating func add(
    _ name: String, _ kind: Kind, _ help: String, _ samples: [(labels: [(String, String)], value: String)]
  ) {
    guard !samples.isEmpty else { return }
    text += "# HELP \(name) \(help)\n# TYPE \(name) \(kind.rawValue)\n"
    for (labels, value) in samples {
      let list = labels.map { "\($0)=\"\(Self.escaped($1))\"" }.joined(separator: ",")
      text += list.isEmpty ? "\(name) \(value)\n" : "\(name){\(list)} \(value)\n"
    }
  }

  mutating func add(_ name: String, _ help: String, _ value: Int64) {
    add(name, .gauge, help, [([], "\(value)")])
  }

  /// Milliseconds as seconds with three decimals.
  static func seconds(_ milliseconds: Int64) -> String {
    let thousandths = String(abs(milliseconds % 1_000))
    let padding = String(repeating: "0", count: 3 - thousandths.count)
    return "\(milliseconds / 1_000).\(padding)\(thousandths)"
  }

  private static func escaped(_ text: String) -> String {
    text.replacing("\\", with: "\\\\").replacing("\"", with: "\\\"").replacing("\n", with: "\\n")
  }
}
