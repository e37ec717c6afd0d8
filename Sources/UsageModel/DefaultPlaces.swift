/// Where files go when nobody says: the system's places for root, the user's own for everyone else.
package struct DefaultPlaces: Equatable, Sendable {
  /// The database file.
  package var databasePath: String
  /// Directory of the sockets.
  package var runtimeDirectory: String

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
    let state =
      value("STATE_DIRECTORY")
      ?? (isSystem
        ? "/var/lib/waterline" : (value("XDG_STATE_HOME") ?? home + "/.local/state") + "/waterline")
    databasePath = state + "/waterline.db"
    runtimeDirectory =
      value("RUNTIME_DIRECTORY")
      ?? (isSystem
        ? "/run/waterline" : (value("XDG_RUNTIME_DIR") ?? "/tmp/waterline-\(userID)") + "/waterline")
  }
}
