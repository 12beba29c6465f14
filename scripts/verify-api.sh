#!/bin/sh
# Checks a running Cairn from outside, as its users see it: every promise of the plain-key API once, with curl.
# Prints TAP version 14; each failed check shows the request as a curl command, the answer, and what was expected.
#
# Needs a POSIX shell, curl and the standard tools; runs under dash, busybox and macOS' sh.
# It writes only under a key prefix of its own run and takes those keys away at the end, however it ends.
# The token goes to curl on its standard input, never as an argument, and is masked in all that is printed.
set -u
LC_ALL=C
export LC_ALL
umask 077

usage() {
  cat <<'EOF'
Usage: verify-api.sh [OPTION …] [BASE_URL]

Checks a running Cairn and prints TAP version 14.

  BASE_URL               where it runs (also by environment; default http://127.0.0.1:3000)
  --token-file FILE      file with the bearer token, - for standard input (or TOKEN in the environment)
  --wait SECONDS         first wait until /readyz is 200, at most this long (default 0)
  --expect-commit SHA    also check that /version shows this commit, or one that begins so
  --junit FILE           also write the results as JUnit XML
  --help                 this text

With a token the data routes must refuse calls without it; without a token they must be open.

Exit status: 0 all passed, 1 a check failed or the service cannot be reached, 2 wrong usage.
EOF
}

fail_usage() {
  printf 'verify-api.sh: %s\nSee verify-api.sh --help.\n' "$1" >&2
  exit 2
}

# ---- Options

base_url=${BASE_URL:-http://127.0.0.1:3000}
argument_url=
token=${TOKEN:-}
wait_seconds=0
junit_file=
expected_commit=
unset TOKEN

while [ $# -gt 0 ]; do
  case $1 in
    --help | -h)
      usage
      exit 0
      ;;
    --wait=* | --junit=* | --token-file=* | --expect-commit=*)
      option=${1%%=*}
      value=${1#*=}
      shift
      set -- "$option" "$value" "$@"
      continue
      ;;
    --wait | --junit | --token-file | --expect-commit)
      [ $# -ge 2 ] || fail_usage "$1 needs a value"
      [ -n "$2" ] || fail_usage "$1 needs a value that is not empty"
      case $1 in
        --wait) wait_seconds=$2 ;;
        --junit) junit_file=$2 ;;
        --expect-commit) expected_commit=$2 ;;
        --token-file)
          token=$(cat "$2") || fail_usage "cannot read the token file $2"
          [ -n "$token" ] || fail_usage "the token file $2 is empty"
          ;;
      esac
      shift 2
      ;;
    -*) fail_usage "unknown option $1" ;;
    *)
      [ -z "$argument_url" ] || fail_usage "one BASE_URL only; this is a second one: $1"
      argument_url=$1
      base_url=$1
      shift
      ;;
  esac
done

case $wait_seconds in *[!0-9]*) fail_usage "--wait takes whole seconds, not $wait_seconds" ;; esac
case $token in *[!!-~]*) fail_usage 'the token holds a space or another character that is no visible ASCII' ;; esac
case $expected_commit in *[!0-9a-f]*) fail_usage "--expect-commit takes a hexadecimal commit, not $expected_commit" ;; esac
case $base_url in
  http://?* | https://?*) ;;
  *) fail_usage "BASE_URL must begin with http:// or https://, this does not: $base_url" ;;
esac
base_url=${base_url%/}
command -v curl >/dev/null 2>&1 || fail_usage 'curl is not installed'
if [ -n "$junit_file" ]; then
  (: >"$junit_file") 2>/dev/null || fail_usage "cannot write $junit_file"
fi

# As it must stand between quotes in what curl reads.
escaped_token=$(printf '%s' "$token" | sed 's/[\\"]/\\&/g')

# A proxy of the environment must not be asked for a service on this machine.
no_proxy=${no_proxy:-${NO_PROXY:-}},localhost,127.0.0.1
export no_proxy

work=$(mktemp -d "${TMPDIR:-/tmp}/verify-api.XXXXXX") || exit 2
prefix=verify-api/$$-$(date +%s)
passed=0
failed=0
skipped=0
total_seconds=0
written=

# ---- One request

authorization() {
  [ "$anonymous" = yes ] || [ -z "$token" ] || printf 'header = "Authorization: Bearer %s"\n' "$escaped_token"
}

