import Report
import Testing

struct DisplayWidthTests {
  @Test(arguments: [
    ("", 0), ("plain", 5), ("Größe", 5), ("Gro\u{308}ße", 5), ("日本語", 6), ("ｆｕｌｌ", 8), ("한국", 4),
    ("\u{1112}\u{1161}\u{11AB}", 2), ("e\u{301}\u{302}\u{303}", 1), ("👩‍👩‍👧", 2), ("❤\u{FE0F}", 2), ("🇩🇪", 2),
    ("นี้", 1), ("नि", 1), ("…", 1), ("–", 1), ("\u{301}", 0),
  ])
  func widthOf(text: String, width: Int) { #expect(DisplayWidth.of(text) == width) }

  @Test(arguments: [
    ("plain", 5, "plain"), ("plain", 4, "pla…"), ("plain", 1, "…"), ("plain", 0, ""), ("日本語", 6, "日本語"),
    ("日本語", 5, "日本…"), ("日本語", 4, "日…"), ("e\u{301}e\u{301}e\u{301}", 2, "e\u{301}…"),
  ])
  func truncate(text: String, width: Int, result: String) {
    let cut = DisplayWidth.truncate(text, to: width)
    #expect(cut == result)
    #expect(DisplayWidth.of(cut) <= width)
  }
}
