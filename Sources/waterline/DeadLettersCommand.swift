import ArgumentParser
import Control
import EventStore
import Foundation
import GRDB
import Report
import UsageModel
import UsageQuery

struct DeadLettersCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "dead-letters", abstract: "Refused events: look at them, read them again, or drop them.",
    discussion: """
      At most 10,000 letters and 16 MiB are kept, of which the oldest go first, and 1,024 of one batch. All stay \
      counted; 'status' shows how many were dropped.

      EXAMPLES:
        waterline dead-letters list --reason time
        waterline dead-letters show 17 --purpose "why the till's events are refused"
        waterline dead-letters replay --reason time
      """,
    subcommands: [List.self, Show.self, Replay.self, Drop.self], defaultSubcommand: List.self)

  /// Which letters.
  struct Choice: ParsableArguments {
    @Argument(help: ArgumentHelp("Numbers of letters, as 'list' shows them.", valueName: "id"))
    var ids: [Int64] = []

    @Option(help: ArgumentHelp("Only those refused for this reason.", valueName: "reason"))
    var reason: String?

    @Option(help: ArgumentHelp("Only those of this source.", valueName: "source"))
    var source: String?

    @Option(help: ArgumentHelp("Only those received from this day (UTC) on, YYYY-MM-DD.", valueName: "date"))
    var from: String?

    @Option(help: ArgumentHelp("Only those received before this day.", valueName: "date"))
    var to: String?

    var isEmpty: Bool { ids.isEmpty && reason == nil && source == nil && from == nil && to == nil }

    func validate() throws {
      if ids.count > DeadLetterStore.lettersMax {
        throw ValidationError("no more than \(DeadLetterStore.lettersMax) letters are kept at all")
      }
      for (name, text) in [("--from", from), ("--to", to)] where text.map({ CivilDay($0) == nil }) ?? false {
        throw ValidationError("\(name) takes a day as YYYY-MM-DD")
      }
    }

    var filter: DeadLetterFilter {
      var filter = DeadLetterFilter()
      filter.ids = ids
      filter.reason = reason
      filter.source = source
      filter.fromMilliseconds = from.flatMap { CivilDay($0)?.startMilliseconds }
      filter.toMilliseconds = to.flatMap { CivilDay($0)?.startMilliseconds }
      return filter
    }
  }

  struct List: ParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "list", abstract: "Which letters there are, without their content.",
      discussion: """
        EXAMPLES:
          waterline dead-letters list
          waterline dead-letters list --reason missing_user --from 2026-03-01
        """)

    @OptionGroup var choice: Choice
    @OptionGroup var database: DatabaseOption
    @OptionGroup var format: FormatOptions

    func run() throws {
      let letters = try EventStore(readingAt: database.path).read {
        try DeadLetterStore.all(choice.filter, withBytes: false, in: $0)
      }
      format.print(
        GenericTable(
          columns: ["id", "received", "transport", "reason", "line", "seq", "bytes"],
          rows: letters.map { letter in
            [
              .integer(letter.id), .text(TimestampText.utc(letter.receivedMilliseconds)),
              .text(letter.transport), .text(letter.reason),
              DeadLettersCommand.optional(letter.line.map(Int64.init)),
              DeadLettersCommand.optional(letter.sequence), .integer(Int64(letter.byteCount)),
            ]
          }))
    }
  }

  struct Show: ParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "show", abstract: "What was refused, word for word, and who sent it; it may name people.",
      discussion: """
        The speaker is the local account that sent a letter, or whom its key speaks for; none is shown where that may \
        speak for anybody. Bytes that are no readable text are shown as \\x and two digits, and characters that could act on a \
        terminal as \\u{...}.

        EXAMPLES:
          waterline dead-letters show 17 18 --purpose "why the till's events are refused"
          waterline dead-letters show --reason not_json --limit 5 --purpose "a new agent's first day"
        """)

    @OptionGroup var choice: Choice
    @OptionGroup var database: DatabaseOption
    @OptionGroup var format: FormatOptions

    @Option(help: ArgumentHelp("Why you need to see it; 'audit' shows it.", valueName: "text"))
    var purpose: String?

    func validate() throws {
      if (purpose ?? "").isEmpty {
        throw ValidationError("letters may name people: say why you need to see them with --purpose TEXT")
      }
    }

    func run() throws {
      try Purpose.log(purpose ?? "", databasePath: database.path)
      let letters = try EventStore(readingAt: database.path).read {
        try DeadLetterStore.all(choice.filter, withBytes: true, in: $0)
      }
      guard !letters.isEmpty else {
        throw UsageError("no such dead letter; 'waterline dead-letters' lists them")
      }
      if format.chosenFormat == .table {
        let shown = letters.prefix(format.limit.map { $0 == 0 ? .max : $0 } ?? 20)
        format.write(shown.map(Self.text).joined())
      } else {
        format.printAll(Self.table(letters))
      }
    }

    private static func text(_ letter: DeadLetter) -> String {
      let line = letter.line.map { ", line \($0)" } ?? ""
      let source = letter.source.map { " of \(SafeText.escaping($0))" } ?? ""
      let speaker = letter.speaker.map {
        $0.isEmpty ? ", sent under a key that speaks for nobody" : ", sent by \(SafeText.escaping($0))"
      }
      return """
        letter \(letter.id): \(letter.reason), \(TimestampText.utc(letter.receivedMilliseconds)) over \
        \(letter.transport)\(line)\(source)\(speaker ?? "")
          \(ByteText.readable(letter.bytes))\(letter.isCut ? " … (\(letter.byteCount) bytes in all)" : "")

        """
    }

    private static func table(_ letters: [DeadLetter]) -> GenericTable {
      GenericTable(
        columns: [
          "id", "received", "transport", "source", "speaker", "reason", "line", "seq", "bytes", "content",
        ],
        rows: letters.map { letter in
          [
            .integer(letter.id), .text(TimestampText.utc(letter.receivedMilliseconds)),
            .text(letter.transport), letter.source.map(ReportValue.text) ?? .null,
            letter.speaker.map(ReportValue.text) ?? .null, .text(letter.reason),
            DeadLettersCommand.optional(letter.line.map(Int64.init)),
            DeadLettersCommand.optional(letter.sequence),
            .integer(Int64(letter.byteCount)), .text(ByteText.readable(letter.bytes)),
          ]
        })
    }
  }

  struct Replay: ParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "replay", abstract: "Read letters again, and store what is good now.",
      discussion: """
        For after a newer version, or anything else that makes them acceptable. A letter that is stored goes; \
        one that is refused again stays. Each is stored once, however often this runs. Letters that were \
        refused because of who sent them are only read again when named by number or reason.

        EXAMPLES:
          waterline dead-letters replay --reason time
          waterline dead-letters replay 17 18
          waterline dead-letters replay --all
        """)

    @OptionGroup var choice: Choice
    @Flag(help: "All letters.") var all = false
    @OptionGroup var database: DatabaseOption
    @OptionGroup var format: FormatOptions

    func validate() throws { try DeadLettersCommand.requireChoice(choice, all) }

    func run() throws {
      var filter = choice.filter
      filter.leavesSpeakers = choice.ids.isEmpty && choice.reason == nil
      let line = ProgressLine()
      defer { line.finish() }
      let progress = RequestProgress(line, rowTitle: "reading again", unit: .things("letters"))
      let response = try ControlClient(databasePath: database.path)
        .run(.replayDeadLetters(filter), progress: progress.take)
      line.finish()
      guard case .replayed(let result) = response else { return }
      format.print(
        GenericTable(
          columns: ["accepted", "duplicate", "conflict", "rejected", "cut"],
          rows: [
            [
              .integer(Int64(result.accepted)), .integer(Int64(result.duplicate)),
              .integer(Int64(result.conflict)), .integer(Int64(result.rejectedCount)),
              .integer(Int64(result.cut)),
            ]
          ]))
      for (reason, count) in result.rejected.sorted(by: { $0.key < $1.key }) {
        Output.writeError("refused again: \(count) as \(reason)")
      }
      if result.rejectedCount + result.cut > 0 { throw ExitCode(Termination.partlyRejected) }
    }
  }

  struct Drop: ParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "drop", abstract: "Delete letters for good; what they counted as stays counted.",
      discussion: """
        EXAMPLES:
          waterline dead-letters drop --to 2026-01-01
          waterline dead-letters drop --all
        """)

    @OptionGroup var choice: Choice
    @Flag(help: "All letters.") var all = false
    @OptionGroup var database: DatabaseOption
    @OptionGroup var format: FormatOptions

    func validate() throws { try DeadLettersCommand.requireChoice(choice, all) }

    func run() throws {
      let response = try ControlClient(databasePath: database.path).run(.dropDeadLetters(choice.filter))
      guard case .dropped(let count) = response else { return }
      format.print(GenericTable(columns: ["dropped"], rows: [[.integer(Int64(count))]]))
    }
  }

  private static func optional(_ number: Int64?) -> ReportValue { number.map(ReportValue.integer) ?? .null }

  private static func requireChoice(_ choice: Choice, _ all: Bool) throws {
    if choice.isEmpty != all {
      throw ValidationError(
        "name letters by number, --reason, --source, --from or --to; or take --all of them")
    }
  }
}

/// Bytes of unknown origin as one line for a terminal.
enum ByteText {
  /// UTF-8 where it is sound, `\xNN` where it is not, and nothing that could act on a terminal.
  static func readable(_ bytes: [UInt8]) -> String {
    String(validating: bytes, as: UTF8.self).map(SafeText.escaping) ?? readableAround(bytes)
  }

  /// The same for bytes that are not UTF-8 throughout: all but ASCII as `\xNN`.
  private static func readableAround(_ bytes: [UInt8]) -> String {
    bytes.reduce(into: "") { text, byte in
      if (0x20..<0x7F).contains(byte) {
        text.unicodeScalars.append(Unicode.Scalar(byte))
      } else {
        let digits = String(byte, radix: 16)
        text += "\\x" + (digits.count == 1 ? "0" : "") + digits
      }
    }
  }
}