quoted() {
  case $1 in
    '' | *[!A-Za-z0-9_./:@=-]*) printf "'%s'" "$(printf '%s' "$1" | sed "s/'/'\\\\''/g")" ;;
    *) printf '%s' "$1" ;;
  esac
}

# Sends METHOD PATH [CURL ARGUMENT …]. Leaves the answer in $status, $work/head and $work/body. Of a service that is
# overloaded for a moment, as by a slow volume, it asks again.
call() {
  call_once "$@"
  called=$?
  for pause in 1 1 1; do
    is_overloaded || break
    sleep "$pause"
    call_once "$@"
    called=$?
  done
  return "$called"
}

is_overloaded() {
  [ "$status" = 503 ] && grep -q '"code":"overloaded"' "$work/body"
}

call_once() {
  method=$1
  url=$base_url$2
  shift 2
  case $method in HEAD) set -- --head "$@" ;; *) set -- -X "$method" "$@" ;; esac
  request=curl
  for argument in "$@" "$url"; do request="$request $(quoted "$argument")"; done
  expected=
  : >"$work/head"
  : >"$work/body"
  answer=$(authorization | curl -q -sS -K - --globoff --path-as-is --connect-timeout 5 --max-time 20 \
    -D "$work/head" -o "$work/body" -w '%{http_code} %{time_total}' "$@" "$url" 2>"$work/error")
  curl_status=$?
  status=${answer%% *}
  seconds="$seconds ${answer##* }"
  # A server may answer and close before it has read a body that it refuses; the answer still counts.
  [ "$curl_status" -eq 0 ] || [ "${status:-000}" != 000 ] && return 0
  status=000
  problem="no answer: $(head -n 1 "$work/error")"
  return 1
}

call_anonymously() {
  anonymous=yes
  call "$@"
  set -- $?
  anonymous=no
  return "$1"
}

# The value of a header of the last answer (an interim 100 stands before it), or nothing.
header() {
  awk -v name="$1" '
    /^HTTP\// { value = "" }
    tolower(substr($0, 1, length(name) + 1)) == tolower(name) ":" {
      value = substr($0, length(name) + 2); gsub(/^[ \t]+|[ \t\r]+$/, "", value)
    }
    END { printf "%s", value }' "$work/head"
}

# ---- What an answer must be

status_is() {
  [ "$status" = "$1" ] && return 0
  problem="expected status $1, got $status"
  if [ "$status" = 401 ] && [ -z "$token" ]; then
    problem="$problem: the service needs a token, give it as TOKEN or by --token-file"
  fi
  return 1
}

body_is() {
  printf '%s' "$1" >"$work/expected"
  cmp -s "$work/expected" "$work/body" && return 0
  problem='the body is not, byte for byte, what was expected'
  expected=$1
  return 1
}

body_has() {
  # index() instead of a pattern, since what is looked for is JSON.
  WANTED=$1 awk 'index($0, ENVIRON["WANTED"]) { found = 1 } END { exit !found }' "$work/body" && return 0
  problem='the body does not hold what was expected'
  expected=$1
  return 1
}

header_is() {
  actual=$(header "$1")
  [ "$actual" = "$2" ] && return 0
  problem="expected the header $1: $2, got ${actual:-none}"
  return 1
}

header_has() {
  actual=$(header "$1")
  case $actual in *"$2"*) return 0 ;; esac
  problem="expected $2 in the header $1, got ${actual:-none}"
  return 1
}

is_json() { header_has Content-Type application/json; }

# ---- Reports

printable() {
  tr -d '\015' | tr -c '\011\012\040-\176' '?' | SECRET=$token awk '
    BEGIN { secret = ENVIRON["SECRET"] }
    { line = $0; shown = ""
      while (secret != "" && (at = index(line, secret)) > 0) {
        shown = shown substr(line, 1, at - 1) "***"; line = substr(line, at + length(secret)) }
      print shown line }'
}

field() { # NAME, the text on standard input: a YAML block
  printf '%s: |\n' "$1"
  printable | sed 's/^/  /'
}

diagnosis() {
  printf '%s\n' "$problem" | field message
  printf '%s\n' "$request" | field request
  [ -z "$expected" ] || printf '%s\n' "$expected" | field expected
  [ "$status" = 000 ] || {
    cat "$work/head"
    head -c 1000 "$work/body"
    printf '\n'
  } | field answer
}

xml() { printable | sed -e 's/&/\&amp;/g' -e 's/</\&lt;/g' -e 's/>/\&gt;/g' -e 's/"/\&quot;/g'; }

