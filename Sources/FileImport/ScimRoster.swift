import Foundation
import UsageModel

/// Reads people from SCIM 2.0 list responses (RFC 7643, RFC 7644), with the enterprise extension.
///
/// Attribute names compare without case, as RFC 7643 section 2.1 says. Several responses, one a page, may
/// follow each other.
struct ScimRoster {
  /// Bytes of all responses together: about a million people.
  static let bytesMax = 1 << 30

  /// One user as the directory gave it.
  private struct User {
    var row: RosterRow
    var id: String
    /// What stands for the manager: another user's id, or a name.
    var managerID: String
    var managerName: String
    /// False for an account that is switched off.
    var isActive: Bool
    /// The day of the last change, if given.
    var changedDay: CivilDay?
  }

  private static let enterprise = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:user"

  /// Reads all people.
  ///
  /// - Parameter allowsPart: whether fewer users than `totalResults` will do, as when adding to a roster.
  /// - Returns: rows in the order of the responses, numbered from 1 where a record is refused.
  /// - Throws: `ImportError` when this is no SCIM list response, or pages are missing.
  static func read(
    _ input: ByteInput, allowsPart: Bool
  ) throws -> (rows: [(number: Int, row: RosterRow)], result: ImportResult) {
    var result = ImportResult()
    var users: [(number: Int, user: User)] = []
    var resourceCount = 0
    var totalCount = 0
    for (page, bytes) in try documents(of: try bytes(of: input)).enumerated() {
      let response = try object(bytes, page: page + 1)
      guard let resources = resources(response) else {
        throw ImportError("roster: JSON object \(page + 1) is no SCIM ListResponse: it has no Resources")
      }
      totalCount = max(totalCount, (response["totalresults"] as? NSNumber)?.intValue ?? 0)
      for resource in resources {
        resourceCount += 1
        guard let user = user(resource) else {
          result.reject("missing_user", line: resourceCount, detail: "a resource without userName")
          continue
        }
        users.append((resourceCount, user))
      }
    }
    if resourceCount < totalCount {
      let text = "\(resourceCount) of \(totalCount) users are here; the other pages are missing"
      guard allowsPart else { throw ImportError("roster: \(text): join all pages, or add with --merge") }
      result.warnings.append(text)
    }
    return (finished(users, &result), result)
  }

  /// Ends the rows of accounts that are switched off, and names managers.
  private static func finished(
    _ users: [(number: Int, user: User)], _ result: inout ImportResult
  ) -> [(number: Int, row: RosterRow)] {
    var nameOfID: [Utf8Key: String] = [:]
    for (_, user) in users where !user.id.isEmpty { nameOfID[Utf8Key(user.id)] = user.row.user }
    var rows: [(number: Int, row: RosterRow)] = []
    var leftOut = 0
    for (number, user) in users {
      var row = user.row
      let managerName = user.managerName.isEmpty ? user.managerID : user.managerName
      row.manager = nameOfID[Utf8Key(user.managerID)] ?? managerName
      if !user.isActive {
        guard let day = user.changedDay else {
          leftOut += 1
          continue
        }
        row.activeTo = day
      }
      rows.append((number, row))
    }
    if leftOut > 0 {
      result.warnings.append("\(leftOut) inactive users without meta.lastModified are left out")
    }
    return rows
  }

  // MARK: One user

  private static func user(_ resource: [String: Any]) -> User? {
    let name = text(resource["username"])
    guard !name.isEmpty else { return nil }
    let extra = (resource[enterprise] as? [String: Any]).map(lowercasedKeys) ?? [:]
    let manager = (extra["manager"] as? [String: Any]).map(lowercasedKeys)
    let meta = (resource["meta"] as? [String: Any]).map(lowercasedKeys) ?? [:]
    let department = text(extra["department"])
    let row = RosterRow(
      user: name, department: department, role: role(resource), site: site(resource),
      aliases: aliases(resource, extra, except: name))
    return User(
      row: row, id: text(resource["id"]),
      managerID: manager.map { text($0["value"]) } ?? text(extra["manager"]),
      managerName: manager.map { text($0["displayname"]) } ?? "",
      isActive: boolean(resource["active"]) ?? true,
      changedDay: CivilDay(String(text(meta["lastmodified"]).prefix(10))))
  }

  /// The title, else the primary or first of the roles.
  private static func role(_ resource: [String: Any]) -> String {
    let title = text(resource["title"])
    guard title.isEmpty else { return title }
    let roles = (resource["roles"] as? [Any]) ?? []
    if let plain = roles.first as? String { return plain }
    guard let role = primary(resource["roles"]) else { return "" }
    let value = text(role["value"])
    return value.isEmpty ? text(role["display"]) : value
  }

