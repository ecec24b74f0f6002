//! Taking a pool down: the reverse of its activation. Data, databases and the record stay.

use std::fmt;

use mvm_core::catalogue::teardown;
use mvm_core::holder::Holder;
use mvm_core::{Finding, Plan};
use serde::Serialize;

/// What stands on the pool and what the pool stands on.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Observed {
    /// Whether the pool's device is there.
    pub there: bool,
    /// Whether that name is another device's than a pool on the files of the configuration.
    pub foreign: bool,
    /// The thin devices on it, by their device-mapper names.
    pub devices: Vec<String>,
    /// Who uses one of them, or the pool itself.
    pub holders: Vec<Holder>,
    /// Units that run on the pool.
    pub units: Vec<String>,
    /// `GROUP/VOLUME`, for a pool that LVM takes down.
    pub volume: Option<String>,
    /// Loop devices with one of the pool's files behind them, such as `loop0`.
    pub loops: Vec<String>,
}

/// One thing to do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Step {
    /// Removes a device-mapper device; fails when somebody has it open.
    Remove {
        /// The device-mapper name.
        name: String,
    },
    /// Takes a logical volume's devices down; LVM fails when somebody has them open.
    Deactivate {
        /// `GROUP/VOLUME`
        volume: String,
    },
    /// Lets go of a loop device's file.
    Detach {
        /// Such as `loop0`.
        device: String,
    },
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Remove { name } => write!(f, "remove {name}"),
            Self::Deactivate { volume } => write!(f, "deactivate {volume}"),
            Self::Detach { device } => write!(f, "detach {device}"),
        }
    }
}

/// Decides what is to be taken down, in order. Nothing, when anybody uses anything of it.
pub fn plan(name: &str, observed: &Observed) -> Plan<Step> {
    let mut findings: Vec<Finding> = observed
        .holders
        .iter()
        .map(|holder| teardown::in_use(&holder.device, name, &holder.who))
        .collect();
    let unit = |unit: &String| teardown::unit_runs(unit, name);
    findings.extend(observed.units.iter().map(unit));
    if observed.foreign {
        let why = "the device of that name is not on the files or disks of the configuration";
        findings.push(teardown::not_removed(name, why));
    }
    let remove = |name: &str| Step::Remove { name: name.to_owned() };
    let mut steps: Vec<Step> = observed.devices.iter().map(|device| remove(device)).collect();
    steps.extend(observed.there.then(|| match &observed.volume {
        Some(volume) => Step::Deactivate { volume: volume.clone() },
        None => remove(name),
    }));
    // Those of mvmhost go by themselves with the pool; those of losetup stay.
    steps.extend(observed.loops.iter().map(|device| Step::Detach { device: device.clone() }));
    Plan::new(steps, findings)
}

/// The microVM whose VMM has this command line, as flintlockd starts them: Firecracker gets
/// `--id UID`, Cloud Hypervisor paths below `<state>/vm/<namespace>/<name>/<uid>/`.
pub fn microvm(command_line: &[u8]) -> Option<String> {
    let args: Vec<&str> =
        command_line.split(|byte| *byte == 0).map(str::from_utf8).map_while(Result::ok).collect();
    let in_path = args.iter().find_map(|word| {
        let (_, below) = word.split_once("/vm/")?;
        let mut parts = below.split('/');
        let (space, name, uid) = (parts.next()?, parts.next()?, parts.next()?);
        parts.next()?;
        Some(format!("{space}/{name} {uid}"))
    });
    in_path.or_else(|| {
        let id = args.iter().position(|word| *word == "--id")?;
        args.get(id + 1).map(|uid| (*uid).to_owned())
    })
}

#[cfg(test)]
mod tests {
    use mvm_core::holder::User;

    use super::*;

    fn idle() -> Observed {
        Observed {
            there: true,
            devices: vec!["p-snap-1".to_owned(), "p-snap-2".to_owned()],
            loops: vec!["loop3".to_owned()],
            ..Observed::default()
        }
    }

    #[test]
    fn an_idle_pool_goes_from_the_top_down() {
        let plan = plan("p", &idle());
        let lines: Vec<String> = plan.steps.iter().map(ToString::to_string).collect();
        assert_eq!(lines, ["remove p-snap-1", "remove p-snap-2", "remove p", "detach loop3"]);
        assert!(super::plan("p", &Observed::default()).steps.is_empty());
        let lvm = Observed { volume: Some("a/p".to_owned()), loops: Vec::new(), ..idle() };
        let lines: Vec<String> =
            super::plan("p", &lvm).steps.iter().map(ToString::to_string).collect();
        assert_eq!(lines, ["remove p-snap-1", "remove p-snap-2", "deactivate a/p"]);
    }

    #[test]
    fn whoever_uses_it_is_named_and_nothing_is_done() {
        let process = |microvm: Option<&str>| User::Process {
            pid: 42,
            comm: "firecracker".to_owned(),
            microvm: microvm.map(str::to_owned),
        };
        let who = [process(Some("ns/a 1")), process(None), User::Mount("/mnt".to_owned())];
        let expected =
            ["microVM ns/a 1 (firecracker, pid 42)", "firecracker (pid 42)", "the mount /mnt"];
        for (who, expected) in who.into_iter().zip(expected) {
            let holder = Holder { device: "p-snap-1".to_owned(), who };
            let plan = plan("p", &Observed { holders: vec![holder], ..idle() });
            assert!(plan.steps.is_empty());
            assert_eq!(
                plan.findings[0].message(),
                format!("p-snap-1 of pool p is in use by {expected}")
            );
        }
        let units = vec!["containerd-dev.service".to_owned()];
        let plan = plan("p", &Observed { units, ..idle() });
        assert_eq!((plan.findings[0].code(), plan.steps.len()), (teardown::unit_runs::ROW.code, 0));
        assert!(super::plan("p", &Observed { foreign: true, ..idle() }).is_refused());
    }

    #[test]
    fn a_vmm_is_known_by_its_command_line() {
        let firecracker = b"firecracker\0--id\0abc\0--config-file\0/var/lib/flintlock/vm/ns/a/abc/firecracker.cfg\0";
        assert_eq!(microvm(firecracker).as_deref(), Some("ns/a abc"));
        assert_eq!(microvm(b"firecracker\0--id\0abc\0").as_deref(), Some("abc"));
        assert_eq!(microvm(b"dd\0if=/dev/zero\0"), None);
        assert_eq!(microvm(b"\xff\0--id\0"), None);
    }
}
