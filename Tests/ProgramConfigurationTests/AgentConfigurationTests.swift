import Testing
import UsageModel
import WireFormat

@testable import ProgramConfiguration

@Suite struct AgentConfigurationTests {
  private let places = DefaultPlaces.Agent(environment: ["HOME": "/home/ann"], userID: 1_000)

  private func configuration(_ text: String, credentials: String? = nil) throws -> AgentConfiguration {
    let file = ConfigurationFile(text: text, path: "a.yaml", keys: AgentConfiguration.keys)
    if let problem = file.problems.first { throw problem }
    return try AgentConfiguration(layers: [file.layer], places: places, credentialsPath: credentials)
  }

  @Test func fillsInDefaults() throws {
    let configuration = try configuration("collector: 127.0.0.1:4717")
    #expect(configuration.mode == .none && configuration.keyPath == nil && configuration.rules.isEmpty)
    #expect(configuration.spoolPath == "/home/ann/.local/state/waterline/spool.db")
    #expect(configuration.unixStreamPath == "/tmp/waterline-1000/waterline-agent/stream.sock")
    #expect(configuration.unixDatagramPath == "/tmp/waterline-1000/waterline-agent/datagram.sock")
    #expect(configuration.spoolBytesMax == 64 << 20)
    #expect(configuration.spoolAgeMillisecondsMax == 90 * 86_400_000)
    #expect(configuration.mergeGapMilliseconds == 10_000 && configuration.socketMode == 0o600)
    let one = try self.configuration("collector: /run/waterline/stream.sock\nunix_stream: /x.sock")
    #expect(one.unixDatagramPath == nil && one.unixStreamPath == "/x.sock")
  }

  @Test func aKeyMeansEncryption() throws {
    let key = "collector: c:1\nkey_file: /k/pc.key\n"
    #expect(try configuration(key).mode == .encrypt)
    #expect(try configuration(key + "mode: sign").mode == .sign)
    let credentials = try configuration("collector: c:1\nmode: sign", credentials: "/run/c")
    #expect(credentials.keyPath == "/run/c/agent.key")
    #expect(try configuration("collector: c:1", credentials: "/run/c").keyPath == nil)
  }

  @Test func rulesAreAListOrOneText() throws {
    let list = try configuration("collector: c:1\nrules:\n  - drop app=a,b\n  - remove host")
    #expect(list.rules == [try MinimisationRule("drop app=a,b"), try MinimisationRule("remove host")])
    #expect(try configuration("collector: c:1\nrules: remove host").rules.count == 1)
  }

  @Test(arguments: [
    ("unix_stream: /x", "no collector"), ("collector: x", "collector"), ("collector: c:1\nmode: sign", "key"),
    ("collector: c:1\nmode: none\nkey_file: /k", "of no use"), ("collector: c:1\nkey_id: pc", "--key-file"),
    ("collector: c:1\nrules: hash user", "hash_key_file"), ("collector: c:1\nrules: lose user", "lose"),
    ("collector: /x\nunix_stream: /x", "own socket"), ("collector: c:1\nmerge_focus_gap: 901", "900"),
    ("collector: c:1\nspool_days: x", "days"), ("collector: c:1\nsocket_mode: 0777", "0777"),
    ("collector: c:1\nkey_id: a b", "characters"), ("collector: c:1\ndb: x", "unknown key"),
  ]) func saysWhatDoesNotGoTogether(_ text: String, _ word: String) {
    let error = #expect(throws: ConfigurationError.self) { try configuration(text) }
    #expect(error?.description.contains(word) == true, "\(String(describing: error))")
  }

  @Test func placesOfTheSystemAndOfServices() {
    let root = DefaultPlaces.Agent(environment: [:], userID: 0)
    #expect(root.spoolPath == "/var/lib/waterline-agent/spool.db")
    #expect(root.runtimeDirectory == "/run/waterline-agent")
    let service = DefaultPlaces.Agent(
      environment: [
        "STATE_DIRECTORY": "/var/lib/waterline-agent", "RUNTIME_DIRECTORY": "/run/waterline-agent",
      ], userID: 990)
    #expect(service == root)
    let user = DefaultPlaces.Agent(
      environment: ["XDG_STATE_HOME": "/s", "XDG_RUNTIME_DIR": "/r"], userID: 1)
    #expect(user.spoolPath == "/s/waterline/spool.db" && user.runtimeDirectory == "/r/waterline-agent")
  }
}
