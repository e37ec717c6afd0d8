/// The version that programs print.
package enum ProductVersion {
  package static let text = "0.1.0"
}
