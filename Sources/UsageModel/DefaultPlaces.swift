/// Where files go when nobody says: the system's places for root, the user's own for everyone else.
package struct DefaultPlaces: Equatable, Sendable {
  /// Directory of what lasts.
  package var stateDirectory: String
  /// Directory of the sockets.
  package var runtimeDirectory: String

  /// The database file.
  package var databasePath: String { stateDirectory + "/waterline.db" }

  /// - Parameters:
  ///   - environment: the process's variables; `XDG_STATE_HOME`, `XDG_RUNTIME_DIR`, `STATE_DIRECTORY` and
  ///     `RUNTIME_DIRECTORY` (set by systemd) count.
  ///   - userID: the effective user; 0 is root.
  package init(environment: [String: String], userID: UInt32) {
    func value(_ name: String) -> String? {
      guard let text = environment[name], !text.isEmpty else { return nil }
      // systemd separates several directories by colons; the first is ours.
      return text.split(separator: ":").first.map(String.init)
    }
    let isSystem = userID == 0
    let home = value("HOME") ?? "/tmp/waterline-\(userID)"
    stateDirectory =
      value("STATE_DIRECTORY")
      ?? (isSystem
        ? "/var/lib/waterline" : (value("XDG_STATE_HOME") ?? home + "/.local/state") + "/waterline")
    runtimeDirectory =
      value("RUNTIME_DIRECTORY")
      ?? (isSystem
        ? "/run/waterline" : (value("XDG_RUNTIME_DIR") ?? "/tmp/waterline-\(userID)") + "/waterline")
  }

  /// Where an agent's files go; it may run beside a collector.
  package struct Agent: Equatable, Sendable {
    /// The file of what waits to be delivered.
    package var spoolPath: String
    /// Directory of the sockets.
    package var runtimeDirectory: String

    /// - Parameters: as for ``DefaultPlaces/init(environment:userID:)``.
    package init(environment: [String: String], userID: UInt32) {
      let own = DefaultPlaces(environment: environment, userID: userID)
      // What systemd names is the agent's already.
      let isOwnState = environment["STATE_DIRECTORY"]?.isEmpty == false || userID != 0
      let isOwnRuntime = environment["RUNTIME_DIRECTORY"]?.isEmpty == false
      spoolPath = own.stateDirectory + (isOwnState ? "" : "-agent") + "/spool.db"
      runtimeDirectory = own.runtimeDirectory + (isOwnRuntime ? "" : "-agent")
    }
  }
}
