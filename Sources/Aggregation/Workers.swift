import Dispatch

/// Runs the parts of one report at the same time.
package enum Workers {
  /// Calls the body once for each worker, all at the same time, and returns when all have returned.
  ///
  /// The body must keep workers apart: each writes only what is its own.
  package static func run(_ count: Int, _ body: (_ worker: Int) -> Void) {
    if count <= 1 { return body(0) }
    withoutActuallyEscaping(body) { body in
      // Workers are kept apart by the body; none outlives this call.
      nonisolated(unsafe) let body = body
      DispatchQueue.concurrentPerform(iterations: count) { body($0) }
    }
  }
}
