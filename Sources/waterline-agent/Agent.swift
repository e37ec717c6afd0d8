import AgentIntake
import Delivery
import Foundation
import Glibc
import Ingest
import ProgramConfiguration
import ServiceManager
import ServiceRuntime
import UsageModel
import WireFormat

/// The running agent: sockets, spool and sender, and the signals that steer them.
final class Agent {
  private let loadConfiguration: () throws -> AgentConfiguration
  private let configuration: AgentConfiguration
  private let activatedSockets: [ActivatedSocket]
  private let queue = WriterQueue()
  private let peers = PeerPolicy()
  private let spool: Spool
  private let delivery: DeliveryLine
  private let writer: SpoolWriterThread
  private let listeners: Listeners

  /// - Parameters:
  ///   - activatedSockets: what the service manager opened.
  ///   - loadConfiguration: reads all layers anew; called again on SIGHUP.
  /// - Throws: what is in the way; one line each.
  init(
    activatedSockets: [ActivatedSocket], loadConfiguration: @escaping () throws -> AgentConfiguration
  ) throws {
    self.activatedSockets = activatedSockets
    self.loadConfiguration = loadConfiguration
    configuration = try loadConfiguration()
    Log.setThreshold(configuration.logLevel)
    guard activatedSockets.allSatisfy({ $0.kind != .udp }) else {
      throw ConfigurationError("an agent takes no UDP: give it Unix sockets, or run waterlined")
    }
    let settings = try AgentSettings(configuration)
    try ServiceDirectories.make(forFiles: [
      configuration.spoolPath, configuration.unixDatagramPath, configuration.unixStreamPath,
    ])
    var limits = SpoolLimits()
    limits.bytesMax = configuration.spoolBytesMax
    limits.ageMillisecondsMax = configuration.spoolAgeMillisecondsMax
    spool = try Spool(path: configuration.spoolPath, sender: settings.identity.sender, limits: limits)
    let memory = try spool.memory()
    // Senders are on this machine and share its clock: nothing to correct.
    let gate = EnvelopeGate(
      rules: EnvelopeGate.Rules(clockOffsetLimitMilliseconds: .max), spools: memory.senders)
    delivery = DeliveryLine(spool: spool)
    writer = SpoolWriterThread(
      spool: spool, queue: queue, gate: gate,
      intake: AgentIntake(
        minimiser: settings.minimiser, mergeGapMilliseconds: configuration.mergeGapMilliseconds,
        ownSource: spool.source, memory: memory), delivery: delivery)
    listeners = Listeners(queue: queue, peers: peers, gate: gate)
    peers.setRelays(settings.relays)
    delivery.configure(address: configuration.collector, identity: settings.identity)
  }

  /// Listens until SIGTERM or SIGINT; everything received by then is in the spool when this returns.
  func run() throws {
    let signals = SignalSet([SIGTERM, SIGINT, SIGHUP])
    DescriptorLimit.raise()
    let writer = writer
    writer.dropExpired()
    let writing = WorkerThread(name: "wl-spool") { writer.run() }
    let watchdogStop = StopSignal()
    let watching = startWatchdog(until: watchdogStop)
    func stop() {
      listeners.closeAll()
      queue.close()
      writer.prepareToStop()
      writing.join()
      delivery.stop()
      watchdogStop.signal()
      watching?.join()
    }
    do {
      try listeners.adopt(activatedSockets, Self.plan(configuration))
      try listeners.apply(Self.plan(configuration))
    } catch {
      stop()
      throw error
    }
    delivery.start()
    announce(configuration)
    while signals.wait() == SIGHUP { reload() }
    Log.notice("stopping: putting what was received into the spool", .stopping)
    ServiceNotifier.stopping("putting what was received into the spool")
    stop()
    try? spool.close()  // Nothing is lost if it fails: what was added is on disk.
    guard writer.abandonedEventCount == 0 else {
      throw SpoolError(
        """
        \(writer.abandonedEventCount) received events could not be written to the spool \(spool.path); what came \
        in envelopes will be sent again, the rest is lost
        """)
    }
  }

