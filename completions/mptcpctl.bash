# Completes the words of mptcpctl(8) in bash: source <(mptcpctl completion bash)

_mptcpctl() {
  # words: begin
  local objects='endpoint limits monitor connections subflow subflows announce address remove listen completion'
  local -A verbs=(
    [endpoint]='add change delete show flush'
    [limits]='set show'
    [connections]='show'
    [subflow]='create destroy change'
    [subflows]='show'
    [address]='show'
  )
  local -A forms=(
    [endpoint.add]='@own dev=device id=id port=number signal subflow fullmesh laminar backup'
    [endpoint.change]='@place id=endpoint port=number backup nobackup fullmesh nofullmesh'
    [endpoint.delete]='@place id=endpoint'
    [endpoint.show]='id=endpoint'
    [limits.set]='subflows=number add_addr_accepted=number'
    [monitor.]='token=token event=event'
    [connections.show]='token=token local=own remote=address port=number'
    [connections.]='token=token local=own remote=address port=number'
    [subflow.create]='@token local=own remote=address id=id port=number dev=device backup --wait'
    [subflow.destroy]='@token local=own remote=address port=number'
    [subflow.change]='@token local=own remote=address port=number backup nobackup'
    [subflows.show]='token=token local=own remote=address port=number'
    [subflows.]='token=token local=own remote=address port=number'
    [announce.]='@token @own id=id port=number dev=device signal subflow fullmesh laminar backup'
    [address.show]='@token id=id'
    [address.]='@token id=id'
    [remove.]='@token id=id'
    [listen.]='@own port=number dev=device'
    [completion.]='@shell'
  )
  local switches='-json -pretty -oneline -timestamp -tshort -color -netns=netns -batch=file -force -Version -help'
  local events='CREATED ESTABLISHED CLOSED ANNOUNCED REMOVED SF_ESTABLISHED SF_CLOSED SF_PRIO LISTENER_CREATED LISTENER_CLOSED UNKNOWN'
  # words: end
  local program=mptcpctl line=${COMP_LINE:0:COMP_POINT} cur='' pending='' object='' form='' used=' ' position=0
  local word words netns=() iproute=(ip) found=() REPLY
  [[ ${COMP_WORDS[0]} == */* ]] && program=${COMP_WORDS[0]}
  COMPREPLY=()
  # COMP_WORDS has each colon of an IPv6 address as a word of its own.
  read -ra words <<<"$line"
  if [[ $line != *[[:blank:]] ]]; then
    cur=${words[-1]}
    unset 'words[-1]'
  fi

  for word in "${words[@]:1}"; do
    if [[ $pending ]]; then
      if [[ $pending == netns ]]; then
        netns=(-n "$word") iproute=(ip -n "$word")
        [[ $word == */* ]] && iproute=(nsenter "--net=$word" ip)
      fi
      [[ $pending == file ]] && object=batch form=batch.
      pending=
    elif [[ ! $object && $word == -* ]]; then
      _mptcpctl_pick "${word/#--/-}" $switches && [[ $REPLY == *=* ]] && pending=${REPLY#*=}
    elif [[ ! $object ]]; then
      _mptcpctl_pick "$word" $objects || return 0
      object=$REPLY
    elif [[ ! $form ]] && _mptcpctl_pick "$word" ${verbs[$object]}; then
      form=$object.$REPLY
    else
      form=${form:-$object.}
      if _mptcpctl_pick "$word" ${forms[$form]}; then
        # Each end of a subflow has an id, a port and a device.
        [[ $REPLY == local=* || $REPLY == remote=* ]] && used=${used/ id / } used=${used/ port / } used=${used/ dev / }
        used+="${REPLY%%=*} "
        [[ $REPLY == *=* ]] && pending=${REPLY#*=}
      else
        ((position++))
      fi
    fi
  done

  if [[ $pending == file || ($pending == netns && $cur == */*) ]]; then
    mapfile -t COMPREPLY < <(compgen -f -- "$cur")
    compopt -o filenames 2>/dev/null
    return 0
  elif [[ $pending ]]; then
    _mptcpctl_values "$pending"
  elif [[ ! $object && $cur == -* ]]; then
    for word in $switches; do found+=("${word%%=*}"); done
    found+=(-color={always,auto,never})
    [[ $cur == --* ]] && found=("${found[@]/#-/--}")
  elif [[ ! $object ]]; then
    found=($objects help)
  else
    [[ $form ]] || found=(${verbs[$object]})
    for word in ${forms[${form:-$object.}]}; do
      if [[ $word == @* ]]; then
        ((position-- == 0)) || continue
        _mptcpctl_values "${word#@}"
        # Nothing can stand before a token.
        [[ $word == @token ]] && break
      elif [[ $used != *" ${word%%=*} "* ]]; then
        found+=("${word%%=*}")
      fi
    done
  fi

  # What readline replaces begins after the last of these.
  local kept=''
  [[ $cur == *[:=]* ]] && kept=${cur%"${cur##*[:=]}"}
  for word in "${found[@]}"; do
    if [[ $word == "$cur"* ]]; then
      word=${word#"$kept"}
      # An interface may be named by nearly any character.
      [[ $word == *[^[:alnum:]._:,/=%+-]* ]] && printf -v word %q "$word"
      COMPREPLY+=("$word")
    fi
  done
}

# The first of some words that begins so, what it takes included: it is in REPLY.
_mptcpctl_pick() {
  local begin=$1
  shift
  for REPLY; do
    [[ $begin && ${REPLY%%=*} == "$begin"* && $REPLY != @* ]] && return 0
  done
  return 1
}

# Adds to found what there is of a kind, in the namespace that -n names.
_mptcpctl_values() {
  local first second rest
  case $1 in
    device)
      while read -r first; do found+=("${first%%[:@]*}"); done < <(
        if [[ ${netns[1]} ]]; then
          "${iproute[@]}" -br link
        else
          tail -n +3 /proc/net/dev
        fi 2>/dev/null
      )
      ;;
    own)
      while read -r first second rest; do
        for word in $rest; do found+=("${word%/*}"); done
      done < <("${iproute[@]}" -br address show scope global 2>/dev/null)
      ;;
    place) while read -r first rest; do found+=("$first"); done < <("$program" "${netns[@]}" endpoint 2>/dev/null) ;;
    endpoint)
      while read -r rest; do
        [[ $rest == *' id '* ]] && rest=${rest##* id } && found+=("${rest%% *}")
      done < <("$program" "${netns[@]}" endpoint 2>/dev/null)
      ;;
    token)
      while read -r first rest; do
        [[ $first == 0x* ]] && found+=("$first")
      done < <("$program" "${netns[@]}" connections 2>/dev/null)
      ;;
    event) for word in $events; do found+=("${cur%"${cur##*,}"}$word"); done ;;
    netns) for word in /run/netns/*; do [[ -e $word ]] && found+=("${word##*/}"); done ;;
    shell) found+=(bash zsh) ;;
  esac
}

complete -F _mptcpctl mptcpctl
