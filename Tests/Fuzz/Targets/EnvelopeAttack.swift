import WireFormat

/// An envelope as it comes, and one made from the input and then changed.
enum EnvelopeAttack {
  private static let key = DeliveryKey(id: "k1", secret: [UInt8](0..<32))

  static func run(_ bytes: UnsafeRawBufferPointer) {
    withExactMemory(bytes) { memory in
      asItComes(UnsafeRawBufferPointer(memory))
      parts(UnsafeRawBufferPointer(memory))
    }
    changed(bytes)
  }

  /// What can be read is what would be made of it again, byte for byte.
  private static func asItComes(_ bytes: UnsafeRawBufferPointer) {
    guard case .whole(let byteCount) = Envelope.inspect(bytes) else { return }
    require(byteCount <= bytes.count, "an envelope is longer than what is there")
    let envelope = UnsafeRawBufferPointer(rebasing: bytes[..<byteCount])
    let opened: (header: EnvelopeHeader, payload: [UInt8])
    do {
      opened = try Envelope.open(envelope, key: nil)
    } catch {
      return
    }
    require(opened.header.mode == .none, "an envelope is opened without its key")
    let again = opened.payload.withUnsafeBytes { Envelope.seal(opened.header, payload: $0, key: nil) }
    require(again.elementsEqual(envelope), "an envelope is another when it is made again")
  }

  /// So can what a payload tells besides events, and what answers say.
  private static func parts(_ bytes: UnsafeRawBufferPointer) {
    if let (numbers, count) = UnsentNumbers.decode(bytes) {
      require(numbers.encoded.elementsEqual(bytes[..<count]), "numbers are others when they are told again")
    }
    if let (events, count) = RefusedEvents.decode(bytes) {
      require(events.encoded.elementsEqual(bytes[..<count]), "refused events change when they are told again")
      let numberCount = events.ranges.reduce(0) { $0 + $1.count }
      require(numberCount <= Int(events.count), "more numbers are refused than events")
    }
    let all = Array(bytes)
    if let answer = Acknowledgement(all) {
      require(answer.encoded == all, "an acknowledgement is another when it is made again")
    }
    if let answer = BusyAnswer(all) {
      require(answer.encoded == all, "a busy answer is another when it is made again")
    }
  }

  /// Whatever is changed of a signed or encrypted envelope, it is refused.
  private static func changed(_ bytes: UnsafeRawBufferPointer) {
    guard bytes.count >= 20 else { return }
    let mode: DeliveryMode = bytes[0] & 1 == 0 ? .sign : .encrypt
    let header = EnvelopeHeader(
      type: .batch, mode: mode, spoolID: UInt64(bytes[1]), packetNumber: UInt64(bytes[2]) << 40,
      batchNumber: UInt64(bytes[3]) + 1, oldestBatch: 1, sendMilliseconds: -Int64(bytes[4]), sender: "pc",
      keyID: key.id)
    let payload = Array(bytes[20...])
    var sealed = payload.withUnsafeBytes { Envelope.seal(header, payload: $0, key: key) }
    let opened = sealed.withUnsafeBytes { try? Envelope.open($0, key: key) }
    require(opened?.header == header && opened?.payload == payload, "an envelope does not open")
    let place = Int(bytes.loadUnaligned(fromByteOffset: 5, as: UInt32.self)) % sealed.count
    switch bytes[9] % 3 {
    case 0: sealed[place] ^= bytes[10] == 0 ? 1 : bytes[10]
    case 1: sealed.removeSubrange(place...)
    default: sealed.insert(bytes[10], at: place)
    }
    let isTaken = withExactMemory(sealed) { memory in
      (try? Envelope.open(UnsafeRawBufferPointer(memory), key: key)) != nil
    }
    require(!isTaken, "a changed envelope is taken for sound")
  }
}
