#!/usr/bin/env bash
# Exports the Conditional Access policies of a tenant, and what they mention, from Microsoft Graph:
# a policy snapshot for signin-diagnostics. docs/policy-snapshot.md describes the files.
#
# Least Microsoft Graph application permissions, by file:
#   policies.json, namedLocations.json, authenticationStrengths.json   Policy.Read.All
#   groups.json (names, members of all depths)                         GroupMember.Read.All
#   roles.json (names, assignments)                                    RoleManagement.Read.Directory
#   applications.json (names)                                          Application.Read.All
#
# Log in as an application that has them (az login --identity, or --service-principal): the
# Azure CLI's own sign-in of a person does not carry Policy.Read.All.
set -euo pipefail

usage() {
  cat >&2 <<'USAGE'
usage: export-policies.sh [--beta] [--without PART]... FOLDER

  FOLDER          becomes a symbolic link to the new export, which lies beside it as
                  FOLDER.<time>; readers see the old export or the new one, never half of one
  --without PART  leaves out groups, members, roles or applications, and needs no right for it
  --beta          asks the beta version of Microsoft Graph, which knows more conditions

needs az (logged in) and jq
USAGE
  exit 2
}

version=v1.0
without=" "
folder=
while [ $# -gt 0 ]; do
  case $1 in
    --beta) version=beta ;;
    --without)
      case ${2-} in
        groups | members | roles | applications) without+="$2 " ;;
        *) usage ;;
      esac
      shift
      ;;
    -*) usage ;;
    *)
      [ -z "$folder" ] || usage
      folder=${1%/}
      ;;
  esac
  shift
done
[ -n "$folder" ] || usage

fail() {
  echo "export-policies.sh: $*" >&2
  exit 1
}

for program in az jq; do
  command -v "$program" >/dev/null || fail "$program is missing; install it with: apt-get install ${program/#az/azure-cli}"
done
if [ -e "$folder" ] && [ ! -L "$folder" ]; then
  fail "$folder exists and is no symbolic link; name a path that this script may make"
fi

umask 027
started=$(date -u +%Y-%m-%dT%H:%M:%SZ)
new=$folder.$(date -u +%Y%m%dT%H%M%SZ).$$
mkdir -p -- "$(dirname -- "$folder")"
mkdir -- "$new"
finished=
trap 'rm -f -- "$new.error"; [ -n "$finished" ] || rm -rf -- "$new" "$new.link"' EXIT

graph=https://graph.microsoft.com/$version

wants() { [[ $without != *" $1 "* ]]; }

# Seconds after which a request is made again that Graph is too busy for. It names a time in a header
# that az does not show; these add up to more than what it usually asks for.
waits=(15 30 60 120)
busy='Too Many Requests|Bad Gateway|Service Unavailable|Gateway Time-?out'

# ask URL: one page, as Graph answers it; what went wrong is in $new.error.
ask() {
  local wait
  for wait in "${waits[@]}" ""; do
    if az rest --method get --url "$1" --output json --only-show-errors \
      </dev/null 2>"$new.error"; then
      return
    fi
    if [ -z "$wait" ] || ! grep -Eqi "$busy" "$new.error"; then
      return 1
    fi
    echo "export-policies.sh: Microsoft Graph is busy; asking again in $wait seconds" >&2
    sleep "$wait"
  done
}

# get [--if-there] URL: all pages, one after another, as Graph answers them. A failure ends the export.
# With --if-there an object that is not there (any more) is nothing: its first page only, since half
# a list is no list.
get() {
  local if_there="" url page
  if [ "$1" = --if-there ]; then
    if_there=yes
    shift
  fi
  url=$1
  while [ -n "$url" ]; do
    if ! page=$(ask "$url"); then
      if [ -n "$if_there" ] && grep -Eq 'ResourceNotFound|Not Found' "$new.error"; then
        return
      fi
      cat -- "$new.error" >&2
      fail "Microsoft Graph did not answer $url; if it says Forbidden, does the account have the right?"
    fi
    if_there=""
    printf '%s\n' "$page"
    url=$(jq -r '."@odata.nextLink" // empty' <<<"$page")
  done
}

