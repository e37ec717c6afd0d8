/// Rows of one slice grouped by person, in reused memory.
///
/// Within a person rows keep the order of the slice; people stand in order of first appearance.
struct PersonRuns {
  /// One person's rows: `rows[start..<end]`.
  struct Run {
    var person: Int32
    var start: Int
    var end: Int
  }

  private(set) var runs: [Run] = []
  /// Row numbers, run by run.
  private(set) var rows: [UInt32] = []
  /// By person: 1 + index of the person's run in the current slice, or 0.
  private var runOfPerson: [Int32]

  init(personCount: Int) {
    runOfPerson = [Int32](repeating: 0, count: personCount)
  }

  /// Groups the rows; every row's user is in the population.
  ///
  /// - Complexity: O(rows of the slice).
  mutating func group(_ slice: UnsafeBufferPointer<UInt32>, of events: EventBuffers, keys: EventKeys) {
    for run in runs { runOfPerson[Int(run.person)] = 0 }
    runs.removeAll(keepingCapacity: true)
    keys.personOfUser.withUnsafeBufferPointer { people in
      countRows(slice, events, people)
      placeRows(slice, events, people)
    }
  }

  /// Puts the rows of every run that is out of order into order.
  ///
  /// - Complexity: O(rows) when all stand in order already.
  mutating func sortRuns(by order: CanonicalOrder, of events: EventBuffers) {
    rows.withUnsafeMutableBufferPointer { rows in
      for run in runs {
        order.sort(UnsafeMutableBufferPointer(rebasing: rows[run.start..<run.end]), of: events)
      }
    }
  }

  /// Calls the body with each person's rows.
  @inline(__always)
  func forEachRun(_ body: (_ rows: UnsafeBufferPointer<UInt32>, _ person: Int32) -> Void) {
    rows.withUnsafeBufferPointer { rows in
      for run in runs { body(UnsafeBufferPointer(rebasing: rows[run.start..<run.end]), run.person) }
    }
  }

  private mutating func countRows(
    _ slice: UnsafeBufferPointer<UInt32>, _ events: EventBuffers, _ people: UnsafeBufferPointer<Int32>
  ) {
    var lastUser = UInt32.max
    var lastRun = 0
    runOfPerson.withUnsafeMutableBufferPointer { runOfPerson in
      for row in slice {
        let user = events.user[Int(row)]
        if user != lastUser {
          let person = people[Int(user)]
          if runOfPerson[Int(person)] == 0 {
            runs.append(Run(person: person, start: 0, end: 0))
            runOfPerson[Int(person)] = Int32(truncatingIfNeeded: runs.count)
          }
          lastRun = Int(runOfPerson[Int(person)]) - 1
          lastUser = user
        }
        runs[lastRun].end += 1
      }
    }
  }

  private mutating func placeRows(
    _ slice: UnsafeBufferPointer<UInt32>, _ events: EventBuffers, _ people: UnsafeBufferPointer<Int32>
  ) {
    var total = 0
    for index in runs.indices {
      let count = runs[index].end
      runs[index].start = total
      runs[index].end = total
      total += count
    }
    if rows.count < slice.count {
      rows = [UInt32](repeating: 0, count: max(slice.count, 2 * rows.count))
    }
    var lastUser = UInt32.max
    var lastRun = 0
    for row in slice {
      let user = events.user[Int(row)]
      if user != lastUser {
        lastRun = Int(runOfPerson[Int(people[Int(user)])]) - 1
        lastUser = user
      }
      rows[runs[lastRun].end] = row
      runs[lastRun].end += 1
    }
  }
}