testcase() { # NAME, the content of the element on standard input
  {
    printf '  <testcase classname="verify-api" name="%s" time="%s">\n' "$(printf '%s\n' "$1" | xml)" "$spent"
    cat
    printf '  </testcase>\n'
  } >>"$work/cases"
}

failure() { # the diagnosis on standard input
  printf '    <failure message="%s">' "$(printf '%s\n' "$problem" | xml)"
  xml
  printf '</failure>\n'
}

write_junit() {
  [ -n "$junit_file" ] || return 0
  {
    printf '<?xml version="1.0" encoding="UTF-8"?>\n'
    printf '<testsuite name="verify-api" tests="%s" failures="%s" errors="0" skipped="%s" time="%s" timestamp="%s">\n' \
      $((passed + failed + skipped)) "$failed" "$skipped" "$total_seconds" "$(date -u +%Y-%m-%dT%H:%M:%S)"
    cat "$work/cases" 2>/dev/null
    printf '</testsuite>\n'
  } >"$junit_file"
}

number() { printf '%s' $((passed + failed + skipped)); }

check() { # NAME COMMAND …: the command fails with $problem set
  name=$1
  shift
  begin
  if "$@"; then result=pass; else result=fail; fi
  measure
  $result
}

begin() {
  problem='the check itself failed'
  request=
  expected=
  status=000
  seconds=0
  spent=0
  anonymous=no
}

pass() {
  passed=$((passed + 1))
  printf 'ok %s - %s\n' "$(number)" "$name"
  testcase "$name" </dev/null
}

fail() {
  failed=$((failed + 1))
  diagnosis >"$work/diagnosis"
  printf 'not ok %s - %s\n  ---\n' "$(number)" "$name"
  sed 's/^/  /' "$work/diagnosis"
  printf '  ...\n'
  failure <"$work/diagnosis" | testcase "$name"
  [ "$status" != 000 ] || can_be_reached || bail_out "$base_url does not answer any more"
}

skip() { # NAME REASON
  begin
  skipped=$((skipped + 1))
  printf 'ok %s - %s # SKIP %s\n' "$(number)" "$1" "$2"
  printf '    <skipped message="%s"/>\n' "$(printf '%s\n' "$2" | xml)" | testcase "$1"
}

# The time that the requests of one check took. The shell has no clock finer than a second.
measure() {
  spent=$(sum "$seconds")
  total_seconds=$(sum "$total_seconds $spent")
}

sum() { printf '%s\n' "$1" | awk '{ for (i = 1; i <= NF; i++) sum += $i } END { printf "%.3f", sum }'; }

bail_out() {
  problem=$1
  printf 'Bail out! %s\n' "$(printf '%s\n' "$1" | printable)"
  failed=$((failed + 1))
  printf '%s\n' "$1" | failure | testcase 'the service can be reached'
  write_junit
  exit 1
}

# ---- Before and after

can_be_reached() { call GET /livez; }

wait_until_ready() {
  deadline=$(($(date +%s) + wait_seconds))
  begin
  until call GET /readyz && status_is 200; do
    [ "$(date +%s)" -lt "$deadline" ] || bail_out "$base_url is not ready after $wait_seconds s: $problem"
    sleep 1
  done
}

# Says that a key will be written (as it stands in a path), so that it is taken away at the end.
uses() { written="$written /kv/$1"; }

# The same of a document, whose history goes too.
uses_document() { written="$written $1?purge"; }

take_keys_away() {
  begin
  for path in $written; do
    call DELETE "$path" && case $status in
      204 | 404) continue ;;
    esac
    printf '# %s could not be taken away (%s)\n' "$path" "$status" >&2
    return
  done
}

finish() {
  exit_status=$?
  trap - EXIT
  trap '' INT TERM HUP PIPE
  take_keys_away
  rm -rf "$work"
  exit "$exit_status"
}
trap finish EXIT
trap 'exit 130' INT
trap 'exit 143' TERM
trap 'exit 129' HUP
trap 'exit 141' PIPE # whoever read the output has gone: verify-api.sh | head

# ---- The checks

answers() { call GET "$1" && status_is 200; }

answers_json() { answers "$1" && is_json; }

answers_openapi() { answers_json /openapi.json && body_has '"openapi":"3.1'; }

answers_page() { answers "$1" && header_has Content-Type text/html; }

shows_commit() { answers_json /version && body_has "\"commit\":\"$expected_commit"; }

