import GRDB
import Glibc

/// Why the store could not do something; the text says what, where and what to do.
package enum StoreError: Error, CustomStringConvertible, Sendable {
  case missing(path: String)
  case notWaterline(path: String)
  case newer(path: String)
  case needsMigration(path: String)
  case locked(path: String, holder: String)
  case cannotOpen(path: String, reason: String)
  case cutShort(path: String, byteCount: Int64, expected: Int64)
  case invalid(String)

  package var description: String {
    switch self {
    case .missing(let path):
      "no database at \(path): start waterlined or run 'waterline import' to create it, or name another with --db"
    case .notWaterline(let path): "\(path) is not a Waterline database: name another file with --db"
    case .newer(let path): "\(path) was written by a newer Waterline: update this program"
    case .needsMigration(let path):
      "\(path) was written by an older Waterline: start waterlined once, or run any import, to bring it up to date"
    case .locked(let path, let holder):
      "\(path) is being written by \(holder): stop it, or write to another database"
    case .cannotOpen(let path, let reason): "cannot open \(path): \(reason)"
    case .cutShort(let path, let byteCount, let expected):
      "\(path) is cut short: \(byteCount) of \(expected) bytes are there; put a backup in its place"
    case .invalid(let text): text
    }
  }

  /// One line for any error, without SQL and arguments, which may name people: what, where and what to do.
  package static func line(for error: any Error) -> String {
    guard let error = error as? DatabaseError else { return "\(error)" }
    let reason = reason(of: error)
    switch error.resultCode {
    case .SQLITE_FULL: return "the disk is full: nothing of this was stored; make room and try again"
    case .SQLITE_CORRUPT:
      return "the database is damaged (\(reason)): restore a backup; 'waterline doctor' says what is affected"
    case .SQLITE_READONLY, .SQLITE_CANTOPEN, .SQLITE_PERM:
      return "the database cannot be opened (\(reason)): may you read it and its directory?"
    case .SQLITE_BUSY, .SQLITE_LOCKED: return "the database is busy (\(reason)): try again"
    default: return reason
    }
  }

  /// Why there is nothing to read: no file, or none that this account may see.
  package static func absent(path: String) -> StoreError {
    guard access(path, F_OK) != 0, errno == EACCES else { return .missing(path: path) }
    return .cannotOpen(
      path: path,
      reason: "you may not enter its directory: use sudo, or join its group ('adduser LOGIN waterline')")
  }
}
