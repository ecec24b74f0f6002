//! An image that meets the end of the pool while it is unpacked.

use anyhow::{Result, ensure};

use super::host::{self, CTR, POOL};
use crate::guest::Guest;

/// A layer of 40 MB that compresses to nothing less, in an archive; a file system of 128 MiB takes
/// some 13 MiB of the pool before the first byte of it.
const IMAGE: &str = "mkdir -p /root/big && cd /root/big && head -c 40000000 /dev/urandom >data
    tar cf layer.tar data && sha256sum <data >/root/big.sum && rm data
    printf '{\"architecture\":\"amd64\",\"os\":\"linux\",\"rootfs\":{\"type\":\"layers\",\"diff_ids\":[\"sha256:%s\"]}}' \\
        $(sha256sum layer.tar | cut -c 1-64) >config.json
    echo '[{\"Config\":\"config.json\",\"RepoTags\":[\"r.test/big:1\"],\"Layers\":[\"layer.tar\"]}]' >manifest.json
    tar cf /root/big.tar manifest.json config.json layer.tar && rm -r /root/big";

/// Of the pool all but 40 MiB is taken. The brake is off, so that the pool is really full, and what
/// waits for room waits for five seconds in place of a minute.
fn almost_full(guest: &mut Guest) -> Result<()> {
    let largest = "max-data-size = \"240MiB\"";
    guest.ok(&format!(
        "echo 5 >/sys/module/dm_thin_pool/parameters/no_space_timeout
         cat >/etc/mvmhost.toml <<'X'
[thinpool.loop]
data-size = \"96MiB\"
metadata-size = \"16MiB\"
{largest}
[thinpool.guard]
brake-percent = 100
[containerd]
base-image-size = \"128MiB\"
[images]
root = [\"r.test/big:1\"]
kernel = []
archives = [\"/root/big.tar\"]
X
         mv /root/big.tar /root/big.away; mvmhost apply || true
         systemctl stop mvm-images-retry.timer mvm-images.service; mv /root/big.away /root/big.tar
         set -- $(dmsetup status {POOL}); free=$(( (${{6#*/}} - ${{6%/*}}) / 16 ))
         dmsetup message {POOL} 0 'create_thin 7001'
         dmsetup create filler --table '0 524288 thin /dev/mapper/{POOL} 7001' && udevadm settle
         dd if=/dev/zero of=/dev/mapper/filler bs=1M count=$((free - 40)) oflag=direct status=none"
    ))?;
    Ok(())
}

/// A coded message and no snapshot with holes in it; once the pool is grown the next run completes,
/// and what was unpacked is what was in the layer.
///
/// # Errors
/// Half a layer counts as a whole one, or the image does not come after the pool has room.
pub(super) fn an_image_meets_the_end_of_the_pool(guest: &mut Guest) -> Result<()> {
    guest.ok(IMAGE)?;
    almost_full(guest)?;
    let pulled = guest.run("mvmhost images pull")?;
    let status = guest.ok(&format!("dmsetup status {POOL}; cat /run/mvmhost/mvmhost.prom"))?;
    ensure!(
        pulled.code() == Some(1) && pulled.stderr.contains("MVM-IMG-019"),
        "{pulled:?} {status}"
    );
    let content =
        guest.ok(&format!("{CTR} snapshots --snapshotter devmapper ls; {CTR} images ls -q"))?;
    ensure!(!content.contains("sha256:") && !content.contains("r.test/big"), "{content}");
    guest.ok("sed -i 's/^max-data-size.*/max-data-size = \"320MiB\"/' /etc/mvmhost.toml
         mvmhost apply || true; mvmhost pool grow || true")?;
    // mvm-guard has to see that there is room.
    guest.wait_for("mvmhost images pull", host::HEALS)?;
    guest.ok("mvmhost images verify")?;
    guest.ok(&format!(
        "top=$({CTR} snapshots --snapshotter devmapper ls | grep -o '^sha256:[0-9a-f]*')
         {CTR} snapshots --snapshotter devmapper prepare look $top; mkdir -p /mnt/look
         eval \"$({CTR} snapshots --snapshotter devmapper mounts /mnt/look look | sed 's/ -o *$//')\"
         sha256sum </mnt/look/data | cmp - /root/big.sum
         umount /mnt/look; {CTR} snapshots --snapshotter devmapper rm look"
    ))?;
    host::settles(guest, host::HEALS)
}