set_ok='{"status":"success","message":"key-value pair is set successfully"}'
not_found='{"status":"error","message":"Key not found"}'

sets_and_gets() {
  uses "$prefix/key_1"
  call POST /set -H 'Content-Type: application/json' -d "{\"key\":\"$prefix/key_1\",\"value\":\"value_1\"}" &&
    status_is 200 && is_json && body_is "$set_ok" &&
    call GET "/get/$prefix/key_1" &&
    status_is 200 && is_json && body_is "{\"key\":\"$prefix/key_1\",\"value\":\"value_1\"}"
}

missing_key() { call GET "/get/$prefix/missing" && status_is 404 && is_json && body_is "$not_found"; }

raw_string() {
  call GET "/get/$prefix/key_1?raw" && status_is 200 && header_has Content-Type text/plain && body_is value_1
}

default_of_missing() {
  call GET "/get/$prefix/missing?raw&default=fallback" && status_is 200 && body_is fallback
}

default_of_present() {
  call GET "/get/$prefix/key_1?raw&default=fallback" && status_is 200 && body_is value_1
}

member_of_value() {
  uses "$prefix/nested"
  call POST /set -d "{\"key\":\"$prefix/nested\",\"value\":{\"db\":{\"host\":\"db-1\",\"port\":10.0}}}" && status_is 200 &&
    call GET "/get/$prefix/nested?path=/db/host&raw" && status_is 200 && body_is db-1 &&
    call GET "/get/$prefix/nested?path=/db/port&raw" && status_is 200 && body_is 10.0 &&
    call GET "/get/$prefix/nested?path=/db/missing" && status_is 404
}

query_key() {
  call GET /get -G --data-urlencode "key=$prefix/key_1" && status_is 200 &&
    body_is "{\"key\":\"$prefix/key_1\",\"value\":\"value_1\"}"
}

form_fields() {
  uses "$prefix/form"
  call POST /set --data-urlencode "key=$prefix/form" --data-urlencode 'value=a b&c' && status_is 200 && body_is "$set_ok" &&
    call GET "/get/$prefix/form" && status_is 200 && body_is "{\"key\":\"$prefix/form\",\"value\":\"a b&c\"}"
}

no_content_type() {
  uses "$prefix/untyped"
  call POST /set -H 'Content-Type:' -d "{\"key\":\"$prefix/untyped\",\"value\":1}" && status_is 200 && body_is "$set_ok" &&
    call GET "/get/$prefix/untyped" && status_is 200 && body_is "{\"key\":\"$prefix/untyped\",\"value\":1}"
}

time_to_live() {
  uses "$prefix/ttl"
  call POST /set -d "{\"key\":\"$prefix/ttl\",\"value\":1,\"ttl\":100}" && status_is 200 &&
    call GET "/get/$prefix/ttl" && status_is 200 || return 1
  left=$(header X-TTL)
  case ${left%%.*} in
    [1-9] | [1-9][0-9] | 100) return 0 ;;
  esac
  problem="expected the header X-TTL: 1 to 100, got ${left:-none}"
  return 1
}

expires() {
  uses "$prefix/short"
  call POST /set -d "{\"key\":\"$prefix/short\",\"value\":1,\"ttl\":\"500ms\"}" && status_is 200 || return 1
  for _ in 1 2 3 4 5; do
    sleep 1
    call GET "/get/$prefix/short" || return 1
    [ "$status" != 404 ] || break
    status_is 200 && body_is "{\"key\":\"$prefix/short\",\"value\":1}" || return 1
  done
  status_is 404 && body_is "$not_found"
}

keeps_value() { # NAME VALUE
  uses "$prefix/$1"
  call POST /set -d "{\"key\":\"$prefix/$1\",\"value\":$2}" && status_is 200 &&
    call GET "/get/$prefix/$1" && status_is 200 && body_is "{\"key\":\"$prefix/$1\",\"value\":$2}" &&
    call GET "/kv/$prefix/$1" && status_is 200 && body_is "$2"
}

encoded_slash() {
  uses "$prefix/a/b"
  call POST /set -d "{\"key\":\"$prefix/a/b\",\"value\":\"slash\"}" && status_is 200 &&
    call GET "/get/$prefix/a/b" && status_is 200 && body_is "{\"key\":\"$prefix/a/b\",\"value\":\"slash\"}" &&
    call GET "/get/$(printf '%s' "$prefix/a/b" | sed 's|/|%2F|g')" && status_is 200 &&
    body_is "{\"key\":\"$prefix/a/b\",\"value\":\"slash\"}"
}

