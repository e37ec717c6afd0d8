import Report

/// How wide a text may be when a browser draws it, taken wide enough not to be cut off.
///
/// Pages name the reader's own fonts, so no width is known. DejaVu Sans is among the widest of usual text
/// fonts: its advance widths, rounded up, are the bound.
enum TextMetrics {
  /// Hundredths of the font size, from the space to the tilde.
  private static let ascii: [Double] = [
    32, 41, 46, 84, 64, 96, 78, 28, 40, 40, 50, 84, 32, 37, 32, 34, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64,
    34, 34, 84, 84, 84, 54, 100, 69, 69, 70, 78, 64, 58, 78, 76, 30, 30, 66, 56, 87, 75, 79, 61, 79, 70, 64,
    62, 74, 69, 99, 69, 62, 69, 40, 34, 40, 84, 50, 50, 62, 64, 55, 64, 62, 36, 64, 64, 28, 28, 58, 28, 98,
    64, 62, 64, 64, 42, 53, 40, 64, 60, 82, 60, 60, 53, 64, 34, 64, 84,
  ]
  /// Of other characters, by the columns that a terminal gives them.
  private static let narrow = 80.0
  private static let wide = 120.0

  /// How much wider bold text is at most: DejaVu Sans Bold's digits and letters against the regular ones.
  private static let boldFactor = 1.16

  static func width(_ text: String, fontSize: Double, isBold: Bool = false) -> Double {
    var hundredths = 0.0
    for character in text { hundredths += width(character) }
    return hundredths / 100 * fontSize * (isBold ? boldFactor : 1)
  }

  /// Cuts a text to a width, with `…` as its end if anything was cut.
  static func truncate(_ text: String, to width: Double, fontSize: Double) -> String {
    guard self.width(text, fontSize: fontSize) > width else { return text }
    let room = width * 100 / fontSize - 100
    var used = 0.0
    var result = ""
    for character in text {
      used += self.width(character)
      guard used <= room else { break }
      result.append(character)
    }
    return result + "…"
  }

  private static func width(_ character: Character) -> Double {
    if let code = character.asciiValue, code >= 32, code < 127 { return ascii[Int(code) - 32] }
    return switch DisplayWidth.of(character) {
    case 0: 0
    case 1: narrow
    default: wide
    }
  }
}
