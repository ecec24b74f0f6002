#!/bin/sh
# For greenboot: copy it to /etc/greenboot/check/required.d/60-mvmhost.sh and make it executable. When the
# host cannot serve microVMs within three minutes of a boot, greenboot rolls back. It does not roll back for
# a missing image (MVM-HOST-216, mvm-images.service) or an edited file that is not applied (MVM-HOST-217).
ready() {
    ! mvmhost check 2>&1 | grep '^error' | grep -v -q -e MVM-HOST-216 -e MVM-HOST-217 -e mvm-images.service
}
for _ in $(seq 36); do
    ready && systemctl --quiet is-active mvmhost.target && exit 0
    sleep 5
done
mvmhost check
exit 1
