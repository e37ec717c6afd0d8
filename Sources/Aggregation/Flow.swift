import UsageModel

/// One transition from a feature to the next of the same application in a session, for one group of people
/// (`docs/methods.md`, section 7).
package struct FlowTransition: Sendable {
  package let group: Int32
  /// Ranks of the two features; equal for a retry or repeat.
  package let from: Int32
  package let to: Int32
  package var count: Int64 = 0
  package var retry: Int64 = 0
  package var bounce: Int64 = 0
  package var waitTotalMilliseconds: Int64 = 0
  package var waitMedianMilliseconds: Int64 = 0
  package var waitNineTenthsMilliseconds: Int64 = 0
  package var people = RowPeople()
  var lastPerson: Int32 = -1

  init(group: Int32, from: Int32, to: Int32) {
    self.group = group
    self.from = from
    self.to = to
  }

  /// The same feature again after an ok use.
  package var `repeat`: Int64 { from == to ? count - retry : 0 }
}

/// Where sessions of one group of people begin and end.
package struct FlowEnds: Sendable {
  package let group: Int32
  package let rank: Int32
  package var started: Int64 = 0
  package var ended: Int64 = 0
  package var people = RowPeople()
  var lastPerson: Int32 = -1

  init(group: Int32, rank: Int32) {
    self.group = group
    self.rank = rank
  }
}

/// Transitions and sessions of a window.
package struct Flow: Sendable {
  /// In no particular order.
  package var transitions: [FlowTransition] = []
  /// First and last features of the window's sessions that hold a use, in no particular order.
  package var ends: [FlowEnds] = []
  /// Sessions of the chosen people whose first event lies in the window.
  package var sessions: Int64 = 0
  /// People with such a session.
  package var sessionPeople = 0

  /// Whether events start together whose order decides, and nothing that decides it was loaded: the figures mean
  /// nothing.
  package var needsOrder = false

  /// Longest pause between the latest end so far and the next start within a session without id.
  package static let sessionPauseMilliseconds: Int64 = 30 * 60_000
}
