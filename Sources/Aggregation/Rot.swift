/// The rules of `docs/methods.md`, section 9, decided in whole numbers.
package enum Rot {
  /// Whether hardly anyone uses a feature, and it takes hardly any of the application's time.
  ///
  /// - Parameters:
  ///   - users: people expected to use it who had an ok use.
  ///   - milliseconds: durations of its uses; `appMilliseconds` of all uses of the application.
  /// - Returns: nil when it is expected of nobody.
  package static func isTrivial(
    users: Int64, expected: Int64, milliseconds: Int64, appMilliseconds: Int64
  ) -> Bool? {
    guard expected > 0 else { return nil }
    let isShort = appMilliseconds == 0 || 1_000 * milliseconds < appMilliseconds
    return 100 * users < expected && isShort
  }

  /// Whether people with an ok use fell by 80% or more; nobody cannot become fewer.
  package static func isObsolete(usersThen: Int, usersNow: Int) -> Bool {
    usersThen > 0 && 5 * usersNow <= usersThen
  }
}

/// How far two features have the same people, and the same people on the same days.
package struct UseOverlap: Equatable, Sendable {
  package private(set) var sharedPeople = 0
  package private(set) var allPeople = 0
  /// (person, day) pairs.
  package private(set) var sharedDays = 0
  package private(set) var allDays = 0

  /// Compares ok uses; people in the order of their numbers, those without an ok use left out.
  ///
  /// - Complexity: O(people + days).
  package init(_ left: [PersonUse], _ right: [PersonUse]) {
    var first = 0
    var second = 0
    while first < left.count || second < right.count {
      let isLeft = second == right.count || (first < left.count && left[first].person <= right[second].person)
      let isRight =
        first == left.count || (second < right.count && right[second].person <= left[first].person)
      allPeople += 1
      if isLeft, isRight {
        sharedPeople += 1
        add(left[first].okDays, right[second].okDays)
      } else {
        allDays += isLeft ? left[first].okDays.count : right[second].okDays.count
      }
      first += isLeft ? 1 : 0
      second += isRight ? 1 : 0
    }
  }

  /// Whether at least half of the people of two lists are in both, as redundancy asks before it asks for days.
  ///
  /// Ends as soon as too many of one are missing from the other, which for most pairs is early.
  /// - Parameters: people in the order of their numbers, each once.
  /// - Complexity: O(people).
  package static func sharesHalf(_ left: [Int32], _ right: [Int32]) -> Bool {
    // 2 × shared ≥ all, where all = both − shared.
    let sharedMin = (left.count + right.count + 2) / 3
    var leftSpare = left.count - sharedMin
    var rightSpare = right.count - sharedMin
    var first = 0
    var second = 0
    while first < left.count, second < right.count, leftSpare >= 0, rightSpare >= 0 {
      let (one, other) = (left[first], right[second])
      leftSpare -= one < other ? 1 : 0
      rightSpare -= other < one ? 1 : 0
      first += one <= other ? 1 : 0
      second += other <= one ? 1 : 0
    }
    return sharedMin > 0 && leftSpare >= left.count - first && rightSpare >= right.count - second
  }

  private mutating func add(_ left: [Int64], _ right: [Int64]) {
    let shared = Set(left).intersection(right).count
    sharedDays += shared
    allDays += left.count + right.count - shared
  }

  /// Jaccard index of people; nil without people.
  package var people: Double? { allPeople > 0 ? Double(sharedPeople) / Double(allPeople) : nil }

  /// Jaccard index of (person, day) pairs; nil without pairs.
  package var days: Double? { allDays > 0 ? Double(sharedDays) / Double(allDays) : nil }

  /// The same people, but instead of each other: at least half of the people, at most a fifth of the days.
  package var isRedundant: Bool {
    allPeople > 0 && 2 * sharedPeople >= allPeople && 5 * sharedDays <= allDays
  }

  /// Whether this overlap is the stronger evidence: more of the people, then fewer of the days.
  package func isStronger(than other: UseOverlap) -> Bool {
    let own = sharedPeople * other.allPeople
    let others = other.sharedPeople * allPeople
    return own != others ? own > others : sharedDays * other.allDays < other.sharedDays * allDays
  }
}
