import Foundation
import FuzzTargets
import Testing

/// The kept corpus, and a few thousand inputs near it, through every target.
///
/// A broken promise traps.
@Suite(.serialized)
struct CorpusTests {
  /// Mutated inputs a target; scripts/fuzz runs millions.
  private static let mutations = 3_000
  private static let seed: UInt64 = 20_261_124

  private static func corpus(_ target: FuzzTarget) throws -> [[UInt8]] {
    let directory = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    let file = directory.appendingPathComponent("Fuzz/corpus/\(target.rawValue).base64")
    return try String(contentsOf: file, encoding: .utf8).split(separator: "\n")
      .filter { !$0.hasPrefix("#") }
      .map { line in
        let text = line == "-" ? "" : String(line)
        return Array(try #require(Data(base64Encoded: text), "\(target): a line is no base64"))
      }
  }

  @Test(arguments: FuzzTarget.allCases)
  func keptInputsKeepEveryPromise(target: FuzzTarget) throws {
    let inputs = try Self.corpus(target)
    #expect(inputs.count >= 10)
    for input in inputs { input.withUnsafeBytes { target.run($0) } }
    var random = SeededRandom(seed: Self.seed)
    for _ in 0..<Self.mutations {
      Self.mutated(inputs, &random).withUnsafeBytes { target.run($0) }
    }
  }

  private static func mutated(_ inputs: [[UInt8]], _ random: inout SeededRandom) -> [UInt8] {
    var bytes = inputs.randomElement(using: &random) ?? []
    for _ in 0..<Int.random(in: 1...4, using: &random) {
      let place = Int.random(in: 0...bytes.count, using: &random)
      switch Int.random(in: 0..<5, using: &random) {
      case 0 where place < bytes.count: bytes[place] ^= 1 << UInt8.random(in: 0..<8, using: &random)
      case 1 where place < bytes.count: bytes.remove(at: place)
      case 2: bytes.insert(UInt8.random(in: 0...255, using: &random), at: place)
      case 3: bytes = Array(bytes.prefix(place))
      default:
        let other = inputs.randomElement(using: &random) ?? []
        bytes = Array(bytes.prefix(place)) + other.suffix(Int.random(in: 0...other.count, using: &random))
      }
    }
    return bytes
  }
}

/// SplitMix64: the same numbers on every machine for a seed.
private struct SeededRandom: RandomNumberGenerator {
  private var state: UInt64

  init(seed: UInt64) { state = seed }

  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var mixed = (state ^ (state >> 30)) &* 0xBF58_476D_1CE4_E5B9
    mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
    return mixed ^ (mixed >> 31)
  }
}
