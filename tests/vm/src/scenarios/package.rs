//! The packages: the .rpm in a root of its own, removal and purge of the .deb.

use std::fs;

use anyhow::{Context as _, Result, ensure};

use super::host;
use crate::scenario::Context;
use crate::tools;

/// A program in the place of tailscale, and a subnet of mvmhost's in its list.
const TAILSCALE: &str = r#"echo 0.0.0.0/0,10.42.0.0/24,10.9.0.0/16 >/root/routes
    cat >/usr/local/bin/tailscale <<'END'
#!/bin/sh
case "$*" in
"debug prefs") printf '{\n\t"ControlURL": "x",\n\t"AdvertiseRoutes": [%s]\n}\n' "$(sed 's/[^,]*/"&"/g' /root/routes)" ;;
"set --advertise-routes="*) echo "${2#*=}" >/root/routes ;;
*) exit 1 ;;
esac
END
    chmod 755 /usr/local/bin/tailscale
    echo '{"version":1,"routes":["10.42.0.0/24"]}' >/var/lib/mvmhost/tailscale.json"#;

/// A second root: this one with a layer of its own over it, in which rpm is not needed.
const RPM: &str = "rpm --root /srv/other/root --nodeps";

/// The .rpm with its scriptlets: installed, upgraded, removed.
///
/// # Errors
/// A scriptlet fails or does something else than the .deb's, or a file differs from the .deb's.
pub fn the_rpm_has_the_same_files(context: &mut Context) -> Result<()> {
    let guest = &mut context.guest;
    let mut packages = Vec::new();
    for entry in fs::read_dir(tools::target_dir().join("packages"))? {
        packages.push(entry?.path());
    }
    packages.retain(|path| path.extension().is_some_and(|extension| extension == "rpm"));
    let rpm = packages.first().context("no .rpm was built")?;
    guest.copy_in(rpm, "/srv/mvmhost.rpm")?;
    guest.ok("DEBIAN_FRONTEND=noninteractive apt-get install -y rpm")?;
    guest.ok("mkdir -p /srv/other && mount -t tmpfs tmpfs /srv/other && cd /srv/other
        mkdir upper work root
        mount -t overlay -o lowerdir=/,upperdir=upper,workdir=work overlay root
        rm -r root/usr/libexec/mvmhost root/usr/bin/mvmhost root/etc/mvmhost*")?;
    let link = "/srv/other/root/etc/systemd/system/multi-user.target.wants/mvmhost.target";
    guest.ok(&format!("rm {link}"))?;
    guest.ok(&format!("{RPM} -i /srv/mvmhost.rpm && test -L {link}"))?;
    guest.ok(&format!("{RPM} -V mvmhost | (! grep .)"))?;
    // Its own files, byte by byte; Debian compresses the manual by another gzip.
    guest.ok(&format!(
        "for file in $({RPM} -ql mvmhost | grep -v -e /man/ -e site-functions -e /licenses/); do
            cmp $file /srv/other/root$file || exit 1
        done"
    ))?;
    // An upgrade respects what the operator disabled, and changes no configuration.
    guest.ok(&format!("rm {link} && echo '# mine' >>/srv/other/root/etc/mvmhost.toml"))?;
    guest.ok(&format!("{RPM} -U --force /srv/mvmhost.rpm && test ! -e {link}"))?;
    guest.ok("grep -q '# mine' /srv/other/root/etc/mvmhost.toml")?;
    guest.ok(&format!("{RPM} -e mvmhost && test ! -e /srv/other/root/usr/bin/mvmhost"))?;
    guest.ok("test -e /srv/other/root/etc/mvmhost.toml.rpmsave")?;
    guest.ok("umount /srv/other/root /srv/other && systemctl is-active flintlockd.service")?;
    Ok(())
}

/// # Errors
/// Something of the operator's goes, or something of ours stays.
pub fn removal_keeps_what_is_the_operators(context: &mut Context) -> Result<()> {
    let guest = &mut context.guest;
    let apt = "DEBIAN_FRONTEND=noninteractive apt-get";
    let files = format!("stat -c '%n %i %s' {0}/data {0}/metadata", host::FILES);
    let before = guest.ok(&files)?;
    guest.ok(&format!("{apt} remove -y mvmhost"))?;
    guest.ok("test -e /etc/mvmhost.toml -a -e /var/lib/mvmhost/receipt.json")?;
    guest.ok(
        "systemctl daemon-reload; ! ls /run/systemd/generator/flintlockd.service.d 2>/dev/null",
    )?;
    host::data_is_intact(guest)?;
    guest.ok(&format!("{apt} install -y mvmhost && mvmhost apply && mvmhost plan"))?;
    host::is_up(guest)?;
    guest.ok(TAILSCALE)?;
    let output = guest.ok(&format!("{apt} purge -y mvmhost 2>&1"))?;
    let routes = guest.ok("cat /root/routes; rm /usr/local/bin/tailscale /root/routes")?;
    ensure!(routes.trim() == "0.0.0.0/0,10.9.0.0/16", "tailscale advertises {routes}");
    ensure!(output.contains("kept /var/lib/containerd-dev"), "{output}");
    ensure!(guest.ok(&files)? == before, "the pool's files changed");
    guest.ok("! ls -d /etc/mvmhost* /var/lib/mvmhost /usr/libexec/mvmhost 2>/dev/null")?;
    let files = guest.ok("find / -xdev -iname '*mvmhost*' -not -path '/proc/*' -not -path '/srv/*' -not -path '/var/lib/apt/*' -not -path '/etc/apt/*' -not -path '/var/log/*' -not -path '/var/cache/*' -not -name 'mvmhost-test.*'")?;
    ensure!(files.trim().is_empty(), "left behind: {files}");
    Ok(())
}