# mentioned FILTER: the GUIDs that the policies name there, each once.
mentioned() {
  jq -rn "[inputs.value[].conditions | $1 | strings
    | select(test(\"^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}\$\")) | ascii_downcase]
    | unique[]" "$new/policies.json"
}

get "$graph/identity/conditionalAccess/policies" >"$new/policies.json"
[ -s "$new/policies.json" ] || fail "Microsoft Graph gave no policies"
get "$graph/identity/conditionalAccess/namedLocations" >"$new/namedLocations.json"
get "$graph/policies/authenticationStrengthPolicies" >"$new/authenticationStrengths.json"

if wants roles; then
  mentioned '.users // {} | (.includeRoles, .excludeRoles) // [] | .[]' >"$new/ids"
  {
    get "$graph/roleManagement/directory/roleDefinitions?\$select=id,templateId,displayName"
    get "$graph/roleManagement/directory/roleAssignments?\$expand=principal(\$select=id)"
  } | jq -c --rawfile ids "$new/ids" '($ids | split("\n")) as $ids | {value: [.value[]
      | select((.roleDefinitionId // .templateId // .id | ascii_downcase) as $id | $ids | index($id))
      | {id, templateId, displayName, roleDefinitionId, principalId, directoryScopeId,
         principal: (.principal // {} | {"@odata.type": ."@odata.type"})}]}' >"$new/roles.json"
fi

if wants groups; then
  {
    mentioned '.users // {} | (.includeGroups, .excludeGroups) // [] | .[]'
    if wants roles; then
      jq -r '.value[] | select(.principal."@odata.type" == "#microsoft.graph.group") | .principalId' \
        "$new/roles.json"
    fi
  } | sort -u >"$new/ids"
  while read -r id; do
    get --if-there "$graph/groups/$id?\$select=id,displayName,visibility" >"$new/group"
    [ -s "$new/group" ] || continue
    if wants members; then
      get "$graph/groups/$id/transitiveMembers?\$select=id&\$top=999" >"$new/members"
      # Nested groups are dropped: their members are in the list themselves. Nobody in a group that
      # hides its members may mean that the right to see them is missing.
      jq -n --slurpfile group "$new/group" '[inputs.value[]
          | select(."@odata.type" != "#microsoft.graph.group") | {id}] as $members
        | $group[0] | {id, displayName}
          + if .visibility == "HiddenMembership" and $members == [] then {} else {$members} end' \
        "$new/members"
    else
      jq '{id, displayName}' "$new/group"
    fi
  done <"$new/ids" | jq -s . >"$new/groups.json"
fi

if wants applications; then
  {
    mentioned '.applications // {} | (.includeApplications, .excludeApplications) // [] | .[]' |
      sed "s/.*/servicePrincipals(appId='&')/"
    mentioned '.clientApplications // {} | (.includeServicePrincipals, .excludeServicePrincipals) // [] | .[]' |
      sed 's,^,servicePrincipals/,'
  } >"$new/ids"
  while read -r path; do
    get --if-there "$graph/$path?\$select=id,appId,displayName"
  done <"$new/ids" | jq -s 'map({id, appId, displayName})' >"$new/applications.json"
fi

tenant=$(az account show --query tenantId --output tsv) || fail "az is not logged in; run az login"
jq -n --arg tenant "$tenant" --arg time "$started" \
  '{tenantId: $tenant, exportedAt: $time}' >"$new/tenant.json"
rm -f -- "$new/ids" "$new/group" "$new/members"

# The link is replaced in one step; the export before the last is removed.
old=$(readlink -- "$folder" || true)
ln -s -- "$(basename -- "$new")" "$new.link"
mv -T -- "$new.link" "$folder"
finished=yes
for other in "$folder".[0-9]*T[0-9]*Z.*; do
  name=$(basename -- "$other")
  if [ -d "$other" ] && [ "$name" != "$(basename -- "$new")" ] && [ "$name" != "$old" ]; then
    rm -rf -- "$other"
  fi
done
echo "exported $(jq -n '[inputs.value[]] | length' "$new/policies.json") policies of tenant $tenant to $folder" >&2
