import Testing
import UsageModel

struct Utf8KeyTests {
  private let composed = "Z\u{E9}"
  private let decomposed = "Ze\u{301}"

  @Test func twoSpellingsAreTwoNames() {
    #expect(composed == decomposed)  // What Swift's own comparison says.
    #expect(Utf8Key(composed) != Utf8Key(decomposed))
    #expect(Set([Utf8Key(composed), Utf8Key(decomposed)]).count == 2)
    #expect(!composed.hasSameBytes(as: decomposed))
  }

  @Test func orderIsThatOfBytes() {
    #expect(Utf8Key(decomposed) < Utf8Key(composed))
    #expect(!(Utf8Key(composed) < Utf8Key(composed)))
    #expect(Utf8Key("a") < Utf8Key("ab"))
    #expect(Utf8Key("Z") < Utf8Key("a"))
    // By UTF-16, the emoji's surrogates would come first.
    #expect(Utf8Key("\u{FB00}") < Utf8Key("\u{1F9F0}"))
  }
}
