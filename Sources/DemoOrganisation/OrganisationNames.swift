/// The words that the made-up organisation is made of.
///
/// No person in it has a real name.
enum OrganisationNames {
  struct Department {
    var name: String
    /// Relative number of people.
    var weight: Double
    /// Index into `roles` of the role that is most common here.
    var commonRole: Int
  }

  struct Role {
    var name: String
    /// Relative number of people, before the department's common role is favoured.
    var weight: Double
  }

  struct Application {
    var name: String
    var category: String
    /// How much of the working day of those who have it goes there, relative to the others.
    var weight: Double
    /// Indices into `roles` of the roles expected to use it; nil for everyone.
    var roles: [Int]?
    /// What one works on, each with what one does to it.
    var features: [String]

    /// The features' names: `order: search create` stands for `order.search` and `order.create`.
    var featureNames: [String] {
      features.flatMap { line in
        let words = line.split(separator: " ")
        return words.dropFirst().map { String(words[0].dropLast() + "." + $0) }
      }
    }
  }

  static let roles: [Role] = [
    Role(name: "manager", weight: 0.08), Role(name: "clerk", weight: 0.20),
    Role(name: "analyst", weight: 0.10), Role(name: "engineer", weight: 0.12),
    Role(name: "technician", weight: 0.12), Role(name: "assistant", weight: 0.10),
    Role(name: "representative", weight: 0.10), Role(name: "buyer", weight: 0.06),
    Role(name: "planner", weight: 0.06), Role(name: "adviser", weight: 0.06),
  ]

  /// The role of department heads, and the only one expected to approve things.
  static let managerRole = 0

  /// What software does on its own, and no person.
  static let automaticFeatures: Set<String> = ["mailbox.sync", "document.autosave", "stock.replenish"]

  static let departments: [Department] = [
    Department(name: "Sales", weight: 16, commonRole: 6),
    Department(name: "Purchasing", weight: 6, commonRole: 7),
    Department(name: "Finance", weight: 9, commonRole: 1),
    Department(name: "Logistics", weight: 12, commonRole: 8),
    Department(name: "Production", weight: 18, commonRole: 4),
    Department(name: "Customer Service", weight: 12, commonRole: 9),
    Department(name: "Engineering", weight: 10, commonRole: 3),
    Department(name: "Marketing", weight: 5, commonRole: 2),
    Department(name: "Human Resources", weight: 4, commonRole: 5),
    Department(name: "Legal", weight: 2, commonRole: 9),
    Department(name: "Quality", weight: 4, commonRole: 2),
    Department(name: "Information Technology", weight: 6, commonRole: 3),
  ]

  /// The first site has the fast network; features planted as slow are slow at all others.
  static let sites: [(name: String, weight: Double)] = [
    ("Headquarters", 36), ("North", 20), ("South", 18), ("Harbour", 14), ("Remote", 12),
  ]

  static let causes = ["crash", "forced_restart", "pop_up", "slow_logon"]

  static let ticketCategories = ["error", "access", "question", "hardware", "request"]

  /// What people write, by category.
  static let ticketComments = [
    "error": [
      "It fails when I save. I had to start again from the beginning.",
      "An error comes up and my entry is gone.",
      "I tried it three times and had to start again from the beginning.",
      "The screen freezes when I save. Nobody knows why.",
    ],
    "access": [
      "I cannot open it since the last update.", "Please give me access. My team waits for it.",
    ],
    "question": [
      "Where do I find the export? The help pages did not help.",
      "How is this meant to be done? The help pages did not help.",
    ],
    "hardware": ["My screen stays dark since the last update."],
    "request": [
      "Could this take fewer steps? It takes me half the morning.",
      "Thank you. That was quick last time. It takes me half the morning without it.",
    ],
  ]

  static let ticketGroups = ["service desk", "applications", "workplace"]

  static let applications: [Application] = [
    Application(
      name: "mail", category: "communication", weight: 1.5, roles: nil,
      features: [
        "message: read send reply forward search",
        "folder: open create move archive empty",
        "attachment: open save preview share remove",
        "rule: create edit test pause delete",
        "mailbox: sync delegate search export clean",
      ]),
    Application(
      name: "crm", category: "sales", weight: 3.0, roles: [0, 2, 6, 9],
      features: [
        "customer: search open update create merge",
        "opportunity: open update create forecast close",
        "quote: create send update compare approve",
        "lead: import qualify assign search convert",
        "campaign: plan start review export segment",
      ]),
    Application(
      name: "erp", category: "operations", weight: 3.0, roles: [0, 1, 2, 7, 8],
      features: [
        "order: search create update release approve",
        "invoice: check post search print approve",
        "payment: prepare run search export cancel",
        "supplier: search rate update create block",
        "contract: search review renew create approve",
      ]),
    Application(
      name: "documents", category: "content", weight: 1.2, roles: nil,
      features: [
        "document: open edit search publish autosave",
        "folder: open create share move archive",
        "template: choose edit create preview publish",
        "version: compare restore review comment approve",
        "link: open copy share check revoke",
      ]),
    Application(
      name: "chat", category: "communication", weight: 1.1, roles: nil,
      features: [
        "conversation: open start search leave mute",
        "channel: open join search create archive",
        "call: join start record share transfer",
        "poll: answer create share close review",
        "file: open share search pin download",
      ]),
    Application(
      name: "calendar", category: "communication", weight: 1.0, roles: nil,
      features: [
        "meeting: create move cancel find open",
        "invitation: accept send forward decline propose",
        "room: find book release compare report",
        "reminder: create snooze dismiss edit repeat",
        "availability: view share set compare print",
      ]),
    Application(
      name: "warehouse", category: "operations", weight: 3.0, roles: [1, 4, 7, 8],
      features: [
        "stock: search count move correct replenish",
        "pick: start scan finish split print",
        "delivery: book check search reject label",
        "shipment: pack label track search release",
        "inventory: count compare post plan approve",
      ]),
    Application(
      name: "ticketing", category: "service", weight: 2.4, roles: [3, 4, 5, 9],
      features: [
        "request: open search answer assign close",
        "incident: open update escalate merge close",
        "change: plan assess schedule review approve",
        "asset: search assign return scan retire",
        "article: search read write link publish",
      ]),
    Application(
      name: "planning", category: "operations", weight: 2.4, roles: [0, 3, 8],
      features: [
        "schedule: view update compare share approve",
        "task: open create assign finish search",
        "capacity: view forecast level compare export",
        "project: open create update report close",
        "forecast: view run adjust compare publish",
      ]),
    Application(
      name: "analytics", category: "insight", weight: 2.2, roles: [0, 2, 3, 9],
      features: [
        "report: run open schedule export share",
        "dashboard: open filter edit share create",
        "dataset: search load join refresh describe",
        "chart: open edit drill copy export",
        "indicator: view define compare alert approve",
      ]),
    Application(
      name: "hr", category: "people", weight: 0.5, roles: nil,
      features: [
        "timesheet: view enter correct submit approve",
        "leave: view request cancel plan approve",
        "training: search book finish rate assign",
        "appraisal: view write discuss sign approve",
        "payslip: view download explain print question",
      ]),
    Application(
      name: "expenses", category: "people", weight: 0.5, roles: nil,
      features: [
        "claim: create submit search copy approve",
        "receipt: scan attach split search delete",
        "trip: create plan update close report",
        "mileage: enter search correct copy export",
        "advance: request search settle cancel approve",
      ]),
  ]
}
