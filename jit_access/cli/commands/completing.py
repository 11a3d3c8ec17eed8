"""`jit completion`: scripts for shells, made from the command line as it is. They ask nobody and start nothing."""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence

from jit_access.cli.arguments import build_parser
from jit_access.cli.session import Session
from jit_access.cli.troubles import Exit


def completion(options: argparse.Namespace, session: Session) -> int:
    """Print the script."""
    make = {"bash": _bash, "zsh": _zsh, "fish": _fish}[options.shell]
    session.terminal.data.write(make(every_command()))
    return Exit.DONE


def every_command() -> Mapping[str, argparse.ArgumentParser]:
    """The parser of each command, by its name."""
    actions = build_parser()._actions  # argparse has no public way to look at what it knows
    return next(action.choices for action in actions if isinstance(action, argparse._SubParsersAction))


def options_of(parser: argparse.ArgumentParser) -> Sequence[argparse.Action]:
    return [action for action in parser._actions if action.option_strings]


def words_of(parser: argparse.ArgumentParser) -> list[str]:
    """Options, and the words that stand in the place of an argument."""
    choices = [str(word) for action in parser._actions if not action.option_strings for word in action.choices or ()]
    long = [text for action in options_of(parser) for text in action.option_strings if text.startswith("--")]
    return sorted(choices) + sorted(long)


def _bash(commands: Mapping[str, argparse.ArgumentParser]) -> str:
    cases = "\n".join(f'    {name}) words="{" ".join(words_of(parser))}" ;;' for name, parser in commands.items())
    return f"""# bash completion for jit. Load it with: source <(jit completion bash)
_jit() {{
  local current="${{COMP_WORDS[COMP_CWORD]}}" words="" at
  for ((at = 1; at < COMP_CWORD; at++)); do
    if [[ "${{COMP_WORDS[at]}}" == "--" ]]; then
      COMPREPLY=($(compgen -c -f -- "$current"))
      return
    fi
  done
  if ((COMP_CWORD == 1)); then
    COMPREPLY=($(compgen -W "{" ".join(commands)} --help --version" -- "$current"))
    return
  fi
  case "${{COMP_WORDS[1]}}" in
{cases}
  esac
  COMPREPLY=($(compgen -W "$words" -- "$current"))
}}
complete -o default -F _jit jit"""


def _zsh(commands: Mapping[str, argparse.ArgumentParser]) -> str:
    named = "\n".join(f"    {_quoted(f'{name}:{parser.description}')}" for name, parser in commands.items())
    cases = "\n".join(f"    {name}) compadd -- {' '.join(words_of(parser))} ;;" for name, parser in commands.items())
    return f"""#compdef jit
# zsh completion for jit. Put it into a folder of $fpath as _jit, or: source <(jit completion zsh)
_jit() {{
  local -a commands=(
{named}
  )
  if ((CURRENT == 2)); then
    _describe command commands
    return
  fi
  case "$words[2]" in
{cases}
  esac
}}
compdef _jit jit"""


def _fish(commands: Mapping[str, argparse.ArgumentParser]) -> str:
    lines = ["# fish completion for jit. Load it with: jit completion fish | source", "complete -c jit -f"]
    for name, parser in commands.items():
        described = _quoted(str(parser.description))
        lines.append(f"complete -c jit -n __fish_use_subcommand -a {name} -d {described}")
        for action in options_of(parser):
            long = next((text[2:] for text in action.option_strings if text.startswith("--")), "")
            takes = " -r" if action.nargs != 0 else ""
            said = _quoted(str(action.help or ""))
            lines.append(f'complete -c jit -n "__fish_seen_subcommand_from {name}" -l {long}{takes} -d {said}')
        plain = (word for word in words_of(parser) if not word.startswith("-"))
        lines.extend(f'complete -c jit -n "__fish_seen_subcommand_from {name}" -a {word}' for word in plain)
    return "\n".join(lines)


def _quoted(text: str) -> str:
    """For all three shells: in single quotes, without any of its own."""
    return "'" + text.replace("'", "’").replace("\\", "") + "'"
