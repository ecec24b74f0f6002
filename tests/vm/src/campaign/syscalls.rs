//! Each program that changes a host is killed before each of its changes, one after the other; then a plain
//! second run must end as if nothing had been. What a change is, is told in kill.py.

use std::time::Duration;

use anyhow::{Context as _, Result, ensure};

use super::power_cuts;
use super::{Campaign, Chance};
use crate::guest::Guest;
use crate::scenario::Context;

const UP: &str = "up";
/// What runs a program up to its Nth change, in the guest.
const KILLER: &str = "python3 /root/kill.py";
const SETTLES: Duration = Duration::from_secs(240);

/// Everything that could do by itself what a second run is to do.
const ALONE: &str = "systemctl stop mvmhost-retry.timer mvm-images-retry.timer mvm-net-watch.service \
                     mvm-guard.service flintlockd.service";
/// What mvm-images has to unpack again, from archives.
const NO_IMAGES: &str = "for image in root kernel; do
    ctr -a /run/containerd-dev/containerd.sock -n flintlock images rm --sync r.test/$image:1; done";
/// Devices by what they are made of, for loop devices get other numbers, and a microVM's data in them.
const POOL: &str = "dmsetup table flintlock-dev-thinpool | sed 's/ 7:[0-9]*//g'
    losetup -n -l -O BACK-FILE | sort; cd /var/lib/containerd-dev/snapshotter/devmapper; stat -c '%n %s' data metadata";
const DATA: &str = "dmsetup create look --table \"0 20971520 thin /dev/mapper/flintlock-dev-thinpool $(cat /root/volume.id)\"
    dd if=/dev/mapper/look of=/run/look bs=1M count=16 skip=2048 iflag=direct status=none
    sha256sum </run/look | cmp - /root/digest
    dmsetup remove --retry look";

/// What is killed: how it is begun, what is run, and what shows how it ended.
struct Program {
    name: &'static str,
    before: &'static [&'static str],
    line: &'static str,
    /// The second run, where it is not the same line.
    again: Option<&'static str>,
    /// The lines before it lead back to where a case begins also from where one ended; else the guest is
    /// brought back there, which takes longer.
    undone: bool,
    /// It succeeds, and says the same as after a run that nobody killed.
    shows: &'static [&'static str],
}

impl Program {
    /// The name under which the guest is saved where each case begins.
    fn state(&self) -> String {
        format!("before-{}", self.name.replace([' ', ','], "-"))
    }
}

