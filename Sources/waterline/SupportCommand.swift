import ArgumentParser
import UsageQuery

struct SupportCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "support",
    abstract: "Above and below the waterline: tickets beside the friction nobody called about.",
    discussion: """
      The totals are the same in every view. Views, and what --by takes in them:
        desk         the desk's figures                  priority, group, level, app, category
        friction     what went wrong, heard of or not    app, feature
        sides        desk and people side by side        app
        distraction  attention in long pieces            department, role, site
        lorenz       how unevenly tickets fall

      EXAMPLES:
        waterline support
        waterline support --by priority --window 90d
        waterline support --view friction --limit 10
        waterline support --view sides --app crm --format json
      """)

  @OptionGroup var options: ReportOptions

  @Option(help: ArgumentHelp("desk, friction, sides, distraction or lorenz.", valueName: "view"))
  var view: SupportView = .desk

  func run() throws {
    try options.run("support", by: "") { data, query in
      try UsageReports.support(data, query, try SupportChoice(view: view, by: options.by))
    }
  }
}

extension SupportView: ExpressibleByArgument {}
