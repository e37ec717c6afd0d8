import Testing

@testable import UsageModel

struct SpoolNameTests {
  /// Whoever proves nothing has spools of its own account only, whatever name it gives.
  @Test func keepsAccountsApart() {
    let senders = ["pc", "~pc", "1000:pc", "\u{1}1000:pc", "\u{1}:pc", ":", "\u{1}", "日本"]
    let accounts: [Int64?] = [nil, 0, 1000, -1]
    var names: Set<SpoolName> = []
    for sender in senders {
      for account in accounts {
        let name = SpoolName(unproven: sender, account: account, spool: 7)
        names.insert(name)
        #expect(name.isUnproven && name.claimedSender == sender, "\(sender.debugDescription)")
      }
    }
    #expect(names.count == senders.count * accounts.count)
    #expect(SpoolName(unproven: "pc", account: nil, spool: 7).sender == "~pc", "as stored before")
    #expect(SpoolName(sender: "pc", spool: 7).claimedSender == "pc")
  }
}
