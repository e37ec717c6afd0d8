import Aggregation
import UsageModel

/// Of whom the catalog expects what.
extension FeatureDirectory {
  /// What is expected of a population over a window of so many days.
  func expectations(
    of population: Population, observed isUsed: [Bool], dayCount: Int
  ) -> [FeatureExpectation] {
    let roles = population.attributes[.role]?.table
    return names.indices.map { rank in
      guard hasCatalog else {
        return FeatureExpectation(
          roles: isUsed[rank] ? .everyone : .nobody,
          targetDays: FeatureExpectation.targetDays(per28Days: 1, dayCount: dayCount))
      }
      guard let row = catalogRows[rank] else {
        return FeatureExpectation(roles: .nobody, targetDays: 1)
      }
      let target = FeatureExpectation.targetDays(per28Days: Int64(row.targetDays), dayCount: dayCount)
      if row.roles.contains(where: { $0.hasSameBytes(as: "*") }) {
        return FeatureExpectation(roles: .everyone, targetDays: target)
      }
      let wanted = row.roles.filter { !$0.isEmpty }.compactMap { roles?.rank(of: $0) }
      return FeatureExpectation(roles: .roles(Set(wanted).sorted()), targetDays: target)
    }
  }
}

extension ReportScope {
  /// Of whose uses before the window something depends; nil for everybody's, as without a roster or a catalog.
  static func expectedHistory(
    _ roster: Population?, _ features: FeatureDirectory, _ directory: PersonDirectory, _ window: Window
  ) -> ExpectedHistory? {
    guard let roster, features.hasCatalog else { return nil }
    return ExpectedHistory(
      features.expectations(of: roster, observed: [], dayCount: window.dayCount),
      personOfUser: roster.memberOfUser(directory),
      roleOfPerson: roster.ranks(of: .role).map(Population.roleNumber))
  }
}
