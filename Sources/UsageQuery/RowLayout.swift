import Aggregation
import UsageModel

/// The key columns of a report's rows, and how a row's key is put together.
struct RowLayout {
  /// One key column.
  struct Column {
    var name: String
    var table: ValueTable
    /// Columns that only mean something together share a block (see `Suppression`).
    var block: Int
    fileprivate var part: Part
  }

  /// A column that is not an attribute of people.
  enum Own: String {
    case app
    case feature
    case fromFeature = "from_feature"
    case toFeature = "to_feature"
    case version
  }

  fileprivate enum Part: Equatable {
    case person(attribute: Int)
    case own(Own)
    /// Ranked by the report itself.
    case free
  }

  /// Which column stands where.
  enum Item {
    case person(PersonAttribute)
    case own(Own)
  }

  let columns: [Column]
  private let groups: PersonGroups

  init(
    _ items: [Item], groups: PersonGroups, features: FeatureDirectory, versions: ValueTable = ValueTable([])
  ) {
    self.groups = groups
    var columns: [Column] = []
    var ownBlock: Int?
    var nextBlock = 0
    func newBlock() -> Int {
      nextBlock += 1
      return nextBlock - 1
    }
    for item in items {
      switch item {
      case .person(let attribute):
        guard let index = groups.attributes.firstIndex(of: attribute) else { continue }
        columns.append(
          Column(
            name: attribute.rawValue, table: groups.tables[index], block: newBlock(),
            part: .person(attribute: index)))
      case .own(let own):
        let block = ownBlock ?? newBlock()
        ownBlock = block
        columns.append(
          Column(
            name: own.rawValue, table: Self.table(of: own, features, versions), block: block,
            part: .own(own)))
      }
    }
    self.columns = columns
  }

  private static func table(
    of own: Own, _ features: FeatureDirectory, _ versions: ValueTable
  ) -> ValueTable {
    switch own {
    case .app: features.appTable
    case .feature, .fromFeature, .toFeature: features.featureTable
    case .version: versions
    }
  }

  /// A row's key: by column, the rank of its value.
  ///
  /// - Parameters:
  ///   - app: the application's rank in the directory's table.
  ///   - feature: rank of the (first) feature's name.
  ///   - toFeature: rank of the second feature's name.
  ///   - version: rank of the version among those given.
  func key(
    group: Int32, app: Int32 = 0, feature: Int32 = 0, toFeature: Int32 = 0, version: Int32 = 0
  ) -> [Int32] {
    columns.map { column in
      switch column.part {
      case .person(let attribute): groups.keys[Int(group)][attribute]
      case .own(.app): app
      case .own(.feature), .own(.fromFeature): feature
      case .own(.toFeature): toFeature
      case .own(.version): version
      case .free: 0
      }
    }
  }
}

extension RowLayout.Column {
  /// A column whose ranks the report looks up in the table itself.
  init(name: String, table: ValueTable, block: Int) {
    self.init(name: name, table: table, block: block, part: .free)
  }
}

/// The chosen people by the attributes that rows are grouped by.
struct PersonGroups {
  let attributes: [PersonAttribute]
  /// By attribute.
  let tables: [ValueTable]
  /// By member; -1 for people who were not chosen.
  let groupOfMember: [Int32]
  /// By group: the ranks of its attribute values.
  ///
  /// Without attributes there is one group of everyone chosen.
  let keys: [[Int32]]

  var count: Int { keys.count }

  init(_ attributes: [PersonAttribute], population: Population, isChosen: [Bool]) {
    self.attributes = attributes
    tables = attributes.map { population.attributes[$0]?.table ?? ValueTable([]) }
    var keys: [[Int32]] = attributes.isEmpty ? [[]] : []
    var groupOfKey: [[Int32]: Int32] = attributes.isEmpty ? [[]: 0] : [:]
    groupOfMember = (0..<population.memberCount).map { member in
      guard isChosen[member] else { return -1 }
      let key = attributes.map { population.rank(of: $0, member: member) }
      if let known = groupOfKey[key] { return known }
      let group = Int32(truncatingIfNeeded: keys.count)
      keys.append(key)
      groupOfKey[key] = group
      return group
    }
    self.keys = keys
  }
}