const PROGRAMS: &[Program] = &[
    Program {
        // Its folder is a microVM's that flintlockd does not list.
        name: "mvm-hygiene",
        before: &["mkdir -p /var/lib/flintlock/vm/ns/vm/uid; echo 999999 > /var/lib/flintlock/vm/ns/vm/uid/firecracker.pid"],
        line: "/usr/libexec/mvmhost/mvm-hygiene",
        again: None,
        undone: true,
        shows: &["find /var/lib/flintlock -name '*.pid*'"],
    },
    Program {
        name: "mvm-thinpool",
        before: &[ALONE, "systemctl stop containerd-dev.service; mvmhost pool remove >/dev/null"],
        line: "/usr/libexec/mvmhost/mvm-thinpool",
        again: None,
        undone: true,
        shows: &[POOL, DATA],
    },
    Program {
        name: "mvm-thinpool, new",
        before: &[
            ALONE,
            "systemctl stop containerd-dev.service; mvmhost pool remove >/dev/null
             rm -r /var/lib/containerd-dev /var/lib/mvmhost/receipt.json",
        ],
        line: "/usr/libexec/mvmhost/mvm-thinpool",
        again: None,
        undone: true,
        shows: &[POOL],
    },
    Program {
        name: "mvmhost pool grow",
        before: &[ALONE],
        line: "/usr/bin/mvmhost pool grow --to 5GiB",
        // There is nothing left to grow where the first run came to its end.
        again: Some("{ mvmhost pool grow --to 5GiB || grep -q MVM-POOL-109 /root/again; }"),
        undone: false,
        shows: &[POOL, "! grep growing /var/lib/mvmhost/receipt.json"],
    },
    Program {
        name: "mvm-net",
        before: &[
            ALONE,
            "systemctl stop mvm-dhcp.service; nft flush ruleset
             for link in $(ls /sys/class/net | grep -x 'mvm.*\\|br.*'); do ip link delete $link; done",
        ],
        line: "/usr/libexec/mvmhost/mvm-net",
        again: None,
        undone: true,
        shows: &["nft -s list ruleset; ls /sys/class/net; ip -o -4 address | awk '{ print $2, $4 }'
            ip route | sed 's/ linkdown//'; cat /proc/sys/net/ipv4/ip_forward"],
    },
    Program {
        name: "mvm-images",
        before: &[ALONE, NO_IMAGES],
        line: "/usr/libexec/mvmhost/mvm-images",
        again: None,
        undone: true,
        shows: &["mvmhost images verify >/dev/null
            c='ctr -a /run/containerd-dev/containerd.sock -n flintlock'; $c images ls -q | sort
            $c snapshots --snapshotter devmapper ls | awk '{ print $1, $3 }' | sort"],
    },
    Program {
        name: "mvmhost apply",
        before: &[ALONE, "printf '[containerd]\\nlog-level = \"debug\"\\n' >> /etc/mvmhost.toml"],
        line: "/usr/bin/mvmhost apply",
        again: None,
        undone: false,
        shows: &["mvmhost plan >/dev/null; cat /etc/mvmhost/applied.toml
            systemctl is-active flintlockd.service containerd-dev.service mvm-guard.service mvm-net-watch.service"],
    },
];

/// The campaign. With no limit of time it has as many cases as the programs make changes.
#[derive(Debug, Default, Clone)]
pub struct Syscalls {
    /// For each program how many changes it makes, and what shows then.
    whole: Vec<(u64, String)>,
    /// The program of the case before, after which this one can begin.
    before: Option<usize>,
}

impl Syscalls {
    /// The program and the change of a case.
    fn at(&self, mut number: u64) -> Option<(usize, u64)> {
        for (program, (changes, _)) in self.whole.iter().enumerate() {
            if number < *changes {
                return Some((program, number + 1));
            }
            number -= changes;
        }
        None
    }
}

impl Campaign for Syscalls {
    fn prepare(&mut self, context: &mut Context) -> Result<()> {
        power_cuts::install(context)?;
        let guest = &mut context.guest;
        power_cuts::with_images(guest)?;
        power_cuts::bring_up(guest)?;
        guest
            .ok(&format!("cat > /root/kill.py <<'PYTHON'\n{}\nPYTHON", include_str!("kill.py")))?;
        let install = "DEBIAN_FRONTEND=noninteractive apt-get install -y -qq python3 >/dev/null";
        guest.run_within(install, SETTLES)?.required(install)?;
        guest.save(UP)?;
        self.whole.clear();
        for program in PROGRAMS {
            self.whole.push(count(guest, program).with_context(|| program.name.to_owned())?);
        }
        Ok(())
    }

    fn describe(&self, number: u64, _: &mut Chance) -> Option<String> {
        let (program, change) = self.at(number)?;
        let all = self.whole.get(program)?.0;
        Some(format!("{} killed before change {change} of {all}", PROGRAMS.get(program)?.name))
    }

    fn case(&mut self, context: &mut Context, number: u64, _: &mut Chance) -> Result<()> {
        let Some((at, change)) = self.at(number) else { return Ok(()) };
        let (Some(program), Some((_, whole))) = (PROGRAMS.get(at), self.whole.get(at)) else {
            return Ok(());
        };
        let guest = &mut context.guest;
        // A case that fails gets here no further, and the next one has another guest.
        if self.before.take() == Some(at) && program.undone {
            guest
                .run_within(&format!("set -e\n{}", program.before.join("\n")), SETTLES)?
                .required("back to the begin")?;
        } else {
            guest.load(&program.state())?;
        }
        let killed = format!("{KILLER} {change} {} >/dev/null 2>&1", program.line);
        let shown = state_after(guest, &killed, program)?;
        ensure!(shown == *whole, "it ended as\n{shown}\nand not as\n{whole}");
        self.before = Some(at);
        Ok(())
    }
}

/// Saves the state in which each case of a program begins, and lets it run to its end once.
fn count(guest: &mut Guest, program: &Program) -> Result<(u64, String)> {
    guest.load(UP)?;
    for line in program.before {
        guest.ok(line)?;
    }
    guest.ok("sync")?;
    guest.save(&program.state())?;
    // A run that is refused changes next to nothing, and its cases would prove nothing.
    let line = format!(
        "{KILLER} 0 {} >/dev/null 2>/root/counted || {{ cat /root/counted; exit 1; }}
         tail -n 1 /root/counted",
        program.line
    );
    let counted = guest.run_within(&line, SETTLES)?.required(program.line)?;
    let changes = counted.split_whitespace().next().map(str::parse);
    let changes = changes.with_context(|| format!("{counted:?}"))??;
    println!("{}: changes and system calls: {}", program.name, counted.trim());
    Ok((changes, state_after(guest, "true", program)?))
}

/// What a plain second run left after `first`. One script: each connection has to be emulated.
fn state_after(guest: &mut Guest, first: &str, program: &Program) -> Result<String> {
    let again = program.again.unwrap_or(program.line);
    let script = format!(
        "{first}\n{again} >/root/again 2>&1\ncode=$?
         [ $code = 0 ] || {{ echo \"the second run ends with $code\"; tail /root/again; exit 1; }}
         set -e\n{}",
        program.shows.join("\n")
    );
    guest.run_within(&script, SETTLES)?.required(again)
}
