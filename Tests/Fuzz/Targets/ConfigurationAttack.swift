import ProgramConfiguration
import WireFormat

/// A configuration file of either program, read to its end: each problem in one line that says where.
///
/// And a key file, whose problem must not show the key.
enum ConfigurationAttack {
  static func run(_ bytes: UnsafeRawBufferPointer) {
    let text = String(decoding: bytes, as: UTF8.self)
    for keys in [DaemonConfiguration.keys, AgentConfiguration.keys] {
      let problems = problems(text, keys)
      for problem in problems {
        require(problem.hasPrefix("here.yaml"), "a problem does not say where: \(problem)")
      }
      require(problems == self.problems(text, keys), "a file is judged differently")
    }
    keyFile(text)
  }

  private static func problems(_ text: String, _ keys: [ConfigurationKey]) -> [String] {
    ConfigurationFile(text: text, path: "here.yaml", keys: keys).problems.map(\.description)
  }

  private static func keyFile(_ text: String) {
    do throws(DeliveryKeyError) {
      let key = try DeliveryKey.parse(text, id: "k1")
      require("\(key)" == "key k1", "a key shows more than its id")
    } catch {
      require(error.description.utf8.count < 200, "a problem repeats what stands in a key file")
    }
  }
}
