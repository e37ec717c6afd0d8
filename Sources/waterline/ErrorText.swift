import EventStore
import GRDB
import UsageQuery

/// One line for any error: what, where and what to do.
enum ErrorText {
  static func describe(_ error: any Error) -> String {
    switch error {
    case let error as DatabaseError: database(error)
    default: "\(error)"
    }
  }

  private static func database(_ error: DatabaseError) -> String {
    let reason = StoreError.reason(of: error)
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
}
