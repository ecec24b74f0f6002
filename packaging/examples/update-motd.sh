#!/bin/sh
# One line of mvmhost at login: copy it to /etc/update-motd.d/60-mvmhost and make it executable.
# Checks take a fraction of a second; a login never waits longer than five.
said=$(timeout 5 mvmhost check 2>&1)
case $? in
0) echo "mvmhost: this host serves microVMs" ;;
124) echo "mvmhost: the checks did not finish" ;;
*) echo "mvmhost: $(printf '%s\n' "$said" | grep -c '^error') errors; mvmhost check shows what to do" ;;
esac
