import Glibc

// impact-simulation                  how often the intervals of `impact` hold a known effect
// impact-simulation --panel < FILE   the estimates of one panel, for comparison with other implementations

/// Panels of each design.
let panelCount = 500
/// Fixed before the first run; each design has 100,000 seeds of its own.
let firstSeed: UInt64 = 20_260_101

func fail(_ text: String) -> Never {
  let line = Array("impact-simulation: \(text)\n".utf8)
  _ = write(STDERR_FILENO, line, line.count)
  exit(2)
}

let arguments = Array(CommandLine.arguments.dropFirst())
switch arguments.first {
case nil:
  print("| organisations | simple | weeks 0 to 5 | group and week | placebos, weeks -6 to -2 |")
  print("|---|---|---|---|---|")
  for (index, design) in Design.allCases.enumerated() {
    let seed = firstSeed + UInt64(index) * 100_000
    print(DesignCoverage(design, firstSeed: seed, panelCount: panelCount).row(design.rawValue))
  }
case "--panel" where arguments.count == 1:
  var lines: [String] = []
  while let line = readLine() { lines.append(line) }
  guard let text = PanelText(lines) else { fail("standard input is no panel") }
  for line in text.estimates { print(line) }
default: fail("use no argument, or --panel < FILE")
}
