import Glibc

/// The accounts of this machine, by number and by login.
package enum LocalAccounts {
  /// Room for one account's record: getpwuid_r(3) asks for no more here, and long group comments fit.
  private static let recordBytes = 64 << 10

  /// The login of an account; nil when it has none.
  ///
  /// May ask a directory service and wait for it: keep the answer.
  package static func login(of userID: UInt32) -> String? {
    withRecord {
      getpwuid_r(userID, $0, $1, $2, $3)
    } read: {
      String(cString: $0.pw_name)
    }
  }

  /// The number of a login, or of a number written in digits; nil when there is no such account.
  package static func userID(of text: String) -> UInt32? {
    if let number = UInt32(text) { return number }
    return withRecord {
      getpwnam_r(text, $0, $1, $2, $3)
    } read: {
      $0.pw_uid
    }
  }

  /// The numbers of accounts that may speak for others.
  ///
  /// - Throws: `SocketError` naming an account that there is not.
  package static func userIDs(ofRelays names: [String]) throws(SocketError) -> Set<UInt32> {
    var result: Set<UInt32> = []
    for name in names {
      guard let userID = userID(of: name) else {
        throw SocketError("relays: there is no account '\(name)' on this machine")
      }
      result.insert(userID)
    }
    return result
  }

  private static func withRecord<Result>(
    _ look: (
      UnsafeMutablePointer<passwd>, UnsafeMutablePointer<CChar>, Int,
      UnsafeMutablePointer<UnsafeMutablePointer<passwd>?>
    ) -> Int32, read: (passwd) -> Result
  ) -> Result? {
    var record = passwd()
    var found: UnsafeMutablePointer<passwd>?
    return withUnsafeTemporaryAllocation(of: CChar.self, capacity: recordBytes) { buffer in
      guard let start = buffer.baseAddress, look(&record, start, buffer.count, &found) == 0, found != nil
      else { return nil }
      return read(record)
    }
  }
}
