/// Tickets by the person who opened them, to be found by time and application.
package struct PersonTickets: Sendable {
  /// One ticket as kernels see it.
  package struct Entry: Equatable, Sendable {
    /// Milliseconds since 1970 UTC.
    package var openedMilliseconds: Int64
    /// Index of the application, ``noApp`` or ``unknownApp``.
    package var app: Int32
    /// The ticket's number: equal numbers, one ticket.
    package var number: Int32

    package init(openedMilliseconds: Int64, app: Int32, number: Int32) {
      self.openedMilliseconds = openedMilliseconds
      self.app = app
      self.number = number
    }
  }

  /// The ticket names no application: it may be about any.
  package static let noApp: Int32 = -1
  /// The ticket names an application that no event does.
  package static let unknownApp: Int32 = -2
  /// How long after a failure, a help event or an interruption a ticket counts as its consequence, and how
  /// long before a ticket a failed attempt counts as its cause.
  package static let reachMilliseconds: Int64 = 24 * 3_600_000

  /// By person, ascending by time.
  private var entries: [[Entry]]

  /// No tickets yet, of so many people.
  package init(personCount: Int) { entries = Array(repeating: [], count: personCount) }

  /// Adds a ticket; ``sort()`` follows the last one.
  package mutating func add(_ entry: Entry, person: Int32) { entries[Int(person)].append(entry) }

  /// Puts everyone's tickets into the order of time.
  package mutating func sort() {
    for person in entries.indices where entries[person].count > 1 {
      entries[person].sort { $0.openedMilliseconds < $1.openedMilliseconds }
    }
  }

  /// Whether the person opened any ticket.
  @inline(__always)
  func hasTickets(_ person: Int32) -> Bool { !entries[Int(person)].isEmpty }

  /// When the person opened tickets, ascending.
  func moments(_ person: Int32) -> [Int64] { entries[Int(person)].map(\.openedMilliseconds) }

  /// Calls the body with the number of each ticket of the person on the application, or on none, that was
  /// opened in the closed range.
  ///
  /// - Complexity: O(log tickets + tickets in the range).
  func forEachTicket(of person: Int32, app: Int32, in range: ClosedRange<Int64>, _ body: (Int32) -> Void) {
    let tickets = entries[Int(person)]
    var low = 0
    var high = tickets.count
    while low < high {
      let middle = (low + high) / 2
      if tickets[middle].openedMilliseconds < range.lowerBound { low = middle + 1 } else { high = middle }
    }
    while low < tickets.count, tickets[low].openedMilliseconds <= range.upperBound {
      if tickets[low].app == app || tickets[low].app == Self.noApp { body(tickets[low].number) }
      low += 1
    }
  }
}
