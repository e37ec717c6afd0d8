/// a(f): what the better departments reach, as an exact fraction (`docs/methods.md`, section 2).
package struct AdoptionBenchmark: Equatable, Sendable {
  package let adopted: Int64
  package let expected: Int64
  /// Departments with enough expected cells.
  package let departments: Int

  /// Expected cells from which a department's coverage counts.
  package static let departmentCellsMin: Int64 = 10
  /// Departments from which there is a benchmark.
  package static let departmentsMin = 4

  /// The benchmark from the coverage of all departments; nil when too few qualify.
  package init?(departments: [Coverage]) {
    let qualified = departments.filter { $0.expected >= Self.departmentCellsMin }
    guard qualified.count >= Self.departmentsMin else { return nil }
    let sorted = qualified.sorted { $0.adopted * $1.expected < $1.adopted * $0.expected }
    let chosen = sorted[Quantile.threeQuarters.position(among: sorted.count)]
    adopted = chosen.adopted
    expected = chosen.expected
    self.departments = qualified.count
  }

  /// The benchmark as a share.
  package var share: Double { Double(adopted) / Double(expected) }

  /// How many more people would reach what the better departments reach.
  package func gap(expected cells: Int64, adopted reached: Int64) -> Int64 {
    max(0, (adopted * cells + expected - 1) / expected - reached)
  }
}
