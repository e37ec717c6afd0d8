/// Time of one person in one application, and what of it was lost (`docs/methods.md`, section 4).
struct AppTime: Sendable {
  var person: Int32
  var attempts: Int64 = 0
  var focusMilliseconds: Int64 = 0
  /// Durations of everything but focus events.
  var otherMilliseconds: Int64 = 0
  var lost = LostTime()
  var unjudged: Int64 = 0

  init(person: Int32) { self.person = person }

  /// The greater of measured focus and the sum of everything else.
  var faceMilliseconds: Int64 { max(focusMilliseconds, otherMilliseconds) }

  /// Whether face time was measured rather than estimated from durations.
  var isMeasured: Bool { focusMilliseconds > otherMilliseconds }
}

/// Lost time, always decomposed.
package struct LostTime: Equatable, Sendable {
  package var failedMilliseconds: Int64 = 0
  package var slowMilliseconds: Int64 = 0
  package var helpMilliseconds: Int64 = 0
  package var interruptionMilliseconds: Int64 = 0

  /// All four together.
  package var milliseconds: Int64 {
    failedMilliseconds + slowMilliseconds + helpMilliseconds + interruptionMilliseconds
  }

  static func += (left: inout LostTime, right: LostTime) {
    left.failedMilliseconds += right.failedMilliseconds
    left.slowMilliseconds += right.slowMilliseconds
    left.helpMilliseconds += right.helpMilliseconds
    left.interruptionMilliseconds += right.interruptionMilliseconds
  }
}

/// Where a row's face time comes from.
package enum FaceTimeKind: String, Sendable {
  /// Focus is the greater in every cell with time.
  case measured
  /// In none of them.
  case estimated
  case mixed
}

/// Erosion of one group of people, in one application or in all.
package struct Erosion: Sendable {
  package let group: Int32
  /// Index of the application; nil for all applications together.
  package let app: Int?
  package var faceMilliseconds: Int64 = 0
  package var lost = LostTime()
  package var unjudged: Int64 = 0
  /// People with lost or face time.
  package var people = RowPeople()
  package var interval = RatioInterval()
  private var timedCells = 0
  private var measuredCells = 0

  init(group: Int32, app: Int?) {
    self.group = group
    self.app = app
  }

  package var faceTimeKind: FaceTimeKind {
    measuredCells == 0 ? .estimated : measuredCells == timedCells ? .measured : .mixed
  }

  /// Lost among face time; nil without face time.
  package var ratio: Double? {
    faceMilliseconds > 0 ? Double(lost.milliseconds) / Double(faceMilliseconds) : nil
  }

  /// Adds the cells of another row of the same group; people and their interval come later.
  mutating func add(cellsOf other: Erosion) {
    lost += other.lost
    unjudged += other.unjudged
    faceMilliseconds += other.faceMilliseconds
    timedCells += other.timedCells
    measuredCells += other.measuredCells
  }

  mutating func add(cell time: AppTime) {
    lost += time.lost
    unjudged += time.unjudged
    faceMilliseconds += time.faceMilliseconds
    timedCells += time.faceMilliseconds > 0 ? 1 : 0
    measuredCells += time.isMeasured ? 1 : 0
  }

  mutating func add(person: Int32, lost: Int64, face: Int64, peopleKept: Int) {
    guard lost > 0 || face > 0 else { return }
    people.insert(person, below: peopleKept)
    interval.add(numerator: lost, denominator: face)
  }
}

