import CEventTable
import Synchronization

/// The SQLite side of Waterline: the virtual table `event`, the function `waterline_person` and the
/// documented views, for `waterline sql` and for any SQLite shell that loads the extension.
package enum EventExtension {
  private static let namesAreShown = Atomic<Bool>(false)

  /// Whether people's names appear instead of pseudonyms; only after a purpose was logged.
  package static var showsNames: Bool {
    get { namesAreShown.load(ordering: .relaxed) }
    set { namesAreShown.store(newValue, ordering: .relaxed) }
  }
}

/// Whether the extension itself is preparing a statement, in a process with one connection.
///
/// `event` and `waterline_person` read tables on the connection that asked for them; an authorizer that
/// closes those tables to users needs to tell the two apart.
package enum ExtensionScope {
  private static let depth = Atomic<Int>(0)

  package static var isInside: Bool { depth.load(ordering: .relaxed) > 0 }

  static func enter() { depth.add(1, ordering: .relaxed) }
  static func leave() { depth.subtract(1, ordering: .relaxed) }
}

// What event_table.c calls. Pointers come from SQLite and live as long as the call.

@_cdecl("wl_event_scan_open")
func eventScanOpen(
  _ database: OpaquePointer, _ from: Int64, _ to: Int64,
  _ error: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>
) -> UnsafeMutableRawPointer? {
  do {
    let scan = try EventScan(database: database, bounds: from...max(from, to))
    return Unmanaged.passRetained(scan).toOpaque()
  } catch let problem {
    error.pointee = wl_sql_copy(problem.text)
    return nil
  }
}

@_cdecl("wl_event_scan_next")
func eventScanNext(
  _ scan: UnsafeMutableRawPointer, _ error: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>
) -> Int32 {
  do {
    return try Unmanaged<EventScan>.fromOpaque(scan).takeUnretainedValue().next() ? 1 : 0
  } catch let problem {
    error.pointee = wl_sql_copy(problem.text)
    return -1
  }
}

@_cdecl("wl_event_scan_column")
func eventScanColumn(_ scan: UnsafeMutableRawPointer, _ context: OpaquePointer, _ column: Int32) {
  Unmanaged<EventScan>.fromOpaque(scan).takeUnretainedValue().column(column, context)
}

@_cdecl("wl_event_scan_row")
func eventScanRow(_ scan: UnsafeMutableRawPointer) -> Int64 {
  Unmanaged<EventScan>.fromOpaque(scan).takeUnretainedValue().rowNumber
}

@_cdecl("wl_event_scan_close")
func eventScanClose(_ scan: UnsafeMutableRawPointer) {
  Unmanaged<EventScan>.fromOpaque(scan).release()
}

@_cdecl("wl_person_function")
func personFunction(
  _ database: OpaquePointer, _ context: OpaquePointer, _ name: UnsafePointer<UInt8>?, _ length: Int32
) {
  let text = String(decoding: UnsafeBufferPointer(start: name, count: Int(length)), as: UTF8.self)
  var shown = (try? Pseudonyms(database))?.shown(text) ?? "p-?"
  shown.withUTF8 { wl_result_text(context, $0.baseAddress, Int32($0.count)) }
}

@_cdecl("wl_create_views")
func createViews(_ database: OpaquePointer) {
  // Loaded into a shell without a Waterline database open, there is nothing to look at yet.
  guard let probe = try? PreparedSelect(database, "SELECT 1 FROM main.chunk_column LIMIT 1") else { return }
  _ = probe
  for view in DocumentedViews.all {
    _ = wl_sql_execute(database, "CREATE TEMP VIEW IF NOT EXISTS \(view.name) AS \(view.sql)")
  }
}