unicode_key() {
  uses "$prefix/%D0%BA%D0%BB%D1%8E%D1%87-%F0%9F%94%91"
  call POST /set -d "{\"key\":\"$prefix/ключ-🔑\",\"value\":\"значение\"}" && status_is 200 &&
    call GET "/get/$prefix/%D0%BA%D0%BB%D1%8E%D1%87-%F0%9F%94%91" && status_is 200 &&
    body_is "{\"key\":\"$prefix/ключ-🔑\",\"value\":\"значение\"}"
}

document_life() {
  uses "$prefix/document"
  call PUT "/kv/$prefix/document" -d '{"a":1}' && status_is 201 &&
    call PUT "/kv/$prefix/document" -d '{"a": 2.0}' && status_is 200 &&
    call GET "/kv/$prefix/document" && status_is 200 && is_json && body_is '{"a": 2.0}' &&
    call HEAD "/kv/$prefix/document" && status_is 200 && header_is Content-Length 10 &&
    call DELETE "/kv/$prefix/document" && status_is 204 && body_is '' &&
    call DELETE "/kv/$prefix/document" && status_is 404 &&
    call GET "/kv/$prefix/document" && status_is 404
}

stale_condition() {
  uses "$prefix/condition"
  call PUT "/kv/$prefix/condition" -d 1 && status_is 201 || return 1
  stale=$(header ETag)
  [ -n "$stale" ] || {
    problem='expected the header ETag, got none'
    return 1
  }
  call PUT "/kv/$prefix/condition" -H "If-Match: $stale" -d 2 && status_is 200 &&
    call PUT "/kv/$prefix/condition" -H "If-Match: $stale" -d 3 && status_is 412 && is_json &&
    call GET "/kv/$prefix/condition" && status_is 200 && body_is 2
}

not_modified() {
  call GET "/get/$prefix/key_1" && status_is 200 || return 1
  tag=$(header ETag)
  call GET "/get/$prefix/key_1" -H "If-None-Match: $tag" && status_is 304 && body_is '' && header_is ETag "$tag"
}

durable_write() {
  uses "$prefix/durable"
  call PUT "/kv/$prefix/durable?sync=true" -d 1 && status_is 201 && header_is X-Durable true
}

merge_patch() {
  uses "$prefix/patched"
  call PUT "/kv/$prefix/patched" -d '{"a":1,"b":10.0}' && status_is 201 &&
    call PATCH "/kv/$prefix/patched" -d '{"a":null,"c":2}' && status_is 200 && body_is '{"b":10.0,"c":2}'
}

list_by_prefix() {
  uses "$prefix/list/1"
  uses "$prefix/list/2"
  call PUT "/kv/$prefix/list/2" -d 2 && status_is 201 && call PUT "/kv/$prefix/list/1" -d 1 && status_is 201 &&
    call GET "/kv?prefix=$prefix/list/&keys" && status_is 200 && body_is "[\"$prefix/list/1\",\"$prefix/list/2\"]" &&
    call DELETE "/kv?prefix=$prefix/list/" && status_is 200 && body_is '{"deleted":2}'
}

batch_of_two() { # VALUE CONDITION
  printf '{"ops":[{"op":"put","collection":"kv","key":"%s/batch/1","value":%s},' "$prefix" "$1"
  printf '{"op":"put","collection":"kv","key":"%s/batch/2","value":%s,"if":"%s"}]}' "$prefix" "$1" "$2"
}

batch_is_whole() {
  uses "$prefix/batch/1"
  uses "$prefix/batch/2"
  call POST /batch -d "$(batch_of_two 1 none)" && status_is 200 &&
    call POST /batch -d "$(batch_of_two 2 none)" && status_is 412 && body_has '"op":1' &&
    call GET "/kv/$prefix/batch/1" && status_is 200 && body_is 1
}

versions() {
  uses_document "/configs/$prefix/versions"
  call PUT "/configs/$prefix/versions" -d '{"v":1}' && status_is 201 &&
    call PUT "/configs/$prefix/versions" -d '{"v":2}' && status_is 200 &&
    call GET "/configs/$prefix/versions?version=1&path=/v" && status_is 200 && body_is 1 &&
    call GET "/configs/$prefix/versions?diff=1..2" && status_is 200 &&
    body_is '[{"op":"replace","path":"/v","value":2}]' &&
    call POST "/configs/$prefix/versions?rollback=1" && status_is 200 && header_is X-Version 3
}

