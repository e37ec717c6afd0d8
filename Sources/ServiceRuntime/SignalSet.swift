import Glibc

/// Signals taken by waiting for them, blocked everywhere else.
///
/// Make one before starting threads: they inherit the blocked set.
package struct SignalSet {
  private var set = sigset_t()

  package init(_ signals: [Int32]) {
    sigemptyset(&set)
    for signal in signals { sigaddset(&set, signal) }
    pthread_sigmask(SIG_BLOCK, &set, nil)
    // A peer that hangs up must not end the program.
    signal(SIGPIPE, SIG_IGN)
  }

  /// Waits for one of the signals.
  package func wait() -> Int32 {
    var set = set
    var received: Int32 = 0
    sigwait(&set, &received)
    return received
  }
}
