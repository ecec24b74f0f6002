#!/bin/sh
# For greenboot: copy it to /etc/greenboot/check/required.d/60-mvmhost.sh and make it executable. A
# boot after which flintlockd does not answer within three minutes is not green, and greenboot goes
# back. flintlockd's unit is active only when its checks passed and its API answered. An image that
# is missing, for which mvmhost check exits 1 as well, is no reason to go back. Name your own unit
# where [flintlockd] unit names another one.
for _ in $(seq 36); do
    systemctl --quiet is-active mvmhost.target && systemctl --quiet is-active flintlockd.service && exit 0
    sleep 5
done
mvmhost check
exit 1
