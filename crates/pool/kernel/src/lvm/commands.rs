//! THE file that runs LVM's commands.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use mvm_core::exec::{self, Execute, Exit, Limits};
use mvm_core::{Roots, notify};
use mvm_pool_plan::lvm::{
    CHUNK, GROUP, Group, Layout, PHYSICAL, Physical, ReportError, TAG, VOLUME, Volume, groups,
    physicals, volumes,
};

use crate::Error;

/// A report reads the labels of all disks; one that hangs is not waited for.
const REPORT_LIMIT: Duration = Duration::from_secs(60);
/// Writing labels and metadata takes as many flushes of the disks.
const CHANGE_LIMIT: Duration = Duration::from_secs(120);
/// How often systemd hears that an activation, with its thin_check, is still running.
const NEWS: Duration = Duration::from_secs(10);
/// What the start may take from each of these on.
const EXTENSION: Duration = Duration::from_secs(60);
/// While this is not there LVM uses every disk. mvmhost never makes it: LVM would from then on
/// hide all disks that are not in it.
const DEVICES_FILE: &str = "/etc/lvm/devices/system.devices";

/// LVM's commands on this machine.
pub struct Lvm<'a> {
    programs: &'a dyn Execute,
    program: PathBuf,
    devices_file: bool,
}

impl<'a> Lvm<'a> {
    /// `None` where lvm2 is not installed.
    pub fn find(roots: &Roots, programs: &'a dyn Execute) -> Option<Self> {
        let program = exec::find(roots, "lvm")?;
        Some(Self { programs, program, devices_file: roots.at(DEVICES_FILE).exists() })
    }

    /// The volume groups of this name.
    ///
    /// # Errors
    /// When LVM fails or says something else than a report.
    pub fn groups(&self, name: &str) -> Result<Vec<Group>, Error> {
        self.report("vgs", &["--options", GROUP], &of_group(name), groups)
    }

    /// What is in the volume groups of this name, LVM's own volumes too.
    ///
    /// # Errors
    /// As [`Self::groups`].
    pub fn volumes(&self, group: &str) -> Result<Vec<Volume>, Error> {
        self.report("lvs", &["--all", "--options", VOLUME], &of_group(group), volumes)
    }

    /// The physical volume of this identity, where there is one.
    ///
    /// # Errors
    /// As [`Self::groups`].
    pub fn physical(&self, uuid: &str) -> Result<Option<Physical>, Error> {
        let select = format!("pv_uuid=\"{uuid}\"");
        let found = self.report("pvs", &["--options", PHYSICAL], &select, physicals)?;
        Ok(found.into_iter().next())
    }

    /// Activates a volume, which checks a thin pool's metadata, and has dmeventd watch it. However
    /// long the check takes, systemd is told that it goes on.
    ///
    /// # Errors
    /// When LVM refuses.
    pub fn activate(&self, volume: &str) -> Result<(), Error> {
        notify::extend_timeout(EXTENSION);
        let mut extend = || notify::extend_timeout(EXTENSION);
        let limits = Limits { every: Some((NEWS, &mut extend)), ..Limits::default() };
        self.run("lvchange", &["--activate", "y", "--monitor", "y", volume], limits).map(drop)
    }

    /// Activates the volume with a pool's metadata while the pool is not active: LVM lets it be read
    /// and not written.
    ///
    /// # Errors
    /// When LVM refuses.
    pub fn activate_part(&self, volume: &str) -> Result<(), Error> {
        self.change("lvchange", &["--yes", "--activate", "y", volume])
    }

    /// Attaches a profile to a pool and has dmeventd watch it.
    ///
    /// # Errors
    /// When LVM refuses.
    pub fn attach(&self, volume: &str, profile: &str) -> Result<(), Error> {
        self.change("lvchange", &["--metadataprofile", profile, volume])?;
        // dmeventd reads the profile when it begins to watch.
        self.change("lvchange", &["--monitor", "n", volume])?;
        self.change("lvchange", &["--monitor", "y", volume])
    }

    /// Takes a volume's devices down; fails while somebody has it open.
    ///
    /// # Errors
    /// When LVM refuses.
    pub fn deactivate(&self, volume: &str) -> Result<(), Error> {
        self.change("lvchange", &["--activate", "n", volume])
    }

    /// Makes a disk with nothing on it a physical volume of this identity. LVM looks for signatures
    /// too, and nothing answers its question whether to wipe one.
    ///
    /// # Errors
    /// When LVM refuses.
    pub fn label(&self, device: &str, uuid: &str) -> Result<(), Error> {
        self.change("pvcreate", &["--uuid", uuid, "--norestorefile", device])
    }

    /// Makes a volume group of physical volumes, with our tag and this one.
    ///
    /// # Errors
    /// When LVM refuses.
    pub fn create_group(&self, group: &str, mark: &str, devices: &[String]) -> Result<(), Error> {
        let mut args = vec!["--addtag", TAG, "--addtag", mark, group];
        args.extend(devices.iter().map(String::as_str));
        self.change("vgcreate", &args)
    }

    /// Gives a volume group one more tag.
    ///
    /// # Errors
    /// When LVM refuses.
    pub fn mark(&self, group: &str, mark: &str) -> Result<(), Error> {
        self.change("vgchange", &["--addtag", mark, group])
    }

