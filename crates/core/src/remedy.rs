//! What the lines of a remedy do, so that tests can run what is safe to run on a sound host.

/// What one line of a remedy is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A comment: something for an operator to do or to choose.
    Words,
    /// A command that only reads.
    Reads,
    /// A command that puts a host into the state that its file describes, or loads a driver, and
    /// does nothing to a sound one but, perhaps, restart a service.
    Again,
    /// A command that changes something for good.
    Changes,
}

/// Programs that only read, whatever follows them.
const READERS: [&str; 27] = [
    "{binary}",
    "{iptables}",
    "cat",
    "command",
    "containerd",
    "df",
    "findmnt",
    "getent",
    "grep",
    "head",
    "journalctl",
    "ls",
    "lsblk",
    "lsattr",
    "lscpu",
    "lvs",
    "nft",
    "pvs",
    "ss",
    "systemd-analyze",
    "tail",
    "tailscale",
    "thin_check",
    "uname",
    "udevadm",
    "vgs",
    "losetup",
];

/// Commands of mvmhost that only read.
const READING: [&str; 23] = [
    "--config",
    "capmvm",
    "check",
    "config",
    "diagnose",
    "explain",
    "facts",
    "images list",
    "images prune --dry-run",
    "images verify",
    "net leases",
    "net status",
    "plan",
    "pool check",
    "pool repair --dry-run",
    "pool status",
    "report",
    "status",
    "tls show",
    "vm create --help",
    "vm logs",
    "vms",
    "{command}",
];

/// The command of a line without the comment behind it, and its kind.
pub fn line(text: &str) -> (&str, Kind) {
    if text.starts_with('#') {
        return (text, Kind::Words);
    }
    let command = text.split("  #").next().unwrap_or(text).trim_end();
    let words: Vec<&str> = command.split_whitespace().collect();
    let kind = if reads(&words) {
        Kind::Reads
    } else if again(&words) {
        Kind::Again
    } else {
        Kind::Changes
    };
    (command, kind)
}

/// Whether a remedy leaves something to the operator.
pub fn is_choice(remedy: &str) -> bool {
    remedy.lines().any(|text| text.starts_with('#') || text.contains("  #"))
}

fn reads(words: &[&str]) -> bool {
    let (Some(program), rest) = (words.first(), words.get(1..).unwrap_or_default()) else {
        return false;
    };
    let first = rest.first().copied().unwrap_or_default();
    let has = |word: &str| rest.contains(&word);
    match *program {
        _ if has(">") || has("|") => false,
        "udevadm" => first == "settle",
        known if READERS.contains(&known) => true,
        "date" => rest.iter().all(|word| !word.starts_with("--set")),
        "dmsetup" => ["info", "ls", "status", "table"].contains(&first),
        "ip" => ["show", "monitor", "get"].iter().any(|verb| has(verb)),
        "sysctl" => rest.iter().all(|word| *word != "-w" && !word.contains('=')),
        "systemctl" => ["cat", "show", "status"].contains(&first),
        "timedatectl" => !has("set-ntp"),
        "mvmhost" => {
            let rest = rest.join(" ");
            READING.iter().any(|known| rest == *known || rest.starts_with(&format!("{known} ")))
        }
        _ => false,
    }
}

fn again(words: &[&str]) -> bool {
    match words {
        ["mvmhost", "apply" | "images", rest @ ..] => {
            matches!(rest, [] | ["--confirm-timeout", _] | ["pull"])
        }
        ["systemctl", "daemon-reload"] | ["systemctl", "start" | "restart" | "reload", _] => true,
        ["modprobe", ..] | ["{install_kvm}"] | ["udevadm", "trigger", _] => true,
        ["ip", "link", "set", "dev", _, "up"] => true,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_what_it_does() {
        for (text, kind) in [
            ("# mend it, then", Kind::Words),
            ("mvmhost pool status  # how full it is", Kind::Reads),
            ("mvmhost pool grow", Kind::Changes),
            ("mvmhost images prune --dry-run", Kind::Reads),
            ("mvmhost images pull", Kind::Again),
            ("mvmhost apply", Kind::Again),
            ("systemctl stop x", Kind::Changes),
            ("systemctl start mvmhost.target", Kind::Again),
            ("dmsetup remove {subject}", Kind::Changes),
            ("date --set=@$(cat x)", Kind::Changes),
            ("date", Kind::Reads),
            ("head -c 32 /dev/urandom | base64 > {subject}", Kind::Changes),
            ("ip link delete dev {subject}", Kind::Changes),
            ("ip -brief address show", Kind::Reads),
            ("sysctl -w a=1", Kind::Changes),
            ("", Kind::Changes),
        ] {
            assert_eq!(line(text).1, kind, "{text}");
        }
        assert_eq!(line("mvmhost plan  # what").0, "mvmhost plan");
        assert!(is_choice("a\n# b") && is_choice("a  # b") && !is_choice("a\nb#c"));
    }
}
