/// A sentence: words, names out of the data, and figures that keep their source.
///
///     Prose("\(lost) of \(face) is lost; most in \(name: "crm order.create").")
package struct Prose: Equatable, Sendable, ExpressibleByStringInterpolation {
  package enum Piece: Equatable, Sendable {
    case words(String)
    /// A name that somebody else chose: an application, a department.
    case name(String)
    case figure(Figure)
    /// Words that carry the sentence.
    case strong(String)
  }

  package var pieces: [Piece]

  package init(pieces: [Piece]) { self.pieces = pieces }

  package init(stringLiteral text: String) { pieces = [.words(text)] }

  package init(stringInterpolation: StringInterpolation) { pieces = stringInterpolation.pieces }

  package struct StringInterpolation: StringInterpolationProtocol {
    fileprivate var pieces: [Piece] = []

    package init(literalCapacity: Int, interpolationCount: Int) {}

    package mutating func appendLiteral(_ literal: String) {
      if !literal.isEmpty { pieces.append(.words(literal)) }
    }

    package mutating func appendInterpolation(_ figure: Figure) { pieces.append(.figure(figure)) }

    package mutating func appendInterpolation(_ prose: Prose) { pieces += prose.pieces }

    package mutating func appendInterpolation(words: String) { pieces.append(.words(words)) }

    package mutating func appendInterpolation(name: String) { pieces.append(.name(name)) }

    package mutating func appendInterpolation(strong: String) { pieces.append(.strong(strong)) }
  }

  /// The sentence without sources.
  package var plainText: String {
    pieces.map { piece in
      switch piece {
      case .words(let text), .name(let text), .strong(let text): text
      case .figure(let figure): figure.text
      }
    }.joined()
  }

  static func + (left: Prose, right: Prose) -> Prose { Prose(pieces: left.pieces + right.pieces) }
}

extension [Prose] {
  /// One sentence behind the other.
  func joined(by separator: String = " ") -> Prose {
    var pieces: [Prose.Piece] = []
    for prose in self {
      if !pieces.isEmpty { pieces.append(.words(separator)) }
      pieces += prose.pieces
    }
    return Prose(pieces: pieces)
  }
}
