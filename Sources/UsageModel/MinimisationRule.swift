/// One rule of what an agent leaves out or hashes before anything is written or sent.
///
///     drop app=solitaire
///     remove attributes.url app=firefox*
///     hash user
///
/// Conditions all have to hold, and look at the event as it came, whatever rules before this one did.
package struct MinimisationRule: Equatable, Sendable {
  package enum Action: Equatable, Sendable {
    /// The event is left out.
    case drop
    case remove(Field)
    /// The value is replaced by a keyed hash of it.
    case hash(Field)
  }

  /// What an event has, as rules call it.
  package enum Field: Hashable, Sendable {
    case user, app, feature, kind, outcome, duration, host, session, version, cause
    /// All attributes.
    case attributes
    case attribute(String)
  }

  package struct Condition: Equatable, Sendable {
    package var field: Field
    package var pattern: GlobPattern
    package var isNegated: Bool
  }

  package var action: Action
  package var conditions: [Condition]

  /// Reads a rule.
  ///
  /// - Throws: what is wrong, as a sentence's end.
  package init(_ text: String) throws(MinimisationRuleError) {
    var words = try Self.words(text)
    guard !words.isEmpty else { throw MinimisationRuleError("is empty") }
    let verb = words.removeFirst()
    switch verb {
    case "drop": action = .drop
    case "remove", "hash":
      guard !words.isEmpty else { throw MinimisationRuleError("'\(verb)' needs a field") }
      let name = words.removeFirst()
      guard let field = Field(name) else { throw Self.unknownField(name) }
      action = verb == "hash" ? .hash(field) : .remove(field)
      guard verb == "hash" ? field.canBeHashed : field.canBeRemoved else {
        throw MinimisationRuleError("'\(name)' cannot be \(verb == "hash" ? "hashed" : "removed")")
      }
    default: throw MinimisationRuleError("begins with '\(verb)' instead of drop, remove or hash")
    }
    conditions = []
    for word in words { conditions.append(try Self.condition(word)) }
    if action == .drop && conditions.isEmpty {
      throw MinimisationRuleError("would drop everything: add a condition such as app=NAME")
    }
  }

  private static func condition(_ word: String) throws(MinimisationRuleError) -> Condition {
    guard let equals = word.firstIndex(of: "="), equals > word.startIndex else {
      throw MinimisationRuleError("has '\(word)' instead of a condition such as app=NAME")
    }
    let isNegated = word[word.index(before: equals)] == "!"
    let name = String(word[..<equals].dropLast(isNegated ? 1 : 0))
    guard let field = Field(name), field != .attributes, field != .duration else { throw unknownField(name) }
    return Condition(
      field: field, pattern: GlobPattern(String(word[word.index(after: equals)...])), isNegated: isNegated)
  }

  private static func unknownField(_ name: String) -> MinimisationRuleError {
    MinimisationRuleError(
      "has no field '\(name)': there are user, app, feature, kind, outcome, duration, host, session, version, "
        + "cause and attributes.NAME")
  }

  /// Words between white space; quotation marks keep a word together and are left out.
  private static func words(_ text: String) throws(MinimisationRuleError) -> [String] {
    var words: [String] = []
    var word: String?
    var isQuoted = false
    for character in text {
      switch character {
      case "\"":
        isQuoted.toggle()
        word = word ?? ""
      case " " where !isQuoted, "\t" where !isQuoted:
        if let word { words.append(word) }
        word = nil
      default: word = (word ?? "") + String(character)
      }
    }
    if isQuoted { throw MinimisationRuleError("has a quotation mark without its partner") }
    if let word { words.append(word) }
    return words
  }
}

extension MinimisationRule.Field {
  init?(_ name: String) {
    switch name {
    case "user": self = .user
    case "app": self = .app
    case "feature": self = .feature
    case "kind": self = .kind
    case "outcome": self = .outcome
    case "duration": self = .duration
    case "host": self = .host
    case "session": self = .session
    case "version": self = .version
    case "cause": self = .cause
    case "attributes": self = .attributes
    default:
      guard name.hasPrefix("attributes."), name.utf8.count > "attributes.".utf8.count else { return nil }
      self = .attribute(String(name.dropFirst("attributes.".count)))
    }
  }

  /// What an event can do without.
  var canBeRemoved: Bool {
    switch self {
    case .duration, .host, .session, .version, .cause, .attributes, .attribute: true
    case .user, .app, .feature, .kind, .outcome: false
    }
  }

  var canBeHashed: Bool {
    switch self {
    case .user, .app, .feature, .host, .session, .version, .cause, .attribute: true
    case .kind, .outcome, .duration, .attributes: false
    }
  }
}

/// What is wrong with a rule, as a sentence's end.
package struct MinimisationRuleError: Error, CustomStringConvertible, Sendable {
  package var description: String
  init(_ description: String) { self.description = description }
}

/// A text in which `*` stands for any bytes, also none.
package struct GlobPattern: Equatable, Sendable {
  private let bytes: [UInt8]

  package init(_ text: String) { bytes = Array(text.utf8) }

  /// - Complexity: O(text × pattern) at worst.
  package func matches(_ text: String) -> Bool {
    let star = UInt8(ascii: "*")
    let text = Array(text.utf8)
    var (place, wanted) = (0, 0)
    // Where to go on if what follows the last star does not fit here.
    var retry: (place: Int, wanted: Int)?
    while place < text.count {
      if wanted < bytes.count, bytes[wanted] == star {
        retry = (place, wanted + 1)
        wanted += 1
      } else if wanted < bytes.count, bytes[wanted] == text[place] {
        place += 1
        wanted += 1
      } else if let again = retry {
        retry = (again.place + 1, again.wanted)
        (place, wanted) = (again.place + 1, again.wanted)
      } else {
        return false
      }
    }
    return bytes[wanted...].allSatisfy { $0 == star }
  }
}
