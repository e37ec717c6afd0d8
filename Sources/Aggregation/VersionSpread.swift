import UsageModel

/// Which version of each application people are on (`docs/methods.md`, section 9).
package struct VersionSpread: Sendable {
  /// An application and one of its versions.
  package struct Release: Hashable, Sendable {
    package var app: Int32
    /// The store's number of the version's label.
    package var version: UInt32

    package init(app: Int32, version: UInt32) {
      self.app = app
      self.version = version
    }
  }

  /// One person in one application.
  package struct Seat: Hashable, Sendable {
    package var person: Int32
    package var app: Int32
  }

  /// Start of the oldest event that carries the version, by anyone; milliseconds since 1970 UTC.
  package private(set) var firstSeen: [Release: Int64] = [:]
  /// The version of a person's newest event of the window that carries one, and when that was.
  package private(set) var versionOfSeat: [Seat: (version: UInt32, start: Int64)] = [:]

  private let rankOfLabel: [Int32]

  /// - Parameter rankOfLabel: by the store's label number, its place in the order of bytes; it decides
  ///   between versions of the same moment that were first seen at the same moment.
  package init(rankOfLabel: [Int32]) { self.rankOfLabel = rankOfLabel }

  /// Adds when versions were first seen; events from the window's end on are left out.
  ///
  /// Needs the columns `feature`, `start` and `version`.
  package mutating func addHistory(_ columns: EventColumns, keys: EventKeys, bounds: WindowBounds) {
    var test = WindowTest(bounds)
    columns.withBuffers { events in
      for row in 0..<events.rowCount where events.version[row] != 0 {
        let rank = Int(keys.rankOfFeature[Int(events.feature[row])])
        let start = events.start[row]
        guard rank >= 0, test.isBefore(start) || test.contains(start) else { continue }
        let release = Release(app: keys.appOfRank[rank], version: events.version[row])
        if let known = firstSeen[release], known <= start { continue }
        firstSeen[release] = start
      }
    }
  }

  /// Adds the people of the window; every version was added with ``addHistory(_:keys:bounds:)`` before.
  ///
  /// Needs the columns `user`, `feature`, `start` and `version`.
  package mutating func addWindow(_ columns: EventColumns, keys: EventKeys, bounds: WindowBounds) {
    var test = WindowTest(bounds)
    columns.withBuffers { events in
      for row in 0..<events.rowCount where events.version[row] != 0 {
        let rank = Int(keys.rankOfFeature[Int(events.feature[row])])
        let person = keys.personOfUser[Int(events.user[row])]
        let start = events.start[row]
        guard rank >= 0, person >= 0, test.contains(start) else { continue }
        let seat = Seat(person: person, app: keys.appOfRank[rank])
        let version = events.version[row]
        if let known = versionOfSeat[seat] {
          if start < known.start { continue }
          if start == known.start, !isNewer(version, than: known.version, app: seat.app) { continue }
        }
        versionOfSeat[seat] = (version, start)
      }
    }
  }

  /// The version with most people; of equal ones the newer.
  ///
  /// - Parameter people: by version, its people.
  package func mostUsed(app: Int32, people: [UInt32: Int]) -> UInt32? {
    people.max { left, right in
      left.value != right.value ? left.value < right.value : isNewer(right.key, than: left.key, app: app)
    }?.key
  }

  /// Whether a version was first seen before another.
  package func isBehind(_ version: UInt32, _ other: UInt32, app: Int32) -> Bool {
    let first = firstSeen[Release(app: app, version: version)] ?? .max
    return first < firstSeen[Release(app: app, version: other)] ?? .max
  }

  /// First seen later; at the same moment, later in the order of bytes.
  private func isNewer(_ version: UInt32, than other: UInt32, app: Int32) -> Bool {
    let first = firstSeen[Release(app: app, version: version)] ?? .max
    let others = firstSeen[Release(app: app, version: other)] ?? .max
    return first != others ? first > others : rankOfLabel[Int(version)] > rankOfLabel[Int(other)]
  }
}
