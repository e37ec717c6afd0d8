import Foundation

/// Which decoder libFuzzer attacks: the variable `WATERLINE_FUZZ_TARGET`.
private let chosen: FuzzTarget = {
  let name = ProcessInfo.processInfo.environment["WATERLINE_FUZZ_TARGET"] ?? ""
  guard let target = FuzzTarget(rawValue: name) else {
    fatalError("set WATERLINE_FUZZ_TARGET to one of \(FuzzTarget.allCases.map(\.rawValue))")
  }
  return target
}()

/// What libFuzzer calls, by way of `Driver/main.c`.
@_cdecl("wl_fuzz_run")
package func runChosenTarget(_ bytes: UnsafePointer<UInt8>?, _ count: Int) -> Int32 {
  chosen.run(UnsafeRawBufferPointer(start: bytes, count: count))
  return 0
}
