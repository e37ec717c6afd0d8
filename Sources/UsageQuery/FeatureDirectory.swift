import Aggregation
import UsageModel

/// The features of the store and the catalog, by rank: (app, feature) in byte order, absent first.
struct FeatureDirectory {
  /// By rank.
  let names: [FeatureName]
  /// By rank: what the catalog says, automatic features left out; nil for features outside it.
  let catalogRows: [CatalogRow?]
  /// Whether a catalog was imported; one of automatic features alone counts too.
  let hasCatalog: Bool
  /// By the store's number: rank, or `EventKeys.none` for automatic features.
  let rankOfNumber: [Int32]
  /// By rank: the application's place among ``apps``.
  let appOfRank: [Int32]
  /// Applications that have a rank, in byte order.
  let apps: [String]
  /// By rank: the feature's name among ``featureTable``.
  let featureNameOfRank: [Int32]
  let appTable: ValueTable
  let featureTable: ValueTable

  /// - Parameter storeNames: by the store's number; number 0 is never used by an event.
  init(storeNames: [FeatureName], catalog: [CatalogRow]) {
    var rowOfName: [FeatureName: CatalogRow] = [:]
    for row in catalog { rowOfName[FeatureName(app: row.app, feature: row.feature)] = row }
    let automatic = Set(rowOfName.filter { $1.isAutomatic }.keys)
    // Numbers that the store does not use have no application.
    let stored = Set(storeNames.filter { !$0.app.isEmpty })
    let names = stored.union(rowOfName.keys).subtracting(automatic).sorted()
    let rankOfName = Dictionary(
      uniqueKeysWithValues: names.enumerated().map { ($1, Int32(truncatingIfNeeded: $0)) })
    self.names = names
    catalogRows = names.map { rowOfName[$0] }
    hasCatalog = !catalog.isEmpty
    rankOfNumber = storeNames.map { rankOfName[$0] ?? EventKeys.none }
    let appTable = ValueTable(names.map(\.app))
    let featureTable = ValueTable(names.compactMap(\.feature))
    appOfRank = names.map { (appTable.rank(of: $0.app) ?? 1) - 1 }
    featureNameOfRank = names.map { featureTable.rank(of: $0.feature) ?? 0 }
    apps = appTable.values.compactMap { $0 }
    self.appTable = appTable
    self.featureTable = featureTable
  }

  /// By rank: whether `--app` and `--feature` choose the feature.
  func isSelected(app: String?, feature: String?) -> [Bool] {
    names.map { name in
      (app.map { $0.hasSameBytes(as: name.app) } ?? true)
        && (feature.map { wanted in name.feature?.hasSameBytes(as: wanted) ?? false } ?? true)
    }
  }
}
