import Aggregation
import EventStore
import Testing
import UsageModel

@testable import UsageQuery

struct PopulationTests {
  private let window = Window(from: CivilDay(number: 100), to: CivilDay(number: 128))

  private func population(_ roster: [RosterRow]) -> Population {
    Population(
      PersonDirectory(PeopleColumns(roster: roster, userNames: [""]), requesters: []), window: window)
  }

  private func row(
    _ user: String, _ department: String, from: Int32? = nil, to: Int32? = nil, isService: Bool = false
  ) -> RosterRow {
    RosterRow(
      user: user, department: department, activeFrom: from.map { CivilDay(number: $0) },
      activeTo: to.map { CivilDay(number: $0) }, isService: isService)
  }

  private func department(_ population: Population, _ member: Int) -> String? {
    population.attributes[.department]?.table.values[
      Int(population.rank(of: .department, member: member))] ?? nil
  }

  @Test func moversHaveTheAttributesOfTheirLastDay() {
    let found = population([
      row("ann", "New", from: 110), row("ann", "Old", to: 110), row("bob", "Later", from: 128),
      row("bob", "Now", to: 120),
    ])
    #expect(found.memberCount == 2)
    #expect(department(found, 0) == "New")
    #expect(department(found, 1) == "Now")
    #expect(found.activeDays == [28, 20])
  }

  @Test func leaversJoinersAndServicesAreOutside() {
    let found = population([
      row("gone", "A", to: 100), row("coming", "A", from: 128), row("service", "A", isService: true),
      row("half", "A", to: 110), row("half", "B", from: 110, isService: true), row("last", "", from: 127),
    ])
    #expect(found.memberCount == 1)
    #expect(department(found, 0) == nil)
    #expect(found.activeDays == [1])
  }

  @Test func aliasesResolveOnceAndNeverOverAUser() {
    let roster = [
      RosterRow(user: "ann", aliases: ["A1", "bob"]), RosterRow(user: "bob", aliases: ["B1"]),
    ]
    let directory = PersonDirectory(
      PeopleColumns(roster: roster, userNames: ["", "B1", "bob", "A1", "zoe", "zoe\u{301}"]),
      requesters: ["A1"])
    let ann = directory.personOfUser[3]
    let bob = directory.personOfUser[2]
    #expect(directory.names[Int(ann)] == "ann")
    #expect(directory.personOfUser[1] == bob)
    #expect(ann != bob)
    #expect(directory.personOfTicket == [ann])
    #expect(directory.personOfUser[4] != directory.personOfUser[5])
    #expect(directory.people(named: ["A1", "nobody", "bob"]) == [ann, nil, bob])
    #expect(directory.rosterRows.map { $0 } == [[0], [1]])
  }

  @Test func groupsAreNumberedAsTheyFirstAppear() {
    let found = population([
      row("a", "X"), row("b", "Y"), row("c", ""), row("d", "Y"), row("e", "X"),
    ])
    let groups = PersonGroups(
      [.department, .site], population: found, isChosen: [true, true, true, true, false])
    #expect(groups.groupOfMember == [0, 1, 2, 1, -1])
    #expect(groups.keys == [[1, 0], [2, 0], [0, 0]])
    #expect(
      PersonGroups([], population: found, isChosen: [true, false, true, true, true]).groupOfMember == [
        0, -1, 0, 0, 0,
      ])
  }

  @Test func valuesAreFoundByTheirBytes() {
    let table = ValueTable(["b", "a", "caf\u{E9}", "cafe\u{301}", "b"])
    #expect(table.values == [nil, "a", "b", "cafe\u{301}", "caf\u{E9}"])
    for (rank, value) in table.values.enumerated() { #expect(table.rank(of: value) == Int32(rank)) }
    #expect(table.rank(of: "aa") == nil && table.rank(of: "z") == nil && table.rank(of: "") == nil)
  }

  @Test func featureNamesDifferBySpelling() {
    let composed = FeatureName(app: "caf\u{E9}", feature: "x")
    let decomposed = FeatureName(app: "cafe\u{301}", feature: "x")
    #expect(composed != decomposed)
    #expect(Set([composed, decomposed]).count == 2)
    #expect(decomposed < composed)
    #expect(FeatureName(app: "a", feature: nil) < FeatureName(app: "a", feature: ""))
    #expect(FeatureName(app: "a", feature: "z") < FeatureName(app: "b", feature: nil))
  }
}
