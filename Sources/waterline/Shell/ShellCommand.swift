import ArgumentParser

/// Prints what a shell evaluates to record the programs that are run in it.
struct ShellCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "shell",
    abstract: "Record each line you enter in your shell as one use of its program; opt in.",
    discussion: """
      Prints a piece of shell to be evaluated in ~/.bashrc or ~/.zshrc. Each command then sends one event in \
      the background: the program's name as feature, its duration, and its exit status as outcome (0 ok, 130 \
      abandoned, else error). Never arguments, directories or output; the shell's own words are not recorded.

      EXAMPLES:
        eval "$(waterline shell bash)"       in ~/.bashrc, bash 5.0 or newer
        eval "$(waterline shell zsh)"        in ~/.zshrc
        unset -f _waterline_send             stops it in the running shell
      """)

  @Argument(help: ArgumentHelp("bash or zsh.", valueName: "shell"))
  var shell: ShellSnippet.Shell

  @Option(help: ArgumentHelp("The application that the programs count as features of.", valueName: "app"))
  var app = "shell"

  func validate() throws {
    guard ShellSnippet.isPlain(app) else {
      throw ValidationError("--app needs 1 to 64 letters, digits, dots, dashes or underscores")
    }
  }

  func run() throws {
    Output.write(ShellSnippet.text(for: shell, program: CommandLine.arguments[0], app: app))
  }
}

extension ShellSnippet.Shell: ExpressibleByArgument {}
