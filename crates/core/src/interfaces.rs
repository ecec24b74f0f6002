//! Network interfaces as sysfs shows them, for programs that only look.

use std::fs;
use std::io;
use std::path::Path;

use crate::Roots;

/// `IFF_UP` of linux/if.h.
const UP: u32 = 1;
/// The beginning of the names of flintlock's taps.
const TAPS: &str = "fltap";

/// What sysfs shows of one interface, in /sys/class/net/NAME.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Interface {
    /// DEVTYPE in `uevent`: `bridge`, `vlan`, `wlan`; empty for a plain card.
    pub kind: String,
    /// There is a folder `bridge`.
    pub bridge: bool,
    /// There is `phy80211` or `wireless`.
    pub wireless: bool,
    /// `IFF_UP` in `flags`: it is switched on, with or without a carrier.
    pub up: bool,
    /// `carrier` is 1: the other end is there. False for one that is switched off.
    pub carrier: bool,
    /// The bridge or bond that it is a port of, by the link `master`.
    pub master: Option<String>,
}

/// The interface of this name; `None` when there is none.
pub fn find(roots: &Roots, name: &str) -> Option<Interface> {
    let folder = roots.at("/sys/class/net").join(name);
    if !folder.is_dir() {
        return None;
    }
    let text = |file: &str| fs::read_to_string(folder.join(file)).unwrap_or_default();
    let flags = text("flags");
    let flags = u32::from_str_radix(flags.trim().trim_start_matches("0x"), 16).unwrap_or(0);
    let uevent = text("uevent");
    let kind = uevent.lines().find_map(|line| line.strip_prefix("DEVTYPE="));
    let master = fs::read_link(folder.join("master")).ok();
    Some(Interface {
        kind: kind.unwrap_or_default().to_owned(),
        bridge: folder.join("bridge").is_dir(),
        wireless: ["phy80211", "wireless"].iter().any(|file| folder.join(file).exists()),
        up: flags & UP != 0,
        // The kernel refuses to tell of one that is switched off.
        carrier: text("carrier").trim() == "1",
        master: master.and_then(|path| Some(path.file_name()?.to_string_lossy().into_owned())),
    })
}

/// flintlock's taps that no process has open, sorted: a tap has a carrier while one has.
///
/// # Errors
/// When the interfaces cannot be listed.
pub fn stale_taps(roots: &Roots) -> io::Result<Vec<String>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(roots.at("/sys/class/net"))? {
        let name = entry?.file_name().to_string_lossy().into_owned();
        let stale = |found: Interface| found.up && !found.carrier;
        if name.starts_with(TAPS) && find(roots, &name).is_some_and(stale) {
            found.push(name);
        }
    }
    found.sort_unstable();
    Ok(found)
}

/// Whether the kernel's tun driver answers behind /dev/net/tun.
///
/// # Errors
/// Why it does not.
pub fn tun(roots: &Roots) -> io::Result<()> {
    let node = roots.at(Path::new("/dev/net/tun"));
    fs::File::options().read(true).write(true).open(node).map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_sysfs_says() {
        let folder = tempfile::tempdir().unwrap();
        let roots = Roots::new(folder.path());
        let net = folder.path().join("sys/class/net");
        let make = |name: &str, files: &[(&str, &str)]| {
            fs::create_dir_all(net.join(name)).unwrap();
            for (file, text) in files {
                fs::write(net.join(name).join(file), text).unwrap();
            }
        };
        assert!(stale_taps(&roots).is_err());
        make("br0/bridge", &[]);
        make(
            "br0",
            &[("flags", "0x1003\n"), ("carrier", "1\n"), ("uevent", "DEVTYPE=bridge\nX=y\n")],
        );
        make("wlan0/phy80211", &[]);
        make("eth0", &[("flags", "0x1002\n")]);
        std::os::unix::fs::symlink("../br0", net.join("eth0/master")).unwrap();
        make("fltap1111111", &[("flags", "0x1003\n"), ("carrier", "0\n")]);
        make("fltap2222222", &[("flags", "0x1003\n"), ("carrier", "1\n")]);
        let bridge = find(&roots, "br0").unwrap();
        assert!(bridge.bridge && bridge.up && bridge.carrier && bridge.kind == "bridge");
        assert!(find(&roots, "wlan0").unwrap().wireless);
        let card = find(&roots, "eth0").unwrap();
        assert!(!card.up && !card.carrier && card.master.as_deref() == Some("br0"));
        assert_eq!(find(&roots, "none"), None);
        assert_eq!(stale_taps(&roots).unwrap(), ["fltap1111111"]);
        assert!(tun(&roots).is_err());
    }
}
