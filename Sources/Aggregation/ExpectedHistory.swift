/// Whose uses before the window can decide anything: there they only tell lapsed from never, where something is
/// expected.
///
/// Most of what people did was never expected of them; left out, it need not be kept.
package struct ExpectedHistory: Sendable {
  /// By user: 0 for people who are none of the population, 1 for those without a role, else 2 + the role's number.
  private let placeOfUser: [UInt16]
  /// By rank and place.
  private let isExpected: [Bool]
  private let placeCount: Int

  private static let tableMax = 1 << 22

  /// - Parameters:
  ///   - expectations: by rank.
  ///   - personOfUser: by the store's user number; negative for people who are none of the population.
  ///   - roleOfPerson: -1 is no role.
  /// - Returns: nil where there are so many roles that looking them up is not worth it.
  package init?(_ expectations: [FeatureExpectation], personOfUser: [Int32], roleOfPerson: [Int32]) {
    let placeCount = 3 + Int(roleOfPerson.max() ?? -1)
    guard placeCount <= Int(UInt16.max), expectations.count <= Self.tableMax / placeCount else { return nil }
    self.placeCount = placeCount
    placeOfUser = personOfUser.map { $0 < 0 ? 0 : UInt16(2 + roleOfPerson[Int($0)]) }
    isExpected = expectations.flatMap { [false] + $0.roles.byPlace(count: placeCount - 1) }
  }

  /// Whether the feature is expected of the user's person.
  @inline(__always)
  func isExpected(rank: Int, user: UInt32) -> Bool {
    isExpected[rank * placeCount + Int(placeOfUser[Int(user)])]
  }

  /// For many rows of one feature: calls the body with places by user, and whether something is expected by place.
  @inline(__always)
  func withExpected(
    rank: Int, _ body: (_ placeOfUser: UnsafePointer<UInt16>, _ isExpected: UnsafePointer<Bool>) -> Void
  ) {
    placeOfUser.withUnsafeBufferPointer { placeOfUser in
      isExpected.withUnsafeBufferPointer { isExpected in
        guard let places = placeOfUser.baseAddress, let expected = isExpected.baseAddress else { return }
        body(places, expected + rank * placeCount)
      }
    }
  }
}
