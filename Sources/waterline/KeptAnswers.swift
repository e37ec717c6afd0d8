import EventStore
import Foundation
import Glibc
import UsageModel
import UsageQuery

/// Answers about finished windows, kept for whoever asks again.
///
/// In the user's own cache, so that a report writes nothing into the database and asks for no lock. An answer is found
/// under a digest of all that went into it; one whose inputs have changed is not found, and goes when there are too
/// many. Only what anybody may see is kept: nothing that took a purpose, so no names and no small groups.
struct KeptAnswers {
  /// Most answers kept, and their bytes together: a few reports of some windows.
  private static let countMax = 64
  private static let bytesMax = 64 << 20
  private static let magic = Array("WLA1".utf8)

  private let directory: String

  /// - Returns: nil where there is no place for a cache, or the user wants none (`WATERLINE_KEEP_ANSWERS=no`).
  init?() {
    let environment = ProcessInfo.processInfo.environment
    guard environment["WATERLINE_KEEP_ANSWERS"] != "no", environment["WATERLINE_ROLLUPS"] == nil else {
      return nil
    }
    if let cache = environment["XDG_CACHE_HOME"], cache.hasPrefix("/") {
      directory = cache + "/waterline/answers"
    } else if let home = environment["HOME"], home.hasPrefix("/") {
      directory = home + "/.cache/waterline/answers"
    } else {
      return nil
    }
  }

  /// The kept answer, or the one that `body` gives, which is kept then.
  ///
  /// - Parameters:
  ///   - name: tells reports, and their variants, apart.
  ///   - data: the snapshot that `body` reads.
  static func answer(
    _ name: String, _ options: QueryOptions, _ data: StoreUsageData, path: String,
    _ body: () throws -> ReportDocument
  ) throws -> ReportDocument {
    guard case .days(let window) = options.window, !options.namesAllowed, data.isWhole,
      window.to <= options.zone.day(of: options.nowMilliseconds),
      options.minimumGroupSize >= QueryOptions.standardMinimumGroupSize, let answers = KeptAnswers(),
      let identity = identity(ofDatabaseAt: path)
    else { return try body() }
    let key = Digest.bytes(
      of: Array("\(ProductVersion.text)|\(name)|\(identity)|\(options.identity)|".utf8)
        + (try data.answerInputs(of: window, options.zone)))
    if let known = answers.find(key) { return known }
    let document = try body()
    answers.keep(document, key)
    return document
  }

  /// A copy of a file is another file, even under the old name.
  private static func identity(ofDatabaseAt path: String) -> String? {
    var status = stat()
    guard stat(path, &status) == 0, let real = realpath(path, nil) else { return nil }
    defer { free(real) }
    return "\(String(cString: real)) \(status.st_dev) \(status.st_ino)"
  }

  private func file(_ key: [UInt8]) -> String {
    directory + "/" + key.map { byte in (byte < 16 ? "0" : "") + String(byte, radix: 16) }.joined()
  }

  /// A whole answer that this user wrote; anything else is none.
  private func find(_ key: [UInt8]) -> ReportDocument? {
    var status = stat()
    guard lstat(file(key), &status) == 0, status.st_uid == geteuid(), status.st_mode & S_IFMT == S_IFREG,
      let data = FileManager.default.contents(atPath: file(key))
    else { return nil }
    let bytes = [UInt8](data)
    let head = Self.magic.count + 32
    guard bytes.count > head, bytes.starts(with: Self.magic) else { return nil }
    let content = Array(bytes[head...])
    guard Array(bytes[Self.magic.count..<head]) == Digest.bytes(of: content) else { return nil }
    return ReportBytes.decode(content)
  }

  /// Keeps an answer if it can; that it cannot is nobody's trouble.
  private func keep(_ document: ReportDocument, _ key: [UInt8]) {
    let content = ReportBytes.encode(document)
    let files = FileManager.default
    guard content.count < Self.bytesMax / 4,
      (try? files.createDirectory(
        atPath: directory, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])) != nil
    else { return }
    let new = file(key) + ".\(getpid())"
    guard
      files.createFile(
        atPath: new, contents: Data(Self.magic + Digest.bytes(of: content) + content),
        attributes: [.posixPermissions: 0o600])
    else { return }
    if rename(new, file(key)) != 0 { unlink(new) }
    trim()
  }

  /// Deletes the oldest answers that are too many.
  private func trim() {
    let paths = ((try? FileManager.default.contentsOfDirectory(atPath: directory)) ?? [])
      .map { directory + "/" + $0 }
    let known = paths.compactMap { path -> (path: String, second: Int, byteCount: Int)? in
      var status = stat()
      guard lstat(path, &status) == 0 else { return nil }
      return (path, Int(status.st_mtim.tv_sec), Int(status.st_size))
    }.sorted { $0.second > $1.second }
    var byteCount = 0
    for (place, answer) in known.enumerated() {
      byteCount += answer.byteCount
      if place >= Self.countMax || byteCount > Self.bytesMax { unlink(answer.path) }
    }
  }
}
