import Glibc
import Report
import UsageModel

/// A file that is replaced as a whole or not at all.
package enum ExportFile {
  /// Writes bytes into a directory, made if it is missing, under a name.
  ///
  /// They go into a temporary file beside it, to disk, and only then under the name: a reader sees the old
  /// file or the new one, and so does whoever looks after a crash.
  ///
  /// - Throws: ``ExportError``; the old file, if there was one, is still there.
  package static func write(_ bytes: [UInt8], to name: String, in directory: String) throws(ExportError) {
    let path = directory + "/" + name
    func failure(_ what: String) -> ExportError {
      let number = errno
      return ExportError(
        path: path, reason: "\(what): \(String(cString: strerror(number)))",
        isOldThere: access(path, F_OK) == 0,
        advice: SafeText.escaping(FileAdvice.writing(number, directory: directory, option: "--out")))
    }
    if mkdir(directory, 0o777) != 0, errno != EEXIST { throw failure("the directory cannot be made") }
    let descriptor = try openTemporary(directory, name, failure)
    let temporary = descriptor.path
    do throws(ExportError) {
      defer { close(descriptor.number) }
      try writeAll(bytes, to: descriptor.number, failure)
      if fsync(descriptor.number) != 0 { throw failure("it cannot be brought to disk") }
    } catch {
      unlink(temporary)
      throw error
    }
    if rename(temporary, path) != 0 {
      let error = failure("it cannot be put in place")
      unlink(temporary)
      throw error
    }
    syncDirectory(directory)
  }

  private static func openTemporary(
    _ directory: String, _ name: String, _ failure: (String) -> ExportError
  ) throws(ExportError) -> (number: Int32, path: String) {
    var template = Array("\(directory)/.\(name).XXXXXX".utf8CString)
    let number = mkstemp(&template)
    if number < 0 { throw failure("no file can be made beside it") }
    // mkstemp gives 0600; an export is to be read by those the umask allows.
    let mask = umask(0)
    umask(mask)
    fchmod(number, 0o666 & ~mask)
    return (number, String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self))
  }

  private static func writeAll(
    _ bytes: [UInt8], to descriptor: Int32, _ failure: (String) -> ExportError
  ) throws(ExportError) {
    var written = 0
    while written < bytes.count {
      let count = bytes.withUnsafeBytes { buffer in
        Glibc.write(
          descriptor, UnsafeRawBufferPointer(rebasing: buffer[written...]).baseAddress, bytes.count - written)
      }
      if count < 0, errno == EINTR { continue }
      if count <= 0 { throw failure("it cannot be written") }
      written += count
    }
  }

  /// Brings the new name to disk; the file itself already is.
  private static func syncDirectory(_ directory: String) {
    let descriptor = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
    guard descriptor >= 0 else { return }
    fsync(descriptor)
    close(descriptor)
  }
}

/// Why an export was not written.
package struct ExportError: Error, Equatable, Sendable, CustomStringConvertible {
  package var path: String
  package var reason: String
  /// Whether an earlier export is still there.
  package var isOldThere: Bool
  /// What to do.
  package var advice: String

  package var description: String {
    "export: \(path) is not written, \(reason)\(isOldThere ? "; the old one is still there" : ""); \(advice)"
  }
}