  private func announce(_ configuration: AgentConfiguration) {
    let text = "listening on \(listeners.places)"
    Log.notice("\(text); delivering to \(configuration.collector) through \(spool.path)", .listening)
    ServiceNotifier.ready(text)
  }

  /// Beats for the service manager, if it asked for that.
  private func startWatchdog(until stop: StopSignal) -> WorkerThread? {
    guard let interval = ServiceNotifier.watchdogMilliseconds else { return nil }
    let (writer, delivery) = (writer, delivery)
    let watchdog = Watchdog(intervalMilliseconds: interval, progress: writer.progress, stop: stop) {
      writer.isFailing
        ? "cannot write the spool; keeping what was received and trying again" : delivery.status
    }
    return WorkerThread(name: "wl-watchdog") { watchdog.run() }
  }

  /// Reads the configuration again and applies what can change while running.
  private func reload() {
    ServiceNotifier.reloading()
    do {
      let fresh = try loadConfiguration()
      let settings = try AgentSettings(fresh)
      Log.setThreshold(fresh.logLevel)
      if fresh.spoolPath != configuration.spoolPath {
        Log.warning("reload: another spool needs a restart; still using \(spool.path)")
      }
      try ServiceDirectories.make(forFiles: [fresh.unixDatagramPath, fresh.unixStreamPath])
      try listeners.apply(Self.plan(fresh))
      peers.setRelays(settings.relays)
      writer.setRules(settings.minimiser, mergeGapMilliseconds: fresh.mergeGapMilliseconds)
      delivery.configure(address: fresh.collector, identity: settings.identity)
      delivery.start()
      announce(fresh)
    } catch {
      Log.error("reload failed, going on as before: \(error)", .reloadFailed)
      ServiceNotifier.ready("the configuration could not be read again; going on as before")
    }
  }

  private static func plan(_ configuration: AgentConfiguration) -> ListenerPlan {
    ListenerPlan(
      unixDatagramPath: configuration.unixDatagramPath, unixStreamPath: configuration.unixStreamPath,
      socketMode: configuration.socketMode)
  }
}

/// What the configuration points to: keys and accounts.
private struct AgentSettings {
  var identity: SenderIdentity
  var minimiser: Minimiser
  var relays: Set<UInt32>

  /// - Throws: `SocketError` or `ConfigurationError`, naming the file or account.
  init(_ configuration: AgentConfiguration) throws {
    identity = try Self.identity(configuration)
    var hashKey: [UInt8] = []
    if let path = configuration.hashKeyPath {
      hashKey = try KeyDirectory.loadKey(path, isCredentials: Self.isCredential(path)).hashing
    }
    minimiser = Minimiser(rules: configuration.rules, key: hashKey)
    relays = try LocalAccounts.userIDs(ofRelays: configuration.relays)
  }

  private static func identity(_ configuration: AgentConfiguration) throws -> SenderIdentity {
    guard let path = configuration.keyPath else {
      return SenderIdentity(sender: configuration.sender ?? LocalHost.name)
    }
    let identity = try SenderIdentity(
      keyPath: path, keyID: configuration.keyID, mode: configuration.mode, isCredential: isCredential(path))
    if let sender = configuration.sender, !sender.hasSameBytes(as: identity.sender) {
      throw ConfigurationError("the key \(path) belongs to another sender than '\(sender)'")
    }
    guard identity.sender.utf8.count <= Spool.senderBytesMax else {
      throw ConfigurationError("the sender of the key \(path) is longer than \(Spool.senderBytesMax) bytes")
    }
    if let problem = identity.problemOfKey(nowMilliseconds: Clock.nowMilliseconds()) { Log.warning(problem) }
    return identity
  }

  /// systemd's own directory is private, whatever its modes say.
  private static func isCredential(_ path: String) -> Bool {
    guard let directory = ProcessInfo.processInfo.environment["CREDENTIALS_DIRECTORY"], !directory.isEmpty
    else { return false }
    return path.hasPrefix(directory + "/")
  }
}
