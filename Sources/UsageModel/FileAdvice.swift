import Glibc

/// What to do about a file that could not be read or written, for the end of an error's line.
package enum FileAdvice {
  /// - Parameter number: `errno` of the attempt to read.
  package static func reading(_ number: Int32) -> String {
    switch number {
    case ENOENT, ENOTDIR: "check its name"
    case EACCES, EPERM: "ask for the right to read it, or use sudo"
    case EISDIR: "name a file in it"
    default: "try again, or name another file"
    }
  }

  /// - Parameters:
  ///   - number: `errno` of the attempt to write.
  ///   - directory: where the file was to go.
  ///   - option: what chooses the directory, such as `--out`; or words such as `place`.
  package static func writing(_ number: Int32, directory: String, option: String) -> String {
    switch number {
    case ENOENT where access(directory, F_OK) != 0: "make its directory first: mkdir -p '\(directory)'"
    case ENOTDIR, EEXIST: "choose another \(option): a file is in the way"
    case EISDIR: "move the directory of that name away"
    case EACCES, EPERM, EROFS: "choose another \(option), where you may write, or use sudo"
    case ENOSPC, EDQUOT, EFBIG: "make room and try again"
    case ENAMETOOLONG: "choose a shorter \(option)"
    default: "try again, or choose another \(option)"
    }
  }
}
