import UsageModel

/// What a service desk did with a set of tickets (`docs/methods.md`, section 8).
package struct DeskFigures: Sendable {
  /// Tickets opened in the window.
  package private(set) var tickets: Int64 = 0
  /// Of these, resolved, whenever that was.
  package private(set) var resolved: Int64 = 0
  package private(set) var reopened: Int64 = 0
  /// Reassigned at least once.
  package private(set) var escalated: Int64 = 0
  package private(set) var withoutOwner: Int64 = 0
  package private(set) var satisfactionAnswers: Int64 = 0
  package private(set) var effortMinutes: Int64 = 0
  /// Tickets not resolved before the window's end, by age.
  package private(set) var backlogByAge = [Int64](repeating: 0, count: backlogAgesUpTo.count + 1)
  /// People of the population behind the tickets and the backlog.
  package private(set) var people = RowPeople()

  /// Last whole day of each age class but the open one.
  package static let backlogAgesUpTo: [Int64] = [1, 7, 30]

  private var satisfactionSum = 0.0
  private var responseMilliseconds: [Int64] = []
  private var resolutionMilliseconds: [Int64] = []
  private var seen: Set<Int32> = []

  package init() {}

  package var backlog: Int64 { backlogByAge.reduce(0, +) }
  /// Resolved among all; nil without tickets.
  package var resolutionRate: Double? { tickets > 0 ? Double(resolved) / Double(tickets) : nil }
  /// Mean of the answers; nil without answers.
  package var satisfaction: Double? {
    satisfactionAnswers > 0 ? satisfactionSum / Double(satisfactionAnswers) : nil
  }

  /// A quantile of the times from opening to first response; nil without any.
  package func responseTime(_ quantile: Quantile) -> Int64? {
    var values = responseMilliseconds
    return quantile.select(from: &values)
  }

  /// A quantile of the times from opening to resolution; nil without any.
  package func resolutionTime(_ quantile: Quantile) -> Int64? {
    var values = resolutionMilliseconds
    return quantile.select(from: &values)
  }

  /// Adds a ticket opened in the window.
  ///
  /// - Parameter person: the requester in the population, or `EventKeys.none`.
  package mutating func add(_ ticket: Ticket, person: Int32, peopleKept: Int) {
    insert(person, peopleKept)
    tickets += 1
    if let moment = ticket.resolvedMilliseconds {
      resolved += 1
      resolutionMilliseconds.append(moment - ticket.openedMilliseconds)
    }
    if let moment = ticket.firstResponseMilliseconds {
      responseMilliseconds.append(moment - ticket.openedMilliseconds)
    }
    if ticket.reopenCount > 0 { reopened += 1 }
    if ticket.reassignmentCount > 0 { escalated += 1 }
    if ticket.owner.isEmpty { withoutOwner += 1 }
    if let answer = ticket.satisfaction {
      satisfactionAnswers += 1
      satisfactionSum += answer
    }
    effortMinutes += ticket.effortMinutes ?? 0
  }

  /// Adds a ticket of the backlog, whenever it was opened.
  ///
  /// - Parameter ageDays: civil days from its opening to the window's last day.
  package mutating func addToBacklog(ageDays: Int64, person: Int32, peopleKept: Int) {
    insert(person, peopleKept)
    let place = Self.backlogAgesUpTo.firstIndex { ageDays <= $0 } ?? Self.backlogAgesUpTo.count
    backlogByAge[place] += 1
  }

  private mutating func insert(_ person: Int32, _ peopleKept: Int) {
    if person >= 0, seen.insert(person).inserted { people.insert(person, below: peopleKept) }
  }
}
