#!/usr/bin/env bash
# Replaces the containers of our processes one after another. A new container is healthy before an old one ends, so
# that others do its work at any moment. docs/deploy-compose.md has examples.
#
#   rolling-restart.sh [OPTION OF docker compose]... [-- SERVICE...]
#
# First `migrate` of the new image runs; if it fails, nothing is replaced. Without SERVICE, all processes that have a
# container are replaced, in the order of docs/upgrading.md. Each service keeps its number of containers, and they get the
# image and the settings of now. A page with a published port (console, preferences, flower) ends before the next one
# starts: two containers cannot have the port.
set -euo pipefail

HEALTHY_WITHIN=180 # seconds
ORDER='worker-.+ feedback status-sender bridge console preferences flower'

options=() services=()
while (($#)); do
  case $1 in
    --)
      shift
      services=("$@")
      break
      ;;
    -h | --help)
      sed -n '2,/^set/{/^set/d;s/^# \{0,1\}//p}' "$0"
      exit
      ;;
    *)
      options+=("$1")
      shift
      ;;
  esac
done

compose() { docker compose ${options[@]+"${options[@]}"} "$@"; }

say() { echo "rolling-restart: $*"; }

die() {
  say "$*" >&2
  exit 1
}

processes() { # Print the services of ours that have a container, in the order of their replacement.
  local present each
  present=$(compose ps --all --services)
  for each in $ORDER; do grep --extended-regexp --line-regexp "$each" <<<"$present" || true; done
}

containers() { # SERVICE: print its containers, without those of `docker compose run`.
  local each
  for each in $(compose ps --all --quiet "$1"); do
    [ "$(facts '{{index .Config.Labels "com.docker.compose.oneoff"}}' "$each")" = True ] || echo "$each"
  done
}

facts() { docker inspect --format "$1" "$2"; } # FORMAT CONTAINER

become_healthy() { # CONTAINER
  local end=$((SECONDS + HEALTHY_WITHIN))
  while ((SECONDS < end)); do
    case $(facts '{{.State.Status}} {{if .State.Health}}{{.State.Health.Status}}{{end}}' "$1") in
      'running healthy' | 'running ') return ;;
      *unhealthy | exited* | restarting* | dead*) return 1 ;;
    esac
    sleep 0.5
  done
  return 1
}

remove() { # SERVICE CONTAINER
  local code
  docker stop "$2" >/dev/null
  code=$(facts '{{.State.ExitCode}}' "$2")
  docker rm "$2" >/dev/null
  say "$1: ${2:0:12} ended with exit code $code"
  ((code != 137)) || say "$1: it was killed because it did not end in time; its requests may be unknown" >&2
}

replace_page() { # SERVICE
  local new
  compose up --detach --no-deps --force-recreate "$1"
  new=$(containers "$1")
  become_healthy "$new" || die "$1: the new container is not healthy; see \`docker logs ${new:0:12}\`"
  say "$1: ${new:0:12} is healthy"
}

replace() { # SERVICE
  local replaced before old new
  replaced=$(containers "$1")
  [ -n "$replaced" ] || die "$1 has no container; start it by \`docker compose up --detach $1\`"
  if [ "$(facts '{{len .HostConfig.PortBindings}}' "${replaced%%$'\n'*}")" != 0 ]; then
    replace_page "$1"
    return
  fi
  for old in $replaced; do
    before=$(containers "$1")
    compose up --detach --no-deps --no-recreate --scale "$1=$(($(wc -l <<<"$before") + 1))" "$1"
    new=$(comm -13 <(sort <<<"$before") <(containers "$1" | sort))
    become_healthy "$new" || die "$1: the new container is not healthy, and ${old:0:12} goes on;" \
      "see \`docker logs ${new:0:12}\`, then \`docker rm --force ${new:0:12}\`"
    say "$1: ${new:0:12} is healthy"
    remove "$1" "$old"
  done
}

compose run --rm --no-TTY migrate || die "migrate failed; nothing was replaced"
((${#services[@]})) || read -r -d '' -a services < <(processes) || true
for service in ${services[@]+"${services[@]}"}; do replace "$service"; done
