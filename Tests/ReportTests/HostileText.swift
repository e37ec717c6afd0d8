/// Names that a sender could choose to attack a terminal, a parser or a reader.
enum HostileText {
  static let all = [
    "plain", "", " ", "\u{1B}[31mred\u{1B}[0m", "\u{1B}]0;title\u{07}", "\u{9B}31m", "line\nfeed",
    "cr\rlf\r\n", "tab\tstop", "nul\u{0}", "del\u{7F}", "bidi \u{202E}txt.exe\u{202C}",
    "isolate \u{2066}x\u{2069}", "mark \u{200E}\u{200F}\u{61C}", "zero\u{200B}width\u{FEFF}",
    "soft\u{AD}hyphen", "line\u{2028}sep\u{2029}", "tag\u{E0041}\u{E007F}", "quote\"s",
    "back\\slash", "semi;colon,comma", "=1+1", "@cmd|' /C calc'!A0", "a|b", "[link](javascript:1)",
    "<script>", "**bold** _it_ `code` ~x~ &lt;", "日本語", "Größe", "e\u{301}", "👩‍👩‍👧",
    "\u{FFF9}note\u{FFFA}x\u{FFFB}", "\u{180E}", "\u{3164}",
  ]
}
