# SPDX-License-Identifier: Apache-2.0
# Sourced by bench/run, tests/run and .ci/run: installs Debian packages that are missing, or says which.
# need_packages <package>...    returns 1 if some are still missing.
# need_peers                    the libraries that bench/peers makes backends of; says which could not be installed.

say() { printf '%s\n' "-- $*"; }

need_packages() {
  local missing=() package
  if ! command -v dpkg-query >/dev/null; then
    say "not a Debian system: make sure that you have what these Debian packages bring: $*"
    return 0
  fi
  for package in "$@"; do
    [ "$(dpkg-query -W -f '${Status}' "$package" 2>/dev/null)" = "install ok installed" ] || missing+=("$package")
  done
  [ ${#missing[@]} -eq 0 ] && return 0
  local as_root=()
  if [ "$(id -u)" -ne 0 ]; then
    if ! command -v sudo >/dev/null; then
      say "missing packages; as root run: apt-get install ${missing[*]}"
      return 1
    fi
    as_root=(sudo)
  fi
  say "installing ${missing[*]}"
  local log
  log=$(mktemp)
  if ! { "${as_root[@]}" apt-get update -qq && "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive \
         apt-get install -y -qq --no-install-recommends "${missing[@]}"; } >"$log" 2>&1 </dev/null; then
    tail -n 15 "$log"
    rm -f "$log"
    say "could not install: ${missing[*]}"
    return 1
  fi
  rm -f "$log"
}

need_peers() {
  local packages
  for packages in libdnnl-dev libopenblas-pthread-dev "libxnnpack-dev libpthreadpool-dev libcpuinfo-dev"; do
    need_packages $packages || say "without ${packages%% *}: that peer is left out"
  done
}

# build_preset <preset> [target...] [-- cmake configure options]: configures and builds quietly; on failure shows the log.
build_preset() {
  local preset=$1 targets=() log
  shift
  while [ $# -gt 0 ] && [ "$1" != -- ]; do targets+=(--target "$1"); shift; done
  [ "${1-}" = -- ] && shift
  mkdir -p "build/$preset"
  log=build/$preset/build.log
  say "building $preset (log: $log)"
  if ! { cmake --preset "$preset" -G Ninja "$@" && cmake --build "build/$preset" "${targets[@]}"; } >"$log" 2>&1; then
    grep -n -A12 -E 'error|Error|FAILED' "$log" | head -n 60
    say "build of $preset failed"
    return 1
  fi
}
