/// One row of the roster: a person's place in the organisation for a stretch of days.
package struct RosterRow: Equatable, Sendable {
  package var user: String
  package var department: String
  package var role: String
  package var site: String
  package var manager: String
  /// First active day; nil is open.
  package var activeFrom: CivilDay?
  /// First day no longer active; nil is open.
  package var activeTo: CivilDay?
  package var aliases: [String]
  /// True for an account that is not a person.
  package var isService: Bool

  package init(
    user: String, department: String = "", role: String = "", site: String = "", manager: String = "",
    activeFrom: CivilDay? = nil, activeTo: CivilDay? = nil, aliases: [String] = [], isService: Bool = false
  ) {
    self.user = user
    self.department = department
    self.role = role
    self.site = site
    self.manager = manager
    self.activeFrom = activeFrom
    self.activeTo = activeTo
    self.aliases = aliases
    self.isService = isService
  }
}

/// One feature that is expected of some roles.
package struct CatalogRow: Equatable, Sendable {
  package var app: String
  package var feature: String
  /// Roles of whom the feature is expected; `["*"]` is everyone.
  package var roles: [String]
  /// Days with an ok use per 28 days that count as adopted; at least 1.
  package var targetDays: Int
  /// Benchmark used while peers give none; nil when not set.
  package var targetMilliseconds: Int64?
  package var category: String
  package var isCritical: Bool
  /// True for an act that is not a person's: left out of every figure.
  package var isAutomatic: Bool

  package init(
    app: String, feature: String, roles: [String], targetDays: Int = 1, targetMilliseconds: Int64? = nil,
    category: String = "", isCritical: Bool = false, isAutomatic: Bool = false
  ) {
    self.app = app
    self.feature = feature
    self.roles = roles
    self.targetDays = targetDays
    self.targetMilliseconds = targetMilliseconds
    self.category = category
    self.isCritical = isCritical
    self.isAutomatic = isAutomatic
  }
}

/// One service-desk ticket; times in milliseconds since 1970 UTC.
package struct Ticket: Equatable, Sendable {
  package var id: String
  package var requester: String
  package var openedMilliseconds: Int64
  package var firstResponseMilliseconds: Int64?
  package var resolvedMilliseconds: Int64?
  package var reopenCount: Int
  package var app: String?
  package var category: String
  package var priority: String
  package var state: String
  package var satisfaction: Double?
  package var effortMinutes: Int64?
  package var group: String
  package var owner: String
  package var reassignmentCount: Int
  package var level: String
  package var comment: String

  package init(
    id: String, requester: String, openedMilliseconds: Int64, firstResponseMilliseconds: Int64? = nil,
    resolvedMilliseconds: Int64? = nil, reopenCount: Int = 0, app: String? = nil, category: String = "",
    priority: String = "", state: String = "", satisfaction: Double? = nil, effortMinutes: Int64? = nil,
    group: String = "", owner: String = "", reassignmentCount: Int = 0, level: String = "",
    comment: String = ""
  ) {
    self.id = id
    self.requester = requester
    self.openedMilliseconds = openedMilliseconds
    self.firstResponseMilliseconds = firstResponseMilliseconds
    self.resolvedMilliseconds = resolvedMilliseconds
    self.reopenCount = reopenCount
    self.app = app
    self.category = category
    self.priority = priority
    self.state = state
    self.satisfaction = satisfaction
    self.effortMinutes = effortMinutes
    self.group = group
    self.owner = owner
    self.reassignmentCount = reassignmentCount
    self.level = level
    self.comment = comment
  }
}

/// Who opened a ticket, on which application and when: what a strike-out asks of one.
package struct TicketCall: Equatable, Sendable {
  package var requester: String
  package var app: String?
  /// Milliseconds since 1970 UTC.
  package var openedMilliseconds: Int64

  package init(requester: String, app: String?, openedMilliseconds: Int64) {
    self.requester = requester
    self.app = app
    self.openedMilliseconds = openedMilliseconds
  }

  package init(_ ticket: Ticket) {
    self.init(requester: ticket.requester, app: ticket.app, openedMilliseconds: ticket.openedMilliseconds)
  }
}
