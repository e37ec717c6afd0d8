import CPowerLoss
import Foundation
import GRDB

/// Cuts the power again and again, and looks at what is left each time.
struct PowerLossProgram {
  var cuts = 100
  var seed: UInt64 = 1
  var victim = Victim.store
  var directory = FileManager.default.temporaryDirectory.path
  /// The disk says "synced" and has not: the checks must find losses then.
  var isDiskLying = false
  /// The disk is full now and then, of the store only.
  var isDiskFilling = false

  /// The file that loses power.
  enum Victim: String, CaseIterable {
    case store
    case spool
  }

  /// Cuts that one file lives through before a new one is begun.
  private static let cutsPerLife = 20

  /// Runs all cuts; returns what was found wrong, one line each.
  func run() throws -> [String] {
    guard wl_power_install() == 0 else { throw Finding("the VFS cannot be registered") }
    wl_power_ignore_syncs(isDiskLying)
    var findings: [String] = []
    var done = 0
    while done < cuts {
      let lifeSeed = seed &+ UInt64(done) &* 1_000_003
      let place = directory + "/power-loss-\(getpid())-\(done)"
      try FileManager.default.createDirectory(atPath: place, withIntermediateDirectories: true)
      defer {
        // Nothing is open any more: the VFS forgets this life's files before they go.
        _ = wl_power_restore(lifeSeed)
        try? FileManager.default.removeItem(atPath: place)
      }
      let life: any Life =
        switch victim {
        case .store: StoreLife(directory: place, seed: lifeSeed, isDiskFilling: isDiskFilling)
        case .spool: SpoolLife(directory: place, seed: lifeSeed)
        }
      var random = SeededRandom(seed: ~lifeSeed)
      for index in 0..<min(Self.cutsPerLife, cuts - done) {
        if let finding = try Self.cut(life, using: &random) {
          findings.append("seed \(lifeSeed), cut \(index + 1): \(finding)")
          break
        }
      }
      done += Self.cutsPerLife
    }
    return findings
  }

  /// One cut; nil when everything was in order after it.
  private static func cut(_ life: some Life, using random: inout SeededRandom) throws -> String? {
    // Early cuts hit the opening and single commits, late ones merges and checkpoints.
    let bound = Int64([8, 40, 200, 1_000].randomElement(using: &random) ?? 40)
    wl_power_cut_after(Int64.random(in: 1...bound, using: &random))
    do {
      try life.workUntilTheCut()
    } catch {
      guard wl_power_is_off() else { return "failed with the power on: \(error)" }
    }
    wl_power_cut()
    life.letGo()
    let open = wl_power_restore(random.next())
    guard open == 0 else { throw Finding("\(open) files stayed open") }
    do {
      try life.check()
    } catch {
      life.letGo()
      return "\(error)"
    }
    return nil
  }
}
