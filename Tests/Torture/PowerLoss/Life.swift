/// A file that lives through power cuts, with its own idea of what must be in it.
protocol Life: AnyObject {
  /// How much it holds, for people.
  var sizeText: String { get }

  /// Opens the file and works until an operation fails, as all do once the power is off.
  func workUntilTheCut() throws

  /// Closes everything, as the end of the process would.
  func letGo()

  /// Opens the file anew, compares it with what it must hold, and closes it.
  func check() throws
}
