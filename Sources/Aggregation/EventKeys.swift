/// Translates the store's numbers into the dense numbers that kernels count with.
package struct EventKeys: Sendable {
  /// Marks a user outside the population, or a feature that is left out of every figure.
  package static let none: Int32 = -1

  /// By the store's user number: index into the population, or ``none``.
  package let personOfUser: [Int32]
  /// People in the population; they stand in the byte order of their names.
  package let personCount: Int
  /// By the store's number of the (app, feature) pair: its rank, or ``none`` when it is left out.
  package let rankOfFeature: [Int32]
  /// By rank: its application.
  ///
  /// Ranks follow (app, feature) by bytes, an absent feature first, so that the features of an
  /// application are neighbours.
  package let appOfRank: [Int32]
  /// Applications among the ranks, in the order of their names.
  package let appCount: Int

  package init(
    personOfUser: [Int32], personCount: Int, rankOfFeature: [Int32], appOfRank: [Int32], appCount: Int
  ) {
    self.personOfUser = personOfUser
    self.personCount = personCount
    self.rankOfFeature = rankOfFeature
    self.appOfRank = appOfRank
    self.appCount = appCount
  }

  /// Number of features by rank.
  package var featureCount: Int { appOfRank.count }
}
