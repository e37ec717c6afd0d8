import Control
import DeliveryLedger
import EventStore
import Foundation
import Glibc
import Ingest
import ProgramConfiguration
import ServiceManager
import ServiceRuntime
import UsageModel
import WireFormat

/// The running collector: store, writer, listeners and control socket, and the signals that steer them.
final class Daemon {
  /// Of the merge thread: under full load it still gets about a quarter of a core.
  private static let mergeNiceness: Int32 = 5

  private let loadConfiguration: () throws -> DaemonConfiguration
  private let configuration: DaemonConfiguration
  private let activatedSockets: [ActivatedSocket]
  private let store: EventStore
  private let queue = WriterQueue()
  private let writerThread: StoreWriterThread
  private let writer: QueuedWriter
  private let listeners: Listeners
  private let peers = PeerPolicy()
  private let gate: EnvelopeGate
  private let controlStop = StopSignal()
  private let status: StatusBox

  /// - Parameters:
  ///   - activatedSockets: what the service manager opened.
  ///   - loadConfiguration: reads all layers anew; called again on SIGHUP.
  /// - Throws: `StoreError`, `ConfigurationError`; one line each.
  init(
    activatedSockets: [ActivatedSocket], loadConfiguration: @escaping () throws -> DaemonConfiguration
  ) throws {
    self.activatedSockets = activatedSockets
    self.loadConfiguration = loadConfiguration
    configuration = try loadConfiguration()
    Log.setThreshold(configuration.logLevel)
    try Self.makeDirectories(configuration)
    store = try Self.openStore(configuration.databasePath)
    gate = EnvelopeGate(
      rules: try Self.rules(configuration),
      spools: try store.read { try DeliveryLedger.spools(limit: EnvelopeGate.spoolsKeptMax, in: $0) })
    writerThread = try StoreWriterThread(
      store: store, queue: queue, gate: gate, limits: configuration.storeLimits)
    writer = QueuedWriter(queue: queue, thread: writerThread)
    listeners = Listeners(queue: queue, peers: peers, gate: gate)
    peers.setRelays(try LocalAccounts.userIDs(ofRelays: configuration.relays))
    status = StatusBox(
      DaemonStatus(
        processID: getpid(), version: ProductVersion.text, startedMilliseconds: Clock.nowMilliseconds(),
        listeners: []))
  }

  /// Between two attempts to open a database for which there is no room.
  private static let openingRetrySeconds: TimeInterval = 1

  /// Opens the database; on a full disk waits for room, as a running daemon does.
  ///
  /// Until then SIGTERM ends the program at once: nothing was received.
  private static func openStore(_ path: String) throws -> EventStore {
    var isSaid = false
    while true {
      do {
        return try EventStore(writingAt: path, program: "waterlined")
      } catch {
        guard DiskSpace.isExhausted(beside: path) else { throw error }
        let text = "\(StoreError.reason(of: error)): the disk is full; waiting for room"
        if !isSaid { Log.error(text, .cannotWrite) }
        isSaid = true
        ServiceNotifier.starting(text, again: Int64(openingRetrySeconds * 1_000))
        Thread.sleep(forTimeInterval: openingRetrySeconds)
      }
    }
  }

  /// Listens until SIGTERM or SIGINT; everything received by then is stored when this returns.
  func run() throws {
    let signals = SignalSet([SIGTERM, SIGINT, SIGHUP])
    DescriptorLimit.raise()
    let controlPath = ControlSocket.path(forDatabase: configuration.databasePath)
    let controlSocket = try Sockets.unixStream(controlPath)
    chmod(controlPath, 0o600)
    let writerThread = writerThread
    let writer = writer
    let writing = WorkerThread(name: "wl-writer") { writerThread.run() }
    let compacting = WorkerThread(name: "wl-merge") {
      Self.yieldToReceivers()
      writerThread.runUpkeep(through: writer)
    }
    let status = status
    let server = ControlServer(socket: controlSocket, store: writer, stop: controlStop) {
      var current = status.value
      current.writingFailure = writerThread.writingFailure
      return current
    }
    let controlling = WorkerThread(name: "wl-control") { server.run() }
    let watchdogStop = StopSignal()
    let watching = startWatchdog(until: watchdogStop)
    let metricsStop = StopSignal()
    var exporting: WorkerThread?
    func stop() {
      metricsStop.signal()
      exporting?.join()
      listeners.closeAll()
      controlStop.signal()
      writerThread.prepareToStop()
      controlling.join()
      compacting.join()
      queue.close()
      writing.join()
      watchdogStop.signal()
      watching?.join()
      writerThread.close()
    }
    do {
      try listeners.adopt(activatedSockets, Self.plan(configuration))
      try listeners.apply(Self.plan(configuration))
      exporting = try startMetrics(until: metricsStop)
    } catch {
      stop()
      throw error
    }
    status.value.listeners = listenerStatus
    announce()
    while signals.wait() == SIGHUP { reload() }
    Log.notice("stopping: storing what was received", .stopping)
    ServiceNotifier.stopping("storing what was received")
    stop()
    guard writerThread.abandonedEventCount == 0 else {
      throw StoreError.invalid(
        """
        \(writerThread.abandonedEventCount) received events could not be stored in \(store.path); what came in \
        envelopes will be sent again, the rest is lost
        """)
    }
  }

