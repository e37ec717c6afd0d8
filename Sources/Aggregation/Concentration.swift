/// How unevenly tickets fall on people (`docs/methods.md`, section 8).
package struct Concentration: Sendable {
  /// What one person of the population carries.
  package struct Person: Equatable, Sendable {
    package var tickets: Int64 = 0
    package var effortMinutes: Int64 = 0
    package var lostMilliseconds: Int64 = 0

    package init() {}

    static func += (left: inout Person, right: Person) {
      left.tickets += right.tickets
      left.effortMinutes += right.effortMinutes
      left.lostMilliseconds += right.lostMilliseconds
    }
  }

  /// What the first people hold together, those with fewest tickets first.
  package struct Point: Equatable, Sendable {
    package var people: Int
    package var sum: Person
  }

  /// Most tickets first.
  private let ranked: [Person]
  /// What all people carry together.
  package let total: Person

  /// - Parameter people: in the byte order of their names, which decides ties; those without tickets too.
  package init(_ people: [Person]) {
    let order = people.indices.sorted {
      people[$0].tickets == people[$1].tickets ? $0 < $1 : people[$0].tickets > people[$1].tickets
    }
    ranked = order.map { people[$0] }
    total = people.reduce(into: Person()) { $0 += $1 }
  }

  /// ⌈5% of all people⌉.
  package var topCount: Int { (ranked.count + 19) / 20 }

  /// What those with most tickets carry.
  package var top: Person { ranked.prefix(topCount).reduce(into: Person()) { $0 += $1 } }

  /// Gini coefficient of tickets over people, zeros included, × n ÷ (n − 1); nil without tickets or under
  /// two people.
  package var gini: Double? {
    let count = Int64(ranked.count)
    guard count > 1, total.tickets > 0 else { return nil }
    var sum: Int64 = 0
    for (place, person) in ranked.reversed().enumerated() {
      sum += (2 * Int64(place + 1) - count - 1) * person.tickets
    }
    return Double(sum) / (Double(count - 1) * Double(total.tickets))
  }

  /// Points of the Lorenz curve, (0, 0) first: up to 20 steps of at least so many people each.
  package func lorenz(stepPeopleMin: Int) -> [Point] {
    let steps = min(20, ranked.count / max(1, stepPeopleMin))
    var points = [Point(people: 0, sum: Person())]
    guard steps > 0 else { return points }
    var sum = Person()
    var taken = 0
    let ascending = Array(ranked.reversed())
    for step in 1...steps {
      let end = ranked.count * step / steps
      for person in ascending[taken..<end] { sum += person }
      taken = end
      points.append(Point(people: end, sum: sum))
    }
    return points
  }
}
