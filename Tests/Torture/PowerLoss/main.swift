import CPowerLoss
import Foundation

// power-loss [--file store|spool] [--cuts N] [--seed N] [--directory DIR] [--lying-disk | --full-disk]
//
// Commits, merges and checkpoints of a database, or what an agent does with its spool, through a VFS that forgets or
// tears what was not synced; after each cut every commit that returned must be there, whole, and nothing else. With
// --lying-disk syncs do nothing: then losses must be found, which shows that the checks see them. With --full-disk
// (of the store) writes find no room now and then: what fails must never show, also not after a cut.

func fail(_ text: String) -> Never {
  FileHandle.standardError.write(Data("power-loss: \(text)\n".utf8))
  exit(2)
}

func say(_ text: String) { FileHandle.standardOutput.write(Data((text + "\n").utf8)) }

var program = PowerLossProgram()
var arguments = CommandLine.arguments.dropFirst()
while let argument = arguments.popFirst() {
  func number() -> UInt64 {
    guard let value = arguments.popFirst().flatMap({ UInt64($0) }) else { fail("\(argument) takes a number") }
    return value
  }
  switch argument {
  case "--cuts": program.cuts = Int(clamping: number())
  case "--seed": program.seed = number()
  case "--file":
    guard let victim = arguments.popFirst().flatMap(PowerLossProgram.Victim.init) else {
      fail("--file takes store or spool")
    }
    program.victim = victim
  case "--directory": program.directory = arguments.popFirst() ?? "."
  case "--lying-disk": program.isDiskLying = true
  case "--full-disk": program.isDiskFilling = true
  default: fail("unknown argument \(argument)")
  }
}

do {
  let started = Date()
  say(
    "power-loss of the \(program.victim.rawValue): seed \(program.seed), \(program.cuts) cuts\(program.isDiskLying ? ", lying disk" : "")"
  )
  let findings = try program.run()
  for finding in findings.prefix(10) { say("FOUND \(finding)") }
  let counts = wl_power_count()
  say(
    """
    \(counts.cuts) cuts in \(Int(Date().timeIntervalSince(started))) s, after \(counts.changes) changes and \
    \(counts.syncs) syncs; of what was not synced \(counts.sectors_kept) sectors kept, \(counts.sectors_lost) \
    lost, \(counts.sectors_torn) torn; \(counts.files_vanished) new files gone, \(counts.files_back) deleted \
    files back; \(counts.refused) writes found no room; \(findings.count) findings
    """)
  if program.isDiskLying {
    say(
      findings.isEmpty ? "FAILED: a lying disk went unnoticed" : "the lying disk was noticed, as it must be")
    exit(findings.isEmpty ? 1 : 0)
  }
  exit(findings.isEmpty ? 0 : 1)
} catch {
  fail("\(error)")
}
