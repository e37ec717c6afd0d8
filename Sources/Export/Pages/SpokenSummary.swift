/// The story in half a minute: 60 to 75 words, whatever the figures and names are.
enum SpokenSummary {
  /// At about 140 words a minute, 60 to 75 words take half a minute.
  static let words = 60...75
  /// A name of more words is no name that anyone speaks.
  private static let nameWordsMax = 4

  /// - Parameters:
  ///   - sentences: what must be said, in at most 75 words together once names are cut to ``name(_:)``.
  ///   - fillers: what may be said besides, in at most 15 words each; they stand before the last sentence.
  static func compose(_ sentences: [Prose], fillers: [Prose]) -> Prose {
    var chosen: [Prose] = []
    for filler in fillers {
      let count = wordCount((sentences + chosen).joined())
      if count >= words.lowerBound { break }
      if count + wordCount(filler) <= words.upperBound { chosen.append(filler) }
    }
    return (sentences.dropLast() + chosen + sentences.suffix(1)).joined()
  }

  static func wordCount(_ prose: Prose) -> Int {
    prose.plainText.split { $0.isWhitespace }.count
  }

  /// A name as it may be spoken: its first words.
  static func name(_ name: String) -> String {
    name.split { $0.isWhitespace }.prefix(nameWordsMax).joined(separator: " ")
  }
}
