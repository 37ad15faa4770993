#!/usr/bin/env bash
# Puts a release where it's served from.
set -euo pipefail

target=${1:?usage: deploy.sh TARGET [VERSION]}
version="${2:-$(git describe --tags)}"

log() { printf '%s: %s\n' "$(date +%T)" "$*" >&2; }

case "$target" in
  test|stage)
    host="$target.example.org"
    ;;
  live)
    host='www.example.org'
    [[ "$version" == v* ]] || { log "no release: $version"; exit 1; }
    ;;
  *)
    log "unknown target '$target'"
    exit 2
    ;;
esac

for file in dist/*.whl; do
  if ! scp "$file" "$host:/srv/${file##*/}"; then
    log "could not copy $file (to $host)"
  fi
done
