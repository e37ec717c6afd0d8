/// The columns of one load, opened once, for hot loops.
///
/// Subscripts are unchecked in release builds; the owner of the columns outlives every use (see
/// ``EventColumns/withBuffers(_:)``). Columns that were not loaded are empty.
struct EventBuffers {
  let rowCount: Int
  let user: UnsafeBufferPointer<UInt32>
  let feature: UnsafeBufferPointer<UInt32>
  let kind: UnsafeBufferPointer<UInt8>
  let outcome: UnsafeBufferPointer<UInt8>
  let start: UnsafeBufferPointer<Int64>
  let duration: UnsafeBufferPointer<Int64>
  let source: UnsafeBufferPointer<UInt32>
  let sequence: UnsafeBufferPointer<Int64>
  let session: UnsafeBufferPointer<UInt32>
  let version: UnsafeBufferPointer<UInt32>

  /// Milliseconds, 0 when absent.
  @inline(__always)
  func time(ofRow row: Int) -> Int64 { max(0, duration[row]) }

  /// Start plus duration, an absent one counting 0.
  @inline(__always)
  func end(ofRow row: Int) -> Int64 { start[row] &+ time(ofRow: row) }
}

extension EventColumns {
  /// Calls the body with pointers to all columns; they must not escape it.
  func withBuffers<Result>(_ body: (EventBuffers) throws -> Result) rethrows -> Result {
    try user.withUnsafeBufferPointer { user in
      try feature.withUnsafeBufferPointer { feature in
        try kind.withUnsafeBufferPointer { kind in
          try outcome.withUnsafeBufferPointer { outcome in
            try start.withUnsafeBufferPointer { start in
              try duration.withUnsafeBufferPointer { duration in
                try source.withUnsafeBufferPointer { source in
                  try sequence.withUnsafeBufferPointer { sequence in
                    try session.withUnsafeBufferPointer { session in
                      try version.withUnsafeBufferPointer { version in
                        try body(
                          EventBuffers(
                            rowCount: rowCount, user: user, feature: feature, kind: kind, outcome: outcome,
                            start: start, duration: duration, source: source, sequence: sequence,
                            session: session, version: version))
                      }
                    }
                  }
                }
              }
            }
          }
        }
      }
    }
  }
}
