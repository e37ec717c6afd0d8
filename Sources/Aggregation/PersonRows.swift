/// One feature's rows by person, copied together in memory that is used again for the next feature.
///
/// Within a person rows keep the order of the feature's stretches, which is that of time for day chunks; people
/// stand in order of first appearance.
struct PersonRows {
  /// By person of the feature.
  private(set) var people: [Int32] = []
  /// By person of the feature: where their rows end in ``duration`` and ``flags``.
  private(set) var ends: [Int] = []
  private(set) var duration: [UInt32] = []
  private(set) var flags: [UInt8] = []
  /// By person of the population: 1 + index into ``people``, or 0.
  private var placeOfPerson: [UInt32]
  /// By row of the feature: index into ``people``, or `UInt32.max` for people outside the population.
  private var placeOfRow: [UInt32] = []

  init(personCount: Int) { placeOfPerson = [UInt32](repeating: 0, count: personCount) }

  /// Groups the rows of one feature; those of people outside the population are left out.
  ///
  /// - Complexity: O(rows of the feature).
  mutating func group(_ stretches: ArraySlice<PackedEvents.Stretch>, of events: PackedEvents, keys: EventKeys)
  {
    for person in people { placeOfPerson[Int(person)] = 0 }
    people.removeAll(keepingCapacity: true)
    ends.removeAll(keepingCapacity: true)
    let total = stretches.reduce(0) { $0 + Int($1.count) }
    if placeOfRow.count < total {
      placeOfRow = [UInt32](repeating: 0, count: max(total, 2 * placeOfRow.count))
      duration = [UInt32](repeating: 0, count: placeOfRow.count)
      flags = [UInt8](repeating: 0, count: placeOfRow.count)
    }
    keys.personOfUser.withUnsafeBufferPointer { count(stretches, events, personOfUser: $0) }
    place(stretches, events)
  }

  /// Rows of one person of the feature.
  func rows(of place: Int) -> Range<Int> { (place == 0 ? 0 : ends[place - 1])..<ends[place] }

  private mutating func count(
    _ stretches: ArraySlice<PackedEvents.Stretch>, _ events: PackedEvents,
    personOfUser: UnsafeBufferPointer<Int32>
  ) {
    placeOfRow.withUnsafeMutableBufferPointer { placeOfRow in
      placeOfPerson.withUnsafeMutableBufferPointer { placeOfPerson in
        var index = 0
        for stretch in stretches {
          let users = events.user + Int(stretch.first)
          for offset in 0..<Int(stretch.count) {
            let person = personOfUser[Int(users[offset])]
            var place = UInt32.max
            if person >= 0 {
              place = placeOfPerson[Int(person)] &- 1
              if place == .max {
                place = UInt32(truncatingIfNeeded: people.count)
                people.append(person)
                ends.append(0)
                placeOfPerson[Int(person)] = place + 1
              }
              ends[Int(place)] += 1
            }
            placeOfRow[index] = place
            index &+= 1
          }
        }
      }
    }
  }

  private mutating func place(_ stretches: ArraySlice<PackedEvents.Stretch>, _ events: PackedEvents) {
    // Ends become starts here, and ends again as rows are placed.
    var total = 0
    for place in ends.indices {
      let count = ends[place]
      ends[place] = total
      total += count
    }
    ends.withUnsafeMutableBufferPointer { ends in
      placeOfRow.withUnsafeBufferPointer { placeOfRow in
        duration.withUnsafeMutableBufferPointer { duration in
          flags.withUnsafeMutableBufferPointer { flags in
            var index = 0
            for stretch in stretches {
              let first = Int(stretch.first)
              for row in first..<first + Int(stretch.count) {
                let place = placeOfRow[index]
                index &+= 1
                guard place != .max else { continue }
                let target = ends[Int(place)]
                ends[Int(place)] = target &+ 1
                duration[target] = events.duration[row]
                flags[target] = events.flags[row]
              }
            }
          }
        }
      }
    }
  }
}
