import Aggregation
import UsageModel

extension UsageReports {
  private static let voiceNames = ["phrase", "people", "tickets"]

  /// Words that several people used in comments of tickets opened in the window, without names.
  ///
  /// `docs/methods.md`, section 12, says which words are taken out first.
  package static func voices(_ data: some UsageData, _ options: QueryOptions) throws -> ReportDocument {
    try refuse(GroupDimension.allCases, in: options, report: "voices", because: "its rows are phrases")
    let scope = try ReportScope(data, options, reach: .window, columns: timeColumns)
    let tickets = SupportTickets(scope)
    let comments = tickets.opened.filter { $0.member >= 0 && !$0.ticket.comment.isEmpty }
    let newest = comments.sorted { left, right in
      (right.ticket.openedMilliseconds, Utf8Key(left.ticket.id))
        < (left.ticket.openedMilliseconds, Utf8Key(right.ticket.id))
    }.prefix(Voices.commentsMax)
    var voices = Voices(hidden: hiddenWords(scope, try data.roster()))
    for entry in newest { voices.add(entry.ticket.comment, person: entry.member) }
    let minimum = max(Voices.peopleMin, options.minimumGroupSize)
    var result = document(
      "voices", scope: scope, columns: [], valueNames: voiceNames,
      rows: ReportRows([], columns: [], minimumPeople: options.minimumGroupSize),
      totals: scope.totals(tooNew: 0, suppressed: 0) + [
        ReportField("comments", ReportValue(count: comments.count))
      ], warnings: scope.warnings)
    result.rows = voices.phrases(peopleMin: minimum).map { phrase in
      [.text(phrase.text), ReportValue(count: phrase.people), ReportValue(count: phrase.tickets)]
    }
    return result
  }

  /// Every word of a name that is known: people, their aliases and managers, requesters, owners of tickets.
  private static func hiddenWords(_ scope: ReportScope, _ roster: [RosterRow]) -> Set<String> {
    var words: Set<String> = []
    func hide(_ name: String) { for word in Voices.words(of: name) { words.insert(word) } }
    for row in roster {
      hide(row.user)
      hide(row.manager)
      row.aliases.forEach(hide)
    }
    scope.directory.names.forEach(hide)
    for ticket in scope.tickets {
      hide(ticket.requester)
      hide(ticket.owner)
    }
    return words
  }
}

/// Phrases of two to fifteen words, by how many people used them.
struct Voices {
  struct Phrase: Equatable {
    var text: String
    var people: Int
    var tickets: Int

    var wordCount: Int { 1 + text.utf8.count { $0 == UInt8(ascii: " ") } }

    /// Whether more than half of the shorter one's words stand together in the other.
    func overlaps(_ other: Phrase) -> Bool {
      let own = text.split(separator: " ")
      let others = other.text.split(separator: " ")
      let length = min(own.count, others.count) / 2 + 1
      return (0...own.count - length).contains { start in
        (0...others.count - length).contains { place in
          own[start..<start + length].elementsEqual(others[place..<place + length])
        }
      }
    }
  }

  /// Newest comments that are read: with ``commentBytesMax`` it bounds time and memory.
  static let commentsMax = 20_000
  /// A complaint is made at its beginning; what follows is signature and history.
  static let commentBytesMax = 1_000
  /// Words that one or two people used are theirs, whatever group size was asked for.
  static let peopleMin = 3
  static let phrasesMax = 12
  /// A phrase says something if one of its words is this long.
  private static let longWordMin = 5
  private static let wordCounts = 2...15

  private let hidden: Set<String>
  /// Stretches of words between marks of punctuation and hidden words, with the place of their comment.
  private var stretches: [(words: [String], comment: Int)] = []
  private var personOfComment: [Int32] = []

  init(hidden: Set<String>) { self.hidden = hidden }

  /// Takes a comment of a person of the population.
  mutating func add(_ comment: String, person: Int32) {
    let text = String(decoding: comment.utf8.prefix(Self.commentBytesMax), as: UTF8.self)
    var current: [String] = []
    func close(_ stretches: inout [(words: [String], comment: Int)]) {
      if current.count >= Self.wordCounts.lowerBound { stretches.append((current, personOfComment.count)) }
      current = []
    }
    for part in Self.parts(of: text) {
      switch part {
      case .word(let word) where !isHidden(word): current.append(word)
      case .word, .mark: close(&stretches)
      }
    }
    close(&stretches)
    personOfComment.append(person)
  }

  /// Names, and whatever holds a digit: numbers of telephones, orders and people.
  private func isHidden(_ word: String) -> Bool {
    hidden.contains(word) || word.unicodeScalars.contains { $0.properties.numericType != nil }
  }

  /// The phrases of enough people, by people times words; none that a phrase before it contains.
  ///
  /// - Complexity: O(words of all comments): words, then longer phrases, are only kept when enough people used
  ///   their parts.
  func phrases(peopleMin: Int) -> [Phrase] {
    var frequent = Set(counted(1, within: nil).filter { $0.value.people.count >= peopleMin }.keys)
    var found: [Phrase] = []
    for count in Self.wordCounts {
      let kept = counted(count, within: frequent).filter { $0.value.people.count >= peopleMin }
      frequent = Set(kept.keys)
      found += kept.compactMap { words, uses in
        words.contains { $0.count >= Self.longWordMin }
          ? Phrase(
            text: words.joined(separator: " "), people: uses.people.count, tickets: uses.comments.count)
          : nil
      }
    }
    let ordered = found.sorted { left, right in
      let (first, second) = (left.people * left.wordCount, right.people * right.wordCount)
      return first == second ? left.text.precedesByBytes(right.text) : first > second
    }
    var shown: [Phrase] = []
    for phrase in ordered where shown.count < Self.phrasesMax {
      if !shown.contains(where: { $0.overlaps(phrase) }) { shown.append(phrase) }
    }
    return shown
  }

  private typealias Uses = (people: Set<Int32>, comments: Set<Int>)

  /// Who used each phrase of so many words, of those whose parts are among the frequent ones.
  private func counted(_ count: Int, within frequent: Set<[String]>?) -> [[String]: Uses] {
    var uses: [[String]: Uses] = [:]
    for (words, comment) in stretches where words.count >= count {
      for start in 0...words.count - count {
        let phrase = Array(words[start..<start + count])
        if let frequent {
          guard frequent.contains(Array(phrase.dropLast())), frequent.contains(Array(phrase.dropFirst()))
          else { continue }
        }
        uses[phrase, default: ([], [])].people.insert(personOfComment[comment])
        uses[phrase, default: ([], [])].comments.insert(comment)
      }
    }
    return uses
  }

  // MARK: Words

  private enum Part {
    case word(String)
    case mark
  }

  /// The words of a name or text, in small letters.
  static func words(of text: String) -> [String] {
    parts(of: text).compactMap { if case .word(let word) = $0 { word } else { nil } }
  }

  /// Letters, digits and apostrophes make words; anything but white space between them ends a phrase.
  private static func parts(of text: String) -> [Part] {
    var parts: [Part] = []
    var word = ""
    func close() {
      if !word.isEmpty { parts.append(.word(word.lowercased())) }
      word = ""
    }
    for character in text {
      if character.isLetter || character.isNumber || ((character == "'" || character == "’") && !word.isEmpty)
      {
        word.append(character)
      } else {
        close()
        if !character.isWhitespace { parts.append(.mark) }
      }
    }
    close()
    return parts
  }
}