bad_json() { call POST /set -H 'Content-Type: application/json' -d '{"key":' && status_is 400 && is_json && body_has '"code":'; }

wrong_verb() { call DELETE /set && status_is 405 && is_json && header_has Allow POST; }

unknown_path() { call GET /no/such/path && status_is 404 && is_json && body_has '"code":"not_found"'; }

body_too_large() {
  uses "$prefix/large"
  {
    printf '"'
    dd if=/dev/zero bs=1024 count=1200 2>/dev/null | tr '\000' x
    printf '"'
  } >"$work/large"
  call PUT "/kv/$prefix/large" -H 'Content-Type: application/json' --data-binary "@$work/large" &&
    status_is 413 && is_json && call GET "/kv/$prefix/large" && status_is 404
}

refuses_anonymous() {
  call_anonymously GET "/get/$prefix/key_1" && status_is 401 && is_json && header_has WWW-Authenticate Bearer &&
    call_anonymously POST /set -d "{\"key\":\"$prefix/key_1\",\"value\":\"stolen\"}" && status_is 401 &&
    call GET "/get/$prefix/key_1?raw" && body_is value_1
}

refuses_wrong_token() {
  call_anonymously GET "/get/$prefix/key_1" -H 'Authorization: Bearer wrong' && status_is 401 && is_json
}

open_without_token() { call_anonymously GET /livez && status_is 200 && call_anonymously GET /readyz && status_is 200; }

printf 'TAP version 14\n'
printf '# %s\n' "$base_url"
begin
if [ "$wait_seconds" -gt 0 ]; then wait_until_ready; fi
can_be_reached || bail_out "$base_url cannot be reached: $problem"

check 'GET /livez is 200' answers /livez
check 'GET /readyz is 200' answers /readyz
check 'GET /version is JSON' answers_json /version
[ -z "$expected_commit" ] || check "GET /version shows the commit $expected_commit" shows_commit
check 'GET / is a JSON index' answers_json /
check 'GET /openapi.json is an OpenAPI document' answers_openapi
check 'GET /docs is a page' answers_page /docs
check 'POST /set and GET /get answer exactly the words of the contract' sets_and_gets
check 'a missing key is 404 with exactly the words of the contract' missing_key
check '?raw is the bare string' raw_string
check '?raw&default= stands in for a missing key' default_of_missing
check '?raw&default= leaves a key that is there alone' default_of_present
check '?path= gives one member of a value' member_of_value
check 'GET /get?key= reads any key' query_key
check 'POST /set takes form fields' form_fields
check 'POST /set takes JSON without a content type' no_content_type
check 'a ttl is kept, and X-TTL shows what is left' time_to_live
check 'a key is gone after its ttl' expires
check 'null comes back byte for byte' keeps_value null null
check '0 comes back byte for byte' keeps_value zero 0
check 'false comes back byte for byte' keeps_value false false
check 'the empty string comes back byte for byte' keeps_value empty '""'
check '10.0 comes back byte for byte' keeps_value fraction 10.0
check '9007199254740993 comes back byte for byte' keeps_value big 9007199254740993
check 'a slash in a key and %2F are the same' encoded_slash
check 'a key may be any Unicode text' unicode_key
check 'PUT, GET, HEAD and DELETE on /kv: 201, 200, 204, then 404' document_life
check 'a stale If-Match is 412 and changes nothing' stale_condition
check 'If-None-Match with the present ETag is 304' not_modified
check '?sync=true is answered as durable' durable_write
check 'PATCH is a merge patch, and keeps the text of a number' merge_patch
check 'a list by prefix, and a deletion by prefix' list_by_prefix
check 'a batch happens as a whole or not at all' batch_is_whole
check 'a document has versions, a diff, and a way back' versions
check 'a body that is no JSON is 400' bad_json
check 'a wrong verb is 405 with Allow' wrong_verb
check 'an unknown path is 404 in JSON' unknown_path
check 'a body that is too large is 413 and not stored' body_too_large
if [ -n "$token" ]; then
  check 'a call without a token is 401 and changes nothing' refuses_anonymous
  check 'a wrong token is 401' refuses_wrong_token
  check 'the health routes need no token' open_without_token
else
  skip 'a call without a token is 401' 'no TOKEN was given, so the service must be open'
fi

printf '1..%s\n# passed %s, failed %s, skipped %s\n' "$(number)" "$passed" "$failed" "$skipped"
write_junit
[ "$failed" -eq 0 ]
