import DemoOrganisation

/// A small organisation, drawn once and shared by the tests.
struct SmallOrganisation: Sendable {
  let plan: DemoPlan
  let events: [DemoEvent]
  let tickets: [DemoTicket]

  init(seed: UInt64) {
    plan = DemoPlan(seed: seed, people: 200, events: 20_000, lastDay: 20_777)
    var events: [DemoEvent] = []
    tickets = plan.forEachEvent { events.append(copy $0) }
    self.events = events
  }

  static let shared = SmallOrganisation(seed: 1)
}

/// The 64-bit FNV-1a hash of bytes, after Fowler, Noll and Vo: enough to tell whether bytes are the same.
func hash(_ bytes: [UInt8]) -> UInt64 {
  bytes.reduce(0xCBF2_9CE4_8422_2325) { ($0 ^ UInt64($1)) &* 0x100_0000_01B3 }
}

/// Everything that a plan writes: events, tables and the planted truth.
func allBytes(_ organisation: SmallOrganisation) -> [UInt8] {
  let renderer = EventRenderer(plan: organisation.plan)
  var bytes = organisation.plan.rosterCSV() + organisation.plan.catalogCSV()
  bytes += organisation.plan.ticketsCSV(organisation.tickets) + organisation.plan.plantedJSON()
  for event in organisation.events { renderer.append(event, to: &bytes) }
  return bytes
}
