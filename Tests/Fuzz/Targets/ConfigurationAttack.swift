import ProgramConfiguration

/// A configuration file: read to its end, each problem in one line that says where.
enum ConfigurationAttack {
  static func run(_ bytes: UnsafeRawBufferPointer) {
    let text = String(decoding: bytes, as: UTF8.self)
    let file = ConfigurationFile(text: text, path: "here.yaml", keys: DaemonConfiguration.keys)
    for problem in file.problems {
      require(problem.description.hasPrefix("here.yaml"), "a problem does not say where: \(problem)")
    }
    let again = ConfigurationFile(text: text, path: "here.yaml", keys: DaemonConfiguration.keys)
    require(
      file.problems.map(\.description) == again.problems.map(\.description), "a file is judged differently")
  }
}
