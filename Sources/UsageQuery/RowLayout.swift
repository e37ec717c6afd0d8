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
    guard !attributes.isEmpty else {
      keys = [[]]
      groupOfMember = isChosen.map { $0 ? 0 : -1 }
      return
    }
    // Attribute by attribute: groups so far, split by the next attribute's ranks.
    var group = [Int32](repeating: 0, count: population.memberCount)
    var keys: [[Int32]] = [[]]
    for (attribute, table) in zip(attributes, tables) {
      var split = GroupSplit(groupCount: keys.count, rankCount: table.values.count)
      let ranks = population.ranks(of: attribute)
      for member in group.indices where isChosen[member] {
        group[member] = split.group(group[member], ranks[member])
      }
      keys = split.parents.map { keys[Int($0.group)] + [$0.rank] }
    }
    groupOfMember = zip(group, isChosen).map { $1 ? $0 : -1 }
    self.keys = keys
  }
}

/// Splits groups by one more rank, numbering the parts in order of first appearance.
private struct GroupSplit {
  /// By part: the group it is of, and its rank.
  private(set) var parents: [(group: Int32, rank: Int32)] = []
  private let rankCount: Int
  /// By group and rank: 1 + part, or 0; a dictionary when that would be a large table for few members.
  private var table: [Int32]
  private var parts: [Int: Int32] = [:]

  private static let tableMax = 1 << 20

  init(groupCount: Int, rankCount: Int) {
    self.rankCount = rankCount
    let size = groupCount.multipliedReportingOverflow(by: rankCount)
    table =
      size.overflow || size.partialValue > Self.tableMax ? [] : Array(repeating: 0, count: size.partialValue)
  }

  mutating func group(_ group: Int32, _ rank: Int32) -> Int32 {
    let place = Int(group) * rankCount + Int(rank)
    let known = table.isEmpty ? parts[place] ?? 0 : table[place]
    if known > 0 { return known - 1 }
    parents.append((group, rank))
    let part = Int32(truncatingIfNeeded: parents.count)
    if table.isEmpty { parts[place] = part } else { table[place] = part }
    return part - 1
  }
}
