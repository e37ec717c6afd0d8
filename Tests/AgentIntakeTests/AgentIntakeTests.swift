import Delivery
import Ingest
import Testing
import UsageModel

@testable import AgentIntake
@testable import WireFormat

@Suite struct AgentIntakeTests {
  private let now: Int64 = 1_767_225_600_000

  private func intake(_ rules: String..., memory: SpoolMemory = SpoolMemory()) throws -> AgentIntake {
    AgentIntake(
      minimiser: Minimiser(rules: try rules.map { try MinimisationRule($0) }, key: [UInt8](1...32)),
      mergeGapMilliseconds: 10_000, ownSource: "pc:1", memory: memory)
  }

  private func sealed(_ lines: String..., speaker: String = "") -> SealedBatch {
    let batch = EventBatch()
    batch.setSpeaker(Array(speaker.utf8))
    var decoder = JSONEventDecoder()
    let bytes = Array(lines.joined(separator: "\n").utf8)
    _ = bytes.withUnsafeBufferPointer { decoder.decodeLines($0, isFinal: true, into: batch) }
    return SealedBatch(batch: batch, transport: .unixStream, receivedMilliseconds: now, kernelDrops: 0)
  }

  private func line(_ user: String, app: String = "crm", _ rest: String = "") -> String {
    #"{"time":\#(now),"user":"\#(user)","app":"\#(app)","feature":"f"\#(rest)}"#
  }

  @Test func peopleSpeakForThemselves() throws {
    var intake = try intake()
    let mine = intake.take([sealed(line("ann"), line("bob"), speaker: "ann")], nowMilliseconds: now)
    #expect(mine.events.map(\.user) == ["ann"])
    #expect(intake.counts.refused == [.notYours: 1] && intake.counts.accepted == 1)
    let relay = intake.take([sealed(line("ann"), line("bob"))], nowMilliseconds: now)
    #expect(relay.events.map(\.user) == ["ann", "bob"])
  }

  @Test func sourcesBelongToTheFirstAccount() throws {
    var intake = try intake()
    let numbered = #","source":"app","seq":1"#
    let first = intake.take([sealed(line("ann", numbered), speaker: "ann")], nowMilliseconds: now)
    #expect(first.owners == [SourceOwner(source: "app", login: "ann")] && first.events.count == 1)
    let second = intake.take([sealed(line("bob", numbered), speaker: "bob")], nowMilliseconds: now)
    #expect(second.events.isEmpty && second.owners.isEmpty && intake.counts.refused == [.notYours: 1])
    // Nobody takes the agent's own numbers, root neither.
    let own = #","source":"pc:1","seq":1"#
    #expect(intake.take([sealed(line("ann", own))], nowMilliseconds: now).events.isEmpty)
    // Remembered over restarts.
    var memory = SpoolMemory()
    memory.owners = first.owners
    var later = try self.intake(memory: memory)
    let fromBob = later.take([sealed(line("bob", numbered), speaker: "bob")], nowMilliseconds: now)
    #expect(fromBob.events.isEmpty)
    #expect(!later.take([sealed(line("ann", numbered), speaker: "ann")], nowMilliseconds: now).isEmpty)
  }

  /// As at the collector: what root or a relay numbered under is no account's.
  @Test func noAccountTakesOverWhatOthersUsed() throws {
    var intake = try intake()
    let numbered = #","source":"app","seq":1"#
    let root = intake.take([sealed(line("ann", numbered))], nowMilliseconds: now)
    #expect(root.owners == [SourceOwner(source: "app", login: "")] && root.events.count == 1)
    #expect(intake.take([sealed(line("ann", numbered), speaker: "ann")], nowMilliseconds: now).events.isEmpty)
    #expect(intake.take([sealed(line("bob", numbered))], nowMilliseconds: now).owners.isEmpty, "told once")
    var memory = SpoolMemory()
    memory.owners = root.owners
    var later = try self.intake(memory: memory)
    #expect(later.take([sealed(line("ann", numbered), speaker: "ann")], nowMilliseconds: now).events.isEmpty)
    #expect(later.take([sealed(line("ann", numbered))], nowMilliseconds: now).events.count == 1)
  }

  @Test func sourcesOfRelaysAreBounded() throws {
    var rules = SpeakerRules(ownSource: "pc:1", owners: [SourceOwner(source: "mine", login: "ann")])
    for number in 0...SpeakerRules.sourcesOfAnybodyMax {
      let isAllowed = rules.allows(source: "s\(number)", speaker: nil)
      #expect(isAllowed)
    }
    #expect(rules.takeClaims().count == SpeakerRules.sourcesOfAnybodyMax)
    let (own, new) = (
      rules.allows(source: "mine", speaker: "ann"), rules.allows(source: "new", speaker: "ann")
    )
    #expect(own && !new, "nobody knows any more whose it is")
  }

