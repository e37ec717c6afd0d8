import GRDB
import UsageModel

/// What day it is as far as retention believes the clock, which may run years ahead.
///
/// The events cannot tell: those of agents are corrected to the collector's clock, so one of them is enough for the
/// newest to be as wrong as it. So the day that the daemon saw last is kept, and a clock that is suddenly
/// ``daysAheadMax`` further is not believed until an administrator names the day.
package struct BelievedClock: Equatable, Sendable {
  /// The setting by which an administrator says which day it is.
  package static let todaySetting = "retention.today"
  /// A collector may stand still for so long; a clock that is further ahead may be wrong.
  package static let daysAheadMax: Int32 = 14

  /// The last day that was believed.
  package var lastDay: Int32
  /// The clock's.
  package var clockDay: Int32
  /// What the database remembers.
  private var notedDay: Int32?

  package var isAhead: Bool { clockDay > lastDay + Self.daysAheadMax }
  /// The day from which retention counts back.
  package var today: Int32 { isAhead ? lastDay : clockDay }

  package init(lastDay: Int32, clockDay: Int32) {
    self.lastDay = lastDay
    self.clockDay = clockDay
  }

  package init(nowMilliseconds: Int64, in database: Database) throws {
    clockDay = CivilDay(localMilliseconds: nowMilliseconds).number
    let named = try SettingStore.get(Self.todaySetting, in: database).flatMap(CivilDay.init)?.number
    notedDay = try Int32.fetchOne(database, sql: "SELECT day FROM clock")
    // A database that no daemon has looked at yet: from its newest event on.
    let seen =
      try notedDay
      ?? Int64.fetchOne(database, sql: "SELECT max(time_max_ms) FROM chunk WHERE imported = 0")
      .map { CivilDay(localMilliseconds: $0).number } ?? clockDay
    lastDay = max(seen, named ?? seen)
  }

  /// Whether the day is believed and later than all before: once a day.
  package var isNews: Bool { !isAhead && max(lastDay, clockDay) > notedDay ?? .min }

  /// Remembers the clock's day if it is news.
  package static func note(nowMilliseconds: Int64, in database: Database) throws {
    let clock = try BelievedClock(nowMilliseconds: nowMilliseconds, in: database)
    guard clock.isNews else { return }
    try database.execute(
      sql: """
        INSERT INTO clock (id, day) VALUES (1, ?)
        ON CONFLICT (id) DO UPDATE SET day = excluded.day
        """, arguments: [max(clock.lastDay, clock.clockDay)])
  }

  /// For people: what is wrong, and what to do.
  package var warning: String {
    "the clock says \(CivilDay(number: clockDay)), and the last day it was believed is \(CivilDay(number: lastDay)): "
      + "nothing more is pruned"
  }

  package static let advice =
    "set the clock; or, if it is right: waterline settings set \(todaySetting) YYYY-MM-DD, with today's date"
}