  /// The town of the primary or first address.
  private static func site(_ resource: [String: Any]) -> String {
    primary(resource["addresses"]).map { text($0["locality"]) } ?? ""
  }

  /// Addresses, the external id and the HR number, each once.
  private static func aliases(
    _ resource: [String: Any], _ extra: [String: Any], except user: String
  ) -> [String] {
    let emails = objects(resource["emails"]).map { text($0["value"]) }
    var aliases: [String] = []
    for alias in emails + [text(resource["externalid"]), text(extra["employeenumber"])]
    where !alias.isEmpty && !alias.hasSameBytes(as: user) && !alias.utf8.contains(UInt8(ascii: ";"))
      && !aliases.contains(where: { $0.hasSameBytes(as: alias) })
    {
      aliases.append(alias)
    }
    return aliases
  }

  // MARK: JSON values

  private static func resources(_ response: [String: Any]) -> [[String: Any]]? {
    if let list = response["resources"] as? [Any] {
      return list.map { ($0 as? [String: Any]).map(lowercasedKeys) ?? [:] }
    }
    // A single user as GET /Users/ID gives it; an empty page may leave Resources out.
    if response["username"] != nil { return [response] }
    return response["totalresults"] == nil ? nil : []
  }

  private static func objects(_ value: Any?) -> [[String: Any]] {
    ((value as? [Any]) ?? []).compactMap { ($0 as? [String: Any]).map(lowercasedKeys) }
  }

  private static func primary(_ value: Any?) -> [String: Any]? {
    let all = objects(value)
    return all.first { boolean($0["primary"]) == true } ?? all.first
  }

  /// A text that fits a roster cell; "" for anything else.
  private static func text(_ value: Any?) -> String {
    guard let text = value as? String, text.utf8.count <= EventLimits.stringBytesMax, !text.utf8.contains(0)
    else { return "" }
    return CellText.trimmed(text)
  }

  /// Some directories write switches as texts.
  private static func boolean(_ value: Any?) -> Bool? {
    if let text = value as? String { return CellText.boolean(text) }
    return (value as? NSNumber)?.boolValue
  }

  private static func lowercasedKeys(_ object: [String: Any]) -> [String: Any] {
    Dictionary(object.map { ($0.key.lowercased(), $0.value) }, uniquingKeysWith: { first, _ in first })
  }

  // MARK: Bytes

  private static func object(_ bytes: ArraySlice<UInt8>, page: Int) throws -> [String: Any] {
    guard let value = try? JSONSerialization.jsonObject(with: Data(bytes)),
      let object = value as? [String: Any]
    else { throw ImportError("roster: JSON object \(page) cannot be read") }
    return lowercasedKeys(object)
  }

  private static func bytes(of input: ByteInput) throws -> [UInt8] {
    var input = input
    var bytes: [UInt8] = []
    var buffer = [UInt8](repeating: 0, count: 262_144)
    while true {
      let count = try buffer.withUnsafeMutableBytes { try input.read(into: $0) }
      if count == 0 { return bytes }
      bytes += buffer[..<count]
      guard bytes.count <= bytesMax else { throw ImportError("roster: more than \(bytesMax) bytes of JSON") }
    }
  }

  /// Cuts the bytes into top-level objects, which need nothing but white space between them.
  ///
  /// - Throws: `ImportError` when something else stands there, or the last object is cut off.
  private static func documents(of bytes: [UInt8]) throws -> [ArraySlice<UInt8>] {
    var documents: [ArraySlice<UInt8>] = []
    var depth = 0
    var start = 0
    var isInText = false
    var isEscaped = false
    for (position, byte) in bytes.enumerated() {
      if isInText {
        if isEscaped {
          isEscaped = false
        } else if byte == UInt8(ascii: "\\") {
          isEscaped = true
        } else if byte == UInt8(ascii: "\"") {
          isInText = false
        }
        continue
      }
      switch byte {
      case UInt8(ascii: "{"), UInt8(ascii: "["):
        if depth == 0 { start = position }
        depth += 1
      case UInt8(ascii: "}"), UInt8(ascii: "]"):
        depth -= 1
        guard depth >= 0 else { throw ImportError("roster: a bracket too many at byte \(position + 1)") }
        if depth == 0 { documents.append(bytes[start...position]) }
      case UInt8(ascii: "\"") where depth > 0: isInText = true
      default:
        let isIgnored = [0x20, 0x09, 0x0A, 0x0D, 0xEF, 0xBB, 0xBF].contains(byte)
        guard depth > 0 || isIgnored else {
          throw ImportError("roster: unexpected text at byte \(position + 1), between JSON objects")
        }
      }
    }
    guard depth == 0 else { throw ImportError("roster: the last JSON object is cut off") }
    return documents
  }
}
