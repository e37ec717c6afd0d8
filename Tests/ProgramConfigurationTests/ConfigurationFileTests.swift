import Testing
import UsageModel

@testable import ProgramConfiguration

@Suite struct ConfigurationFileTests {
  private static let keys: [ConfigurationKey] = [
    ConfigurationKey("db"), .hostAndPort("udp"), .choice("level", ["low", "high"]), .boolean("open"),
    ConfigurationKey("relays", separator: ",") { $0.contains("!") ? "'\($0)' is no name" : nil },
  ]

  private func read(_ text: String) -> ConfigurationFile {
    ConfigurationFile(text: text, path: "x.yaml", keys: Self.keys)
  }

  @Test func valuesKeepTheirPlaces() {
    let file = read("# first\ndb: /a b.db\n\nudp: \"[::1]:0\"\nopen: true\n")
    #expect(file.problems.isEmpty)
    #expect(file.layer["db"] == ConfigurationLayer.Value(text: "/a b.db", place: "x.yaml:2"))
    #expect(file.layer["udp"]?.place == "x.yaml:4")
    #expect(file.layer["open"]?.text == "true")
    #expect(file.layer["level"] == nil)
  }

  @Test(arguments: ["relays: root,7\n", "relays: [root, 7]\n", "relays:\n  - root\n  - \"7\"\n"])
  func listsAreJoined(text: String) {
    #expect(read(text).layer["relays"]?.text == "root,7")
  }

  @Test(arguments: [
    ("db: a\nsockets: b\n", "x.yaml:2: unknown key 'sockets'; known are db, level, open, relays, udp"),
    ("level: loud\n", "x.yaml:1: level 'loud' is none of low, high"),
    ("udp: here\n", "x.yaml:1: udp 'here' is no HOST:PORT, such as 127.0.0.1:4717 or [::1]:4717"),
    ("udp: ::1:7\n", "x.yaml:1: udp '::1:7' needs brackets around its IPv6 address: [::1]:7"),
    ("open: yes\n", "x.yaml:1: open 'yes' is none of true, false"),
    ("db:\n", "x.yaml:1: 'db' needs a text"),
    ("db: [a]\n", "x.yaml:1: 'db' needs a text"),
    ("relays: [a, [b]]\n", "x.yaml:1: 'relays' needs a text or a list of texts"),
    ("relays: [a, 'b!']\n", "x.yaml:1: relays 'a,b!' is no name"),
    ("db: a\ndb: b\n", "x.yaml: set more than once: db"),
    ("- db\n", "x.yaml: the file is no list of 'key: value' lines"),
    ("db: [a\nudp: b\n", "x.yaml:2: this is no YAML: did not find expected ',' or ']'"),
  ])
  func problemsSayWhere(text: String, problem: String) {
    #expect(read(text).problems.map(\.description) == [problem])
  }

  /// Keys that are lists stand in any order after parsing; a fuzzer found that the problem named them so.
  @Test func aProblemReadsTheSameEachTime() {
    let text = "? [a]\n: 1\n? [a]\n: 2\n? zz\n: 1\n? zz\n: 2\n? [b]\n: 1\n? [b]\n: 2\n"
    var problems: Set<[String]> = []
    // A dictionary's order hangs on where it lies in memory, so what lies around it grows.
    var kept: [[UInt8]] = []
    for round in 0..<200 {
      problems.insert(read(text).problems.map(\.description))
      kept.append([UInt8](repeating: 0, count: 64 + 16 * (round % 50)))
    }
    #expect(problems.count == 1 && kept.count == 200)
  }

  @Test func allProblemsAreFound() {
    let file = read("level: loud\ndb: /x\nopen: maybe\n")
    #expect(file.problems.count == 2)
    #expect(file.layer["db"]?.text == "/x")
  }

  @Test func strongerLayersWin() throws {
    let flags = try ConfigurationLayer.flags(["db": "/flag", "udp": nil], of: Self.keys)
    let variables = ["WATERLINE_DB": "/variable", "WATERLINE_UDP": "a:1", "WATERLINE_OTHER": "x"]
    let environment = try ConfigurationLayer.environment(variables, of: Self.keys)
    let merged = ConfigurationLayer.merged([flags, environment, read("db: /file\nlevel: low\n").layer])
    #expect(merged["db"] == ConfigurationLayer.Value(text: "/flag", place: "--db"))
    #expect(merged["udp"] == ConfigurationLayer.Value(text: "a:1", place: "$WATERLINE_UDP"))
    #expect(merged["level"]?.text == "low")
  }

  @Test func namingASocketOpensOnlyThat() throws {
    let places = DefaultPlaces(environment: [:], userID: 0)
    let all = try DaemonConfiguration(layers: [], places: places)
    #expect(all.udpAddress == DaemonConfiguration.defaultUDPAddress)
    #expect(all.unixStreamPath == "/run/waterline/stream.sock")
    let layer = ConfigurationFile(
      text: "unix_stream: /s\nlog_level: debug\n", path: "d.yaml", keys: DaemonConfiguration.keys
    ).layer
    let one = try DaemonConfiguration(layers: [layer], places: places)
    #expect(one.udpAddress == nil && one.unixDatagramPath == nil && one.unixStreamPath == "/s")
    #expect(one.logLevel == .debug)
  }
}