/// Sums feature cells into application times, face time of all chosen people, and erosion rows.
package struct ErosionTally {
  /// What one row holds.
  package enum Level: Sendable {
    /// All selected applications of a group.
    case all
    case app
  }

  private let keys: EventKeys
  private let groupOfPerson: [Int32]
  private let level: Level
  private let isSelected: [Bool]
  private let peopleKept: Int

  private var currentApp = -1
  private var times: [AppTime] = []
  /// By person: 1 + index into ``times`` of the current application, or 0.
  private var timeOfPerson: [Int32]
  private var rowOfGroup: [Int32]
  /// By person, for rows over all applications: lost and face time.
  private var totals: [(lost: Int64, face: Int64)]

  package private(set) var rows: [Erosion] = []
  /// Face time of the chosen people over all applications, selected or not: the base of points.
  package private(set) var chosenFaceMilliseconds: Int64 = 0

  /// - Parameters:
  ///   - groupOfPerson: by person; -1 for people who were not chosen.
  ///   - isSelected: by application: whether it enters the rows.
  ///   - peopleKept: rows of fewer people remember who they are.
  package init(
    keys: EventKeys, groupOfPerson: [Int32], groupCount: Int, level: Level, isSelected: [Bool],
    peopleKept: Int
  ) {
    self.keys = keys
    self.groupOfPerson = groupOfPerson
    self.level = level
    self.isSelected = isSelected
    self.peopleKept = peopleKept
    timeOfPerson = [Int32](repeating: 0, count: keys.personCount)
    rowOfGroup = [Int32](repeating: -1, count: groupCount)
    totals = level == .all ? Array(repeating: (0, 0), count: keys.personCount) : []
  }

  /// Adds all cells of a feature; features come in the order of their ranks.
  package mutating func add(_ feature: FeatureCells) {
    let app = Int(keys.appOfRank[feature.rank])
    if app != currentApp {
      finishApp()
      currentApp = app
    }
    for cell in feature.cells where groupOfPerson[Int(cell.person)] >= 0 { add(cell) }
  }

  /// Takes over what another tally of the same groups and level has counted; neither may have been finished, and
  /// no application may be in both.
  package mutating func absorb(_ other: ErosionTally) {
    var other = other
    finishApp()
    other.finishApp()
    currentApp = -1
    chosenFaceMilliseconds += other.chosenFaceMilliseconds
    guard level == .all else {
      rows += other.rows
      return
    }
    for row in other.rows {
      if rowOfGroup[Int(row.group)] < 0 {
        rowOfGroup[Int(row.group)] = Int32(truncatingIfNeeded: rows.count)
        rows.append(row)
      } else {
        rows[Int(rowOfGroup[Int(row.group)])].add(cellsOf: row)
      }
    }
    for person in totals.indices {
      totals[person].lost += other.totals[person].lost
      totals[person].face += other.totals[person].face
    }
  }

  /// Completes the rows; to be called once, after the last feature.
  package mutating func finish() {
    finishApp()
    guard level == .all else { return }
    for person in totals.indices where groupOfPerson[person] >= 0 {
      let row = rowOfGroup[Int(groupOfPerson[person])]
      guard row >= 0 else { continue }
      rows[Int(row)].add(
        person: Int32(truncatingIfNeeded: person), lost: totals[person].lost, face: totals[person].face,
        peopleKept: peopleKept)
    }
  }

  private mutating func add(_ cell: FeatureCell) {
    let person = Int(cell.person)
    if timeOfPerson[person] == 0 {
      times.append(AppTime(person: cell.person))
      timeOfPerson[person] = Int32(truncatingIfNeeded: times.count)
    }
    let index = Int(timeOfPerson[person]) - 1
    times[index].attempts += cell.attempts
    times[index].focusMilliseconds += cell.focusMilliseconds
    times[index].otherMilliseconds +=
      cell.attemptMilliseconds + cell.helpMilliseconds + cell.interruptionMilliseconds
    times[index].lost += LostTime(
      failedMilliseconds: cell.failedMilliseconds, slowMilliseconds: cell.slowMilliseconds,
      helpMilliseconds: cell.helpMilliseconds, interruptionMilliseconds: cell.interruptionMilliseconds)
    times[index].unjudged += cell.isUnjudged ? 1 : 0
  }

  private mutating func finishApp() {
    guard currentApp >= 0 else { return }
    let isIncluded = isSelected[currentApp]
    for time in times {
      timeOfPerson[Int(time.person)] = 0
      chosenFaceMilliseconds += time.faceMilliseconds
      // A cell makes a row only if it holds an attempt or time.
      if isIncluded, time.attempts > 0 || time.faceMilliseconds > 0 { addToRow(time) }
    }
    times.removeAll(keepingCapacity: true)
    currentApp = -1
    if level == .app {
      for index in rowOfGroup.indices { rowOfGroup[index] = -1 }
    }
  }

  private mutating func addToRow(_ time: AppTime) {
    let group = groupOfPerson[Int(time.person)]
    if rowOfGroup[Int(group)] < 0 {
      rowOfGroup[Int(group)] = Int32(truncatingIfNeeded: rows.count)
      rows.append(Erosion(group: group, app: level == .app ? currentApp : nil))
    }
    let row = Int(rowOfGroup[Int(group)])
    rows[row].add(cell: time)
    if level == .app {
      rows[row].add(
        person: time.person, lost: time.lost.milliseconds, face: time.faceMilliseconds,
        peopleKept: peopleKept)
    } else {
      totals[Int(time.person)].lost += time.lost.milliseconds
      totals[Int(time.person)].face += time.faceMilliseconds
    }
  }
}
