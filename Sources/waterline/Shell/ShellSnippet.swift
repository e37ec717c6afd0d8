/// The pieces of shell that `waterline shell` prints.
///
/// They add to the hooks that are there already and keep `$?` as it was. The event is sent by a process in
/// the background, so the prompt waits only for a fork.
enum ShellSnippet {
  enum Shell: String, CaseIterable {
    case bash
    case zsh
  }

  /// Whether a name can stand in the snippet without quotes.
  static func isPlain(_ name: String) -> Bool {
    (1...64).contains(name.utf8.count)
      && name.utf8.allSatisfy { byte in
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
          UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "."), UInt8(ascii: "-"), UInt8(ascii: "_"):
          true
        default: false
        }
      }
  }

  /// - Parameter program: how this program was called; the snippet calls it the same way.
  static func text(for shell: Shell, program: String, app: String) -> String {
    let quoted = "'" + program.replacing("'", with: #"'\''"#) + "'"
    let send = Self.send.replacing("PROGRAM", with: quoted).replacing("APPLICATION", with: app)
    switch shell {
    case .bash: return send + bash
    case .zsh: return send + zsh
    }
  }

  /// `_waterline_send NAME START-µs STATUS`, in both shells.
  private static let send = #"""
    # Waterline: each program run here is sent as one use. Its name only, never its arguments.
    _waterline_send() {
      local now=${EPOCHREALTIME/[.,]/} outcome=error
      now=${now:0:16}
      case $3 in 0) outcome=ok ;; 130) outcome=abandoned ;; esac
      (PROGRAM send --app APPLICATION --feature "$1" --outcome "$outcome" \
        --time "$(($2 / 1000))" --duration-ms "$(((now - $2) / 1000))" </dev/null >/dev/null 2>&1 &)
    }

    """#

  private static let bash = #"""
    _waterline_preexec() {
      [ -n "$_waterline_waits" ] || return 0
      _waterline_waits=
      case $1 in _waterline_*) return 0 ;; esac
      local word
      for word in $1; do
        case $word in [A-Za-z_]*=*) continue ;; esac
        [ "$(type -t -- "$word" 2>/dev/null)" = file ] && _waterline_program=${word##*/}
        break
      done
      _waterline_started=${EPOCHREALTIME/[.,]/}
    }
    _waterline_precmd() {
      local status=$?
      _waterline_waits=
      if [ -n "$_waterline_program" ] && declare -F _waterline_send >/dev/null; then
        _waterline_send "$_waterline_program" "$_waterline_started" "$status"
      fi
      _waterline_program=
      return "$status"
    }
    _waterline_arm() { _waterline_waits=1; }
    if [ -n "$BASH_VERSION" ] && [ -n "$EPOCHREALTIME" ] && [[ "${PROMPT_COMMAND[*]}" != *_waterline_precmd* ]]; then
      _waterline_trap=$(trap -p DEBUG)
      _waterline_trap=${_waterline_trap#trap -- }
      _waterline_trap=${_waterline_trap% DEBUG}
      eval "_waterline_trap=${_waterline_trap:-}"
      trap -- '_waterline_preexec "$BASH_COMMAND"'"${_waterline_trap:+
    $_waterline_trap}" DEBUG
      unset _waterline_trap
      if [[ "$(declare -p PROMPT_COMMAND 2>/dev/null)" == "declare -a"* ]]; then
        PROMPT_COMMAND=(_waterline_precmd "${PROMPT_COMMAND[@]}" _waterline_arm)
      else
        PROMPT_COMMAND="_waterline_precmd${PROMPT_COMMAND:+
    $PROMPT_COMMAND}
    _waterline_arm"
      fi
    fi

    """#

  private static let zsh = #"""
    zmodload zsh/datetime
    _waterline_preexec() {
      local word
      _waterline_program=
      for word in ${(z)3}; do
        [[ $word == [A-Za-z_]*=* ]] && continue
        (( $+builtins[$word] || $+functions[$word] )) && break
        [[ -n ${commands[$word]} || ( $word == */* && -x $word ) ]] && _waterline_program=${word##*/}
        break
      done
      _waterline_started=${EPOCHREALTIME/[.,]/}
      _waterline_started=${_waterline_started:0:16}
    }
    _waterline_precmd() {
      local waterline_status=$?
      if [[ -n $_waterline_program ]] && (( $+functions[_waterline_send] )); then
        _waterline_send "$_waterline_program" "$_waterline_started" "$waterline_status"
      fi
      _waterline_program=
      return $waterline_status
    }
    autoload -Uz add-zsh-hook
    add-zsh-hook preexec _waterline_preexec
    add-zsh-hook precmd _waterline_precmd

    """#
}
