import ArgumentParser
import UsageQuery

struct CoverageCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "coverage",
    abstract: "The adoption ledger: every expected person and feature, in one state each.",
    discussion: """
      EXAMPLES:
        waterline coverage
        waterline coverage --by department,feature --window 28d
        waterline coverage --by feature --where department=Sales --format csv
      """)

  @OptionGroup var options: ReportOptions

  func run() throws { try options.run("coverage") { try UsageReports.coverage($0, $1) } }
}

struct GapsCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "gaps", abstract: "Who has not adopted what, per group.",
    discussion: """
      EXAMPLES:
        waterline gaps --by department,feature
        waterline gaps --by user --where department=Sales --purpose "training invitations"
      """)

  @OptionGroup var options: ReportOptions

  func run() throws { try options.run("gaps") { try UsageReports.gaps($0, $1) } }
}

struct BottlenecksCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "bottlenecks",
    abstract: "Features by the time they cost: frequency, reach, severity and score.",
    discussion: """
      EXAMPLES:
        waterline bottlenecks --limit 10
        waterline bottlenecks --app crm --benchmark 2026-q1
      """)

  @OptionGroup var options: ReportOptions

  func run() throws {
    try options.run("bottlenecks", keepsAnswer: true) { try UsageReports.bottlenecks($0, $1) }
  }
}

struct ErosionCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "erosion", abstract: "Application time lost to failures, slowness, help and interruptions.",
    discussion: """
      EXAMPLES:
        waterline erosion
        waterline erosion --by app
        waterline erosion --by department --from 2026-03-01 --to 2026-04-01
      """)

  @OptionGroup var options: ReportOptions

  func run() throws { try options.run("erosion", keepsAnswer: true) { try UsageReports.erosion($0, $1) } }
}

struct StrikeoutsCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "strikeouts", abstract: "Three failures and more in a row, and how they ended.",
    discussion: """
      EXAMPLES:
        waterline strikeouts
        waterline strikeouts --app erp --format json
      """)

  @OptionGroup var options: ReportOptions

  func run() throws {
    try options.run("strikeouts", keepsAnswer: true) { try UsageReports.strikeouts($0, $1) }
  }
}

struct FlowCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "flow", abstract: "From step to step: waits, retries, repeats and bounces.",
    discussion: """
      EXAMPLES:
        waterline flow --app crm
        waterline flow --feature order.create --limit 50
        waterline flow --ends
      """)

  @OptionGroup var options: ReportOptions
  @Flag(help: "Instead of the steps: with which features sessions start and end.") var ends = false

  func run() throws {
    try options.run(ends ? "flow-ends" : "flow", keepsAnswer: true) {
      ends ? try UsageReports.flowEnds($0, $1) : try UsageReports.flow($0, $1)
    }
  }
}
