# SPDX-License-Identifier: Apache-2.0
# Bash completion of `lanewise`: asks the command itself, so that there is no second list. Where it knows nothing, file names.
_lanewise() {
  local current=$2 previous=$3 words=
  COMPREPLY=()
  if [ "$COMP_CWORD" -eq 1 ]; then
    words=$("$1" --help | sed -n 's/^  \([a-z][a-z]*\) .*/\1/p')
  elif [[ $current == -* ]]; then
    words=$("$1" "${COMP_WORDS[1]}" --help | grep -o -E -e '--[a-z][a-z-]*' | sort -u)
  elif [ "$previous" = --net ] || { [ "$COMP_CWORD" -eq 2 ] && [[ $previous == @(plan|init|train) ]]; }; then
    words=$("$1" plan --list | sed 's/ .*//')
  elif [ "$previous" = --isa ]; then
    words=$("$1" info | sed -n 's/^  \([a-z0-9]*\)  *\(runs\|used\)$/\1/p')
  elif [ "$COMP_CWORD" -eq 2 ] && [ "$previous" = filter ]; then
    words=$("$1" filter --list | sed 's/[ :].*//')
  fi 2>/dev/null
  mapfile -t COMPREPLY < <(compgen -W "$words" -- "$current")
}
complete -o default -F _lanewise lanewise
