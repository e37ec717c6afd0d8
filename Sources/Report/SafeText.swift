/// Names as they may be shown on a terminal: what could act on it, or hide, is spelled out.
///
/// Events come from senders nobody vetted, so a feature may be called `ESC ] 0 ; …`, hold a line feed, or
/// turn the reading direction of the rest of the line.
package enum SafeText {
  /// The text with every harmful scalar as `\u{…}`.
  package static func escaping(_ text: String) -> String {
    guard text.unicodeScalars.contains(where: isHarmful) else { return text }
    var result = ""
    for scalar in text.unicodeScalars {
      if isHarmful(scalar) {
        result += "\\u{\(String(scalar.value, radix: 16, uppercase: true))}"
      } else {
        result.unicodeScalars.append(scalar)
      }
    }
    return result
  }

  /// Whether a scalar is a control, ends a line, steers direction or is invisible.
  ///
  /// Joiners and variation selectors stay: names in Persian, Indic scripts and Japanese, and emoji, need
  /// them. Private-use and unassigned scalars stay too; terminals draw a box.
  package static func isHarmful(_ scalar: Unicode.Scalar) -> Bool {
    if scalar.value < 0x7F { return scalar.value < 0x20 }
    switch scalar.properties.generalCategory {
    case .control, .lineSeparator, .paragraphSeparator: return true
    default: break
    }
    switch scalar.value {
    case 0x200C, 0x200D, 0xFE00...0xFE0F, 0xE0100...0xE01EF: return false
    case 0xFFF9...0xFFFB: return true  // Interlinear annotation.
    default: return scalar.properties.isDefaultIgnorableCodePoint
    }
  }
}