  /// Lowers the calling thread's priority: what arrives goes before what can be merged later.
  private static func yieldToReceivers() {
    setpriority(__priority_which_t(PRIO_PROCESS.rawValue), 0, mergeNiceness)
  }

  private var listenerStatus: [DaemonStatus.Listener] {
    listeners.summary.map {
      DaemonStatus.Listener(
        transport: $0.transport, address: $0.address, receiveBufferBytes: $0.receiveBufferBytes)
    }
  }

  private static func plan(_ configuration: DaemonConfiguration) -> ListenerPlan {
    ListenerPlan(
      udpAddress: configuration.udpAddress, unixDatagramPath: configuration.unixDatagramPath,
      unixStreamPath: configuration.unixStreamPath, socketMode: configuration.socketMode,
      allowsNetwork: configuration.mode != .none || configuration.allowsPlainNetwork)
  }

  /// Makes the directories of everything that is opened or written.
  private static func makeDirectories(_ configuration: DaemonConfiguration) throws {
    try ServiceDirectories.make(forFiles: [
      configuration.databasePath, configuration.unixDatagramPath, configuration.unixStreamPath,
      configuration.metricsFile, configuration.metricsAddress.flatMap { $0.hasPrefix("/") ? $0 : nil },
    ])
  }

  private func announce() {
    let places = listeners.places
    Log.notice("listening on \(places); writing \(configuration.databasePath)", .listening)
    ServiceNotifier.ready("listening on \(places)")
  }

  /// Beats for the service manager, if it asked for that.
  private func startWatchdog(until stop: StopSignal) -> WorkerThread? {
    guard let interval = ServiceNotifier.watchdogMilliseconds else { return nil }
    let writerThread = writerThread
    let watchdog = Watchdog(
      intervalMilliseconds: interval, progress: writerThread.progress, stop: stop
    ) {
      writerThread.writingFailure == nil
        ? "collecting" : "cannot write; keeping what was received and trying again"
    }
    return WorkerThread(name: "wl-watchdog") { watchdog.run() }
  }

  /// Gives counters out, if the configuration asks for that.
  private func startMetrics(until stop: StopSignal) throws -> WorkerThread? {
    guard configuration.metricsFile != nil || configuration.metricsAddress != nil else { return nil }
    let socket = try configuration.metricsAddress.map {
      try $0.hasPrefix("/") ? Sockets.unixStream($0) : Sockets.tcp($0)
    }
    if let socket { Log.info("metrics at \(socket.address)") }
    let reader = try EventStore(readingAt: configuration.databasePath)
    let writerThread = writerThread
    let started = status.value.startedMilliseconds
    let exporter = MetricsExporter(filePath: configuration.metricsFile, socket: socket, stop: stop) {
      CollectorMetrics.text(
        try reader.read { try StoreStatus(in: $0) }, startedMilliseconds: started,
        isFailing: writerThread.writingFailure != nil)
    }
    return WorkerThread(name: "wl-metrics") { exporter.run() }
  }

  /// Reads the configuration again and applies what can change while running.
  private func reload() {
    ServiceNotifier.reloading()
    do {
      let fresh = try loadConfiguration()
      Log.setThreshold(fresh.logLevel)
      if fresh.databasePath != configuration.databasePath {
        Log.warning("reload: another database needs a restart; still writing \(configuration.databasePath)")
      }
      if fresh.storeLimits != configuration.storeLimits {
        Log.warning("reload: other limits of names and ranges need a restart")
      }
      try Self.makeDirectories(fresh)
      let relays = try LocalAccounts.userIDs(ofRelays: fresh.relays)
      let rules = try Self.rules(fresh)
      peers.setRelays(relays)
      gate.setRules(rules)
      defer { status.value.listeners = listenerStatus }
      try listeners.apply(Self.plan(fresh))
      announce()
    } catch {
      Log.error("reload failed, going on as before: \(error)", .reloadFailed)
      ServiceNotifier.ready("the configuration could not be read again; going on as before")
    }
  }

  /// Mode, keys and the limit of clocks.
  private static func rules(_ configuration: DaemonConfiguration) throws -> EnvelopeGate.Rules {
    let credentials = ProcessInfo.processInfo.environment["CREDENTIALS_DIRECTORY"]
    let mode = configuration.mode
    let path = configuration.keysPath ?? (mode == .none ? nil : credentials)
    guard let path else {
      guard mode == .none else {
        throw ConfigurationError("mode \(mode.name) needs keys: name their directory with --keys DIR")
      }
      return EnvelopeGate.Rules(clockOffsetLimitMilliseconds: configuration.clockOffsetLimitMilliseconds)
    }
    return EnvelopeGate.Rules(
      networkMode: mode, keys: try KeyDirectory.load(path, isCredentials: path == credentials),
      clockOffsetLimitMilliseconds: configuration.clockOffsetLimitMilliseconds)
  }
}

/// The daemon's status, shared with the control socket's threads.
private final class StatusBox: @unchecked Sendable {
  private let lock = NSLock()
  private var stored: DaemonStatus

  init(_ status: DaemonStatus) { stored = status }

  var value: DaemonStatus {
    get { lock.withLock { stored } }
    set { lock.withLock { stored = newValue } }
  }
}
