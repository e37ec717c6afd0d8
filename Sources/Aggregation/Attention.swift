import UsageModel

/// How much of a group's attention came in long pieces (`docs/methods.md`, section 8).
package struct Attention: Sendable {
  package let group: Int32
  /// Days of people with attention.
  package var personDays: Int64 = 0
  package var attentionMilliseconds: Int64 = 0
  /// Of it, in pieces of at least ``pieceMilliseconds``.
  package var undisturbedMilliseconds: Int64 = 0
  /// Interruptions, failed uses, help events and tickets of the window.
  package var distractions: Int64 = 0
  /// People with attention.
  package var people = RowPeople()

  /// Shortest piece in which one can get into a task.
  package static let pieceMilliseconds: Int64 = 25 * 60_000
  /// Spans closer than this are one.
  package static let joinMilliseconds: Int64 = 60_000

  init(group: Int32) { self.group = group }

  /// Share of attention in long pieces; nil without attention.
  package var undisturbedShare: Double? {
    attentionMilliseconds > 0 ? Double(undisturbedMilliseconds) / Double(attentionMilliseconds) : nil
  }
}

/// One stretch of a person's attention, and the civil day it belongs to.
private struct AttentionSpan {
  var day: Int64
  var start: Int64
  var end: Int64
  var isFocus: Bool
}

/// One person's spans and distractions in the window; memory is reused.
private struct AttentionMeter {
  private var spans: [AttentionSpan] = []
  private var cuts: [Int64] = []
  private var cursor: DayCursor

  init(rules: ZoneRules) { cursor = DayCursor(rules: rules) }

  /// Adds one person's attention of all days to a row.
  mutating func measure(
    _ rows: UnsafeBufferPointer<UInt32>, of events: EventBuffers, tickets: [Int64], into row: inout Attention
  ) {
    spans.removeAll(keepingCapacity: true)
    cuts.removeAll(keepingCapacity: true)
    cuts += tickets
    for index in rows {
      let index = Int(index)
      let start = events.start[index]
      spans.append(
        AttentionSpan(
          day: cursor.day(of: start), start: start, end: events.end(ofRow: index),
          isFocus: events.kind[index] == EventCode.focus))
      if FrictionTally.isFriction(index, of: events) { cuts.append(start) }
    }
    row.distractions += Int64(cuts.count)
    cuts.sort()
    spans.sort { $0.day == $1.day ? $0.start < $1.start : $0.day < $1.day }
    addDays(to: &row)
  }

  private func addDays(to row: inout Attention) {
    var first = 0
    while first < spans.count {
      var last = first
      var hasFocus = false
      while last < spans.count, spans[last].day == spans[first].day {
        hasFocus = hasFocus || spans[last].isFocus
        last += 1
      }
      let before = row.attentionMilliseconds
      addDay(spans[first..<last], focusOnly: hasFocus, to: &row)
      row.personDays += row.attentionMilliseconds > before ? 1 : 0
      first = last
    }
  }

  private func addDay(_ spans: ArraySlice<AttentionSpan>, focusOnly: Bool, to row: inout Attention) {
    var stretch: (start: Int64, end: Int64)?
    for span in spans where span.isFocus || !focusOnly {
      if let known = stretch, span.start - known.end < Attention.joinMilliseconds {
        stretch = (known.start, max(known.end, span.end))
      } else {
        if let known = stretch { addStretch(known.start, known.end, to: &row) }
        stretch = (span.start, span.end)
      }
    }
    if let known = stretch { addStretch(known.start, known.end, to: &row) }
  }

  private func addStretch(_ start: Int64, _ end: Int64, to row: inout Attention) {
    row.attentionMilliseconds += end - start
    var pieceStart = start
    func addPiece(upTo moment: Int64) {
      let length = moment - pieceStart
      if length >= Attention.pieceMilliseconds { row.undisturbedMilliseconds += length }
      pieceStart = moment
    }
    var low = 0
    var high = cuts.count
    while low < high {
      let middle = (low + high) / 2
      if cuts[middle] <= start { low = middle + 1 } else { high = middle }
    }
    while low < cuts.count, cuts[low] < end {
      addPiece(upTo: cuts[low])
      low += 1
    }
    addPiece(upTo: end)
  }
}

extension EventColumns {
  /// Attention of the window by group of people; groups without attention are left out.
  ///
  /// Needs the columns `user`, `feature`, `kind`, `outcome`, `start` and `duration`.
  ///
  /// - Parameters:
  ///   - groupOfPerson: by person; -1 for people who were not chosen.
  ///   - tickets: those opened in the window.
  ///   - peopleKept: rows of fewer people remember who they are.
  /// - Complexity: O(n log n) in the events of a person.
  package func attention(
    keys: EventKeys, bounds: WindowBounds, groupOfPerson: [Int32], groupCount: Int, tickets: PersonTickets,
    peopleKept: Int
  ) -> [Attention] {
    var groups = (0..<groupCount).map { Attention(group: Int32(truncatingIfNeeded: $0)) }
    withBuffers { events in
      var test = WindowTest(bounds)
      var slice: [UInt32] = []
      for row in 0..<events.rowCount {
        let person = Int(keys.personOfUser[Int(events.user[row])])
        guard person >= 0, groupOfPerson[person] >= 0, keys.rankOfFeature[Int(events.feature[row])] >= 0,
          test.contains(events.start[row])
        else { continue }
        slice.append(UInt32(truncatingIfNeeded: row))
      }
      var runs = PersonRuns(personCount: keys.personCount)
      slice.withUnsafeBufferPointer { runs.group($0, of: events, keys: keys) }
      var meter = AttentionMeter(rules: bounds.rules)
      runs.forEachRun { rows, person in
        let group = Int(groupOfPerson[Int(person)])
        let before = groups[group].attentionMilliseconds
        meter.measure(rows, of: events, tickets: tickets.moments(person), into: &groups[group])
        if groups[group].attentionMilliseconds > before {
          groups[group].people.insert(person, below: peopleKept)
        }
      }
    }
    return groups.filter { $0.attentionMilliseconds > 0 }
  }
}