  @Test func anAccountCannotFillTheSpoolWithSources() throws {
    var rules = SpeakerRules(ownSource: "pc:1")
    let allowed = (0..<5_000).count { rules.allows(source: "s\($0)", speaker: "ann") }
    #expect(allowed == SpeakerRules.sourcesPerOwnerMax)
    let isBobAllowed = rules.allows(source: "other", speaker: "bob")
    #expect(isBobAllowed)
    let claims = [rules.takeClaims().count, rules.takeClaims().count]
    #expect(claims == [allowed + 1, 0])
  }

  @Test func whatARuleDropsIsToldIfItHasANumber() throws {
    var intake = try intake("drop app=game")
    let addition = intake.take(
      [
        sealed(
          line("ann", app: "game"), line("ann", app: "game", #","source":"app","seq":7"#), line("ann"))
      ], nowMilliseconds: now)
    #expect(addition.events.count == 1)
    #expect(addition.unsent == [.init(source: "app", isWithheld: true, ranges: [7...7])])
    #expect(intake.counts.withheld == 2)
  }

  @Test func numberedHeartbeatsAreNotJoined() throws {
    var intake = try intake()
    func focus(_ rest: String) -> String {
      #"{"time":\#(now),"user":"ann","app":"crm","kind":"focus"\#(rest)}"#
    }
    let addition = intake.take(
      [sealed(focus(#","source":"a","seq":1"#), focus(#","source":"a","seq":2"#), focus(""), focus(""))],
      nowMilliseconds: now)
    #expect(addition.events.map(\.sequence) == [1, 2])
    #expect(addition.openFocus?.count == 1)
    #expect(intake.take([], nowMilliseconds: now).isEmpty, "nothing changed")
    let rest = intake.completeAll()
    #expect(rest.events.count == 1 && rest.openFocus == [])
  }

  @Test func numbersOfOthersAreNotWithheldByStrangers() throws {
    var intake = try intake()
    _ = intake.take([sealed(line("ann", #","source":"app","seq":1"#), speaker: "ann")], nowMilliseconds: now)
    func telling(_ speaker: String) -> SealedBatch {
      var delivery = DeliveredBatch(
        spool: SpoolName(sender: "~x", spool: 1), batch: 1, oldestBatch: 1, window: PacketWindow(),
        clockOffsetMilliseconds: 0)
      delivery.unsent = [
        .init(source: "app", isWithheld: true, ranges: [2...5], speaker: Array(speaker.utf8))
      ]
      let header = EnvelopeHeader(
        type: .batch, mode: .none, spoolID: 1, packetNumber: 1, batchNumber: 1, oldestBatch: 1,
        sendMilliseconds: 0, sender: "x", keyID: "")
      var batch = sealed()
      batch.deliveries = [(delivery, AnswerTicket(header: header, spool: delivery.spool))]
      return batch
    }
    let strangers = intake.take([telling("bob")], nowMilliseconds: now)
    #expect(strangers.unsent.isEmpty && strangers.deliveries.count == 1)
    #expect(intake.take([telling("ann")], nowMilliseconds: now).unsent.map(\.ranges) == [[2...5]])
  }

  @Test func refusedEventsAreCountedByReason() throws {
    var intake = try intake()
    _ = intake.take([sealed("{}", "nonsense", line("ann"))], nowMilliseconds: now)
    #expect(intake.counts.refused == [.missingTime: 1, .notJSON: 1])
    #expect(intake.counts.refusedTotal == 2 && intake.counts.accepted == 1)
  }

  /// Reasons, and numbers of sources that the sender may speak of; nothing of what stood in the events.
  @Test func refusedEventsAreToldToTheCollector() throws {
    var intake = try intake()
    let bad = #"{"user":"ann","app":"crm","feature":"f","source":"app","seq":"#
    let taken = intake.take(
      [
        sealed("\(bad)2}", "\(bad)4}", "\(bad)3}", "\(bad)3}", "nonsense", line("bob"), speaker: "ann"),
        sealed("\(bad)9}", speaker: "bob"),
      ], nowMilliseconds: now)
    #expect(taken.events.isEmpty && taken.owners == [SourceOwner(source: "app", login: "ann")])
    #expect(
      taken.refused == [
        .init(reason: .missingTime, source: nil, count: 1, ranges: []),
        .init(reason: .missingTime, source: "app", count: 4, ranges: [2...4]),
        .init(reason: .notJSON, source: nil, count: 1, ranges: []),
        .init(reason: .notYours, source: nil, count: 1, ranges: []),
      ])
    #expect(intake.counts.refusedTotal == 7)
  }
}
