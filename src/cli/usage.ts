/** What `mptcpctl --help` prints: in lines of 80 columns. */
export const helpText = `Usage: mptcpctl [ OPTIONS ] OBJECT { COMMAND | help }
       mptcpctl [ OPTIONS ] [ -force ] -batch FILE

Shows and changes what the kernel of this machine does with Multipath TCP
(RFC 8684). Grammar and output are those of "ip mptcp": objects, commands and
keywords may be abbreviated. More: man mptcpctl.

Endpoints: the addresses of this host that the kernel's own path manager uses.
  mptcpctl endpoint [ show [ id ID ] ]
  mptcpctl endpoint add ADDRESS [ dev NAME ] [ id ID ] [ port NR ] [ FLAG ]...
  mptcpctl endpoint delete id ID [ ADDRESS ]
  mptcpctl endpoint change { id ID | ADDRESS [ port NR ] } [ CHANGE ]...
  mptcpctl endpoint flush                    delete all
    FLAG    signal     announce the address to the peer
            subflow    make subflows from it
            fullmesh   ... to each address of the peer (with subflow)
            laminar    make one in answer to an address that the peer announces
            backup     use its subflows only when there are no others
    CHANGE  backup | nobackup | fullmesh | nofullmesh

Limits: how much the kernel's own path manager may do for a connection, 0 to 8.
  mptcpctl limits [ show ]
  mptcpctl limits set [ subflows NR ] [ add_addr_accepted NR ]

Events: what happens to connections and subflows, as it happens.
  mptcpctl monitor [ token TOKEN ] [ event NAME[,NAME]... ]

Connections: what there is now, at either end, whoever made it.
  mptcpctl connections [ show ] [ FILTER ]...  each with its subflows below it
  mptcpctl subflows [ show ] [ FILTER ]...     one subflow a line
    FILTER  token TOKEN | local ADDRESS | remote ADDRESS | port NR

One connection of the userspace path manager, where the kernel leaves all to
programs (net.mptcp.path_manager=userspace). TOKEN is decimal, or hexadecimal
after 0x. Addresses go to the kernel as they are written: where monitor and
connections show them IPv4-mapped (::ffff:192.0.2.1), write them so.
  mptcpctl announce TOKEN ADDRESS id ID [ port NR ] [ dev NAME ] [ FLAG ]...
  mptcpctl remove TOKEN id ID                take an announcement back
  mptcpctl listen ADDRESS [ port NR ] [ dev NAME ]  take joins until interrupted
  mptcpctl subflow create TOKEN local LOCAL remote REMOTE [ backup ] [ --wait ]
    LOCAL   ADDRESS [ id ID ] [ port NR ] [ dev NAME ]
    REMOTE  ADDRESS port NR [ id ID ]
    --wait  until it is established or closed, and say how it ended; for 30
            seconds at most, or --wait=SECONDS
  mptcpctl subflow destroy TOKEN local ADDRESS port NR remote ADDRESS port NR
  mptcpctl subflow change TOKEN local END remote END { backup | nobackup }
    END     ADDRESS [ port NR ]
  mptcpctl address [ show ] TOKEN [ id ID ]  what the kernel holds for it

Shells: what bash or zsh needs to complete all these words.
  mptcpctl completion { bash | zsh }         source <(mptcpctl completion bash)

Options:
  -j, -json           JSON instead of text
  -p, -pretty         with -j: in many lines, for people
  -o, -oneline        with "-j monitor": one object a line
  -t, -timestamp      with monitor: the time before each event
  -ts, -tshort        ... in short, at the start of its line
  -c, -color[=WHEN]   as ip has it: these objects are without colours
  -n, -netns NETNS    act in that network namespace: a name in /run/netns, or a
                      path
  -b, -batch FILE     read commands from a file, one a line; -: from stdin
  -force              with -batch: go on after a command that the kernel refuses
  -V, -Version        print the version
  -h, -help           print this help

Exit status: 0 done, 1 bad address, failed batch, or no answer of the kernel, or
of the peer in time, 2 refused by the kernel or the peer, 255 wrong command
line. To change anything, and for monitor, it takes CAP_NET_ADMIN.
`;

/** The usage in short, for a command line that names no object or asks for help with one. */
export const usageText = `Usage: mptcpctl endpoint add ADDRESS [ dev NAME ] [ id ID ]
                              [ port NR ] [ FLAG-LIST ]
       mptcpctl endpoint delete id ID [ ADDRESS ]
       mptcpctl endpoint change [ id ID ] [ ADDRESS ] [ port NR ] CHANGE-OPT
       mptcpctl endpoint show [ id ID ]
       mptcpctl endpoint flush
       mptcpctl limits set [ subflows NR ] [ add_addr_accepted NR ]
       mptcpctl limits show
       mptcpctl monitor [ token TOKEN ] [ event NAME[,NAME]... ]
       mptcpctl { connections | subflows } [ token TOKEN ] [ local ADDRESS ]
                              [ remote ADDRESS ] [ port NR ]
       mptcpctl announce TOKEN ADDRESS id ID [ port NR ] [ dev NAME ]
                              [ FLAG-LIST ]
       mptcpctl remove TOKEN id ID
       mptcpctl listen ADDRESS [ port NR ] [ dev NAME ]
       mptcpctl subflow create TOKEN local END remote END [ backup ]
                              [ --wait[=SECONDS] ]
       mptcpctl subflow { destroy | change } TOKEN local END remote END
                              [ backup | nobackup ]
       mptcpctl address [ show ] TOKEN [ id ID ]
       mptcpctl completion { bash | zsh }
       mptcpctl [ -force ] -batch FILE
END := ADDRESS [ id ID ] [ port NR ] [ dev NAME ]
FLAG-LIST := [ FLAG-LIST ] FLAG
FLAG  := [ signal | subflow | laminar | backup | fullmesh ]
CHANGE-OPT := [ backup | nobackup | fullmesh | nofullmesh ]
More: mptcpctl --help
`;
