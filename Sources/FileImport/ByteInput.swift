/// A stream of bytes to import: a file, standard input, or what a client sends over the control socket.
package struct ByteInput {
  /// Reads up to the buffer's size; 0 at the end.
  package typealias Read = (UnsafeMutableRawBufferPointer) throws -> Int

  private let readBytes: Read
  /// How many bytes were read so far, for progress.
  package private(set) var byteCount = 0

  package init(_ read: @escaping Read) { readBytes = read }

  package mutating func read(into buffer: UnsafeMutableRawBufferPointer) throws -> Int {
    let count = try readBytes(buffer)
    byteCount += count
    return count
  }
}