    /// Makes a volume so many bytes long, rounded up to whole extents.
    ///
    /// # Errors
    /// When LVM refuses.
    pub fn extend(&self, volume: &str, size: u64) -> Result<(), Error> {
        self.change("lvextend", &["--size", &format!("{size}b"), volume])
    }

    /// Gives the kernel the tables that are on record. A killed lvextend may have left one that is
    /// longer than what is under it: the first try fails on that, and the kernel drops it (seen with
    /// LVM 2.03.31 on Linux 6.12).
    ///
    /// # Errors
    /// When LVM refuses twice.
    pub fn refresh(&self, volume: &str) -> Result<(), Error> {
        let refresh = || self.change("lvchange", &["--refresh", volume]);
        refresh().or_else(|error| {
            log::debug!("{error}");
            refresh()
        })
    }

    /// Removes a volume; fails while somebody has it open.
    ///
    /// # Errors
    /// When LVM refuses.
    pub fn remove(&self, volume: &str) -> Result<(), Error> {
        self.change("lvremove", &["--yes", volume])
    }

    /// Makes a volume of so many bytes, active. What is in its extents stays.
    ///
    /// # Errors
    /// When LVM refuses.
    pub fn create(&self, volume: &str, size: u64) -> Result<(), Error> {
        let size = format!("{size}b");
        // Either would ask about what it finds in the extents.
        let how = ["--wipesignatures", "n", "--zero", "n"];
        let args = [&["--name", volume, "--size", &size][..], &how].concat();
        self.change("lvcreate", &args)
    }

    /// Makes a volume the metadata of a pool that is not active; what was the metadata is that volume
    /// then.
    ///
    /// # Errors
    /// When LVM refuses.
    pub fn swap_metadata(&self, pool: &str, volume: &str) -> Result<(), Error> {
        self.change("lvconvert", &["--yes", "--thinpool", pool, "--poolmetadata", volume])
    }

    /// Makes a thin pool in a volume group, active and watched.
    ///
    /// # Errors
    /// When LVM refuses.
    pub fn create_pool(
        &self,
        group: &str,
        (volume, mark): (&str, &str),
        profile: &str,
        layout: &Layout,
        extent_size: u64,
    ) -> Result<(), Error> {
        let data = layout.data.to_string();
        let metadata = format!("{}b", layout.metadata.saturating_mul(extent_size));
        let chunk = format!("{CHUNK}b");
        let volume_options = ["--type", "thin-pool", "--name", volume, "--addtag", mark];
        let sizes = ["--extents", &data, "--poolmetadatasize", &metadata, "--chunksize", &chunk];
        // Blocks are zeroed: what a deleted microVM wrote must not be readable by the next one.
        let behaviour = ["--zero", "y", "--poolmetadataspare", "y", "--monitor", "y"];
        let args: Vec<&str> =
            [&volume_options[..], &sizes, &behaviour, &["--metadataprofile", profile, group]]
                .concat();
        self.change("lvcreate", &args)
    }

    fn report<T>(
        &self,
        command: &str,
        options: &[&str],
        select: &str,
        read: fn(&str) -> Result<T, ReportError>,
    ) -> Result<T, Error> {
        let form = ["--reportformat", "json", "--units", "b", "--nosuffix", "--select", select];
        let args = [&form[..], options].concat();
        let exit = self.run(command, &args, Limits::timeout(REPORT_LIMIT))?;
        let odd = |why| Error::Report { command: command.to_owned(), why };
        if exit.stdout_truncated {
            return Err(odd("it is too long".to_owned()));
        }
        read(&exit.stdout).map_err(|error| odd(error.why))
    }

    fn change(&self, command: &str, args: &[&str]) -> Result<(), Error> {
        self.run(command, args, Limits::timeout(CHANGE_LIMIT)).map(drop)
    }

    fn run(&self, command: &str, args: &[&str], mut limits: Limits<'_>) -> Result<Exit, Error> {
        let mut all = vec![command];
        if !self.devices_file {
            all.extend(["--devicesfile", ""]);
        }
        all.extend(args);
        succeed(self.programs, &self.program, command, &all, &mut limits)
    }
}

fn of_group(name: &str) -> String {
    format!("vg_name=\"{name}\"")
}

/// Runs a program that has to succeed; `command` is what messages call it.
///
/// # Errors
/// [`Error::Command`] and [`Error::CommandFailed`]
pub(super) fn succeed(
    programs: &dyn Execute,
    program: &Path,
    command: &str,
    args: &[&str],
    limits: &mut Limits<'_>,
) -> Result<Exit, Error> {
    let args: Vec<&OsStr> = args.iter().map(OsStr::new).collect();
    let exit = programs
        .run(program, &args, limits)
        .map_err(|source| Error::Command { command: command.to_owned(), source })?;
    if exit.success() {
        return Ok(exit);
    }
    let end = match (exit.code, exit.signal) {
        (Some(code), _) => format!("exit code {code}"),
        (None, signal) => format!("signal {}", signal.unwrap_or_default()),
    };
    let output = if exit.stderr.trim().is_empty() { &exit.stdout } else { &exit.stderr };
    let output = output.split_whitespace().collect::<Vec<_>>().join(" ");
    Err(Error::CommandFailed { command: command.to_owned(), outcome: format!("{end}: {output}") })
}
