# Reads orders, one per line, from the numpool that runs a command. Only that process holds the writing end, so the end of the
# input without "done" means that it is dead, however it died: then the command and all that came from it must end.
# $1: a mark that the command's environment carries, and thereby every process that comes from it, wherever it went.
trap '' HUP INT QUIT TERM TSTP
mark=$1
group=

# A command that was started a moment ago may not lead its group yet.
signal() {
  [ -z "$group" ] || kill -s "$1" -- "-$group" || kill -s "$1" "$group"
} 2>/dev/null

marked() {
  grep -lsF "$mark" /proc/[0-9]*/environ
}

kill_all() {
  signal KILL
  for file in $(marked); do
    pid=${file#/proc/}
    kill -s KILL "${pid%/environ}"
  done
} 2>/dev/null

alive() {
  [ -z "$group" ] || kill -s 0 -- "-$group"
} 2>/dev/null

# A third of a second to end in order (longer on a busy machine, and all must be over within one), then by force; a process that is
# being born meanwhile is seen in a later round.
end() {
  signal TERM
  signal CONT
  round=0
  while [ $round -lt 6 ] && alive; do
    sleep 0.05
    round=$((round + 1))
  done
  kill_all
  round=0
  while [ $round -lt 20 ] && [ -n "$(marked)" ]; do
    kill_all
    sleep 0.05
    round=$((round + 1))
  done
}

while read -r order argument; do
  case $order in
    group) group=$argument ;;
    signal) signal "$argument" ;;
    kill) kill_all ;;
    done) exit 0 ;;
  esac
done
end
