//! The command line.

mod init;
#[cfg(test)]
mod manual;
mod tls;
mod vm;

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};
use clap_complete::Shell;
use mvm_config::quantities::{Bytes, parse_duration};

pub use init::InitArguments;
pub use tls::{TlsCommand, TlsInit, TlsRenew, TlsShow};
pub use vm::{
    CapmvmArguments, Condition, LogFile, SmokeArguments, VmCommand, VmCreate, VmDelete, VmLogs,
    VmWait,
};

/// Turn this machine into a host for flintlock microVMs, from /etc/mvmhost.toml
#[derive(Debug, Parser)]
#[command(name = "mvmhost", version, max_term_width = 96)]
pub struct Cli {
    /// Print one JSON document instead of text
    #[arg(long, global = true)]
    pub json: bool,
    /// Read this file instead of /etc/mvmhost.toml and its fragments
    #[arg(long, global = true, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Look for all files of the host below this directory
    #[arg(long, global = true, value_name = "DIR", default_value = "/")]
    pub root: PathBuf,
    /// Print debug messages
    #[arg(short, long, global = true)]
    pub verbose: bool,
    /// Do not show the progress of pulls and imports
    #[arg(long, global = true)]
    pub no_progress: bool,
    /// When to use colors
    #[arg(long, global = true, value_enum, value_name = "WHEN", default_value = "auto")]
    pub color: When,
    /// What to do
    #[command(subcommand)]
    pub command: Command,
}

/// When to use colors.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum When {
    /// On a terminal
    Auto,
    /// Always
    Always,
    /// Never
    Never,
}

/// One for each subcommand, in the order in which the help lists them.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Ask four questions, write a short /etc/mvmhost.toml, and show what apply would change
    Init(InitArguments),
    /// Show the host on one screen
    Status {
        /// Stay on the terminal and update: how fast the pool fills, microVMs with the last line of
        /// their consoles, findings as they come and go
        #[arg(long)]
        watch: bool,
    },
    /// Show what apply would change; exit 2 when there is something
    Plan,
    /// Change this machine to match the configuration
    Apply(ApplyArguments),
    /// Keep the uplink that apply made a port of the bridge
    Confirm,
    /// Undo the uplink that apply made a port of the bridge; without one, go back to the files
    /// before the last apply, and apply them
    Undo(ApplyArguments),
    /// Take over the pool of a host that flintlock's provision.sh made, without changing it
    Adopt {
        /// Show the configuration that would be written, and change nothing
        #[arg(long)]
        dry_run: bool,
        /// Only rename the drop-ins and units that override what mvmhost sets
        #[arg(long)]
        drop_ins: bool,
    },
    /// List, pull, import, export, verify or prune the images of [images]
    #[command(subcommand)]
    Images(ImagesCommand),
    /// Show or take down the microVMs' network
    #[command(subcommand)]
    Net(NetCommand),
    /// Check whether this host, or flintlockd on another one, can serve microVMs; exit 1 when not
    Check(CheckArguments),
    /// List microVMs: state, VMM process, console, known problems
    Vms,
    /// Create, delete, show or wait for microVMs through flintlockd's API
    #[command(subcommand)]
    Vm(VmCommand),
    /// Create a microVM, reach it, delete it, and check that nothing is left; exit 1 when not
    Smoke(SmokeArguments),
    /// Print this host as part of a MicrovmCluster of Cluster API, with a matching template
    Capmvm(CapmvmArguments),
    /// Print versions, configuration and drift since the last apply as JSON, for inventories
    Facts,
    /// Find known failures in the journals and in the files of the microVMs
    Diagnose(DiagnoseArguments),
    /// Write an archive for support, without tokens, keys and credentials
    Report {
        /// The file to write; it must not exist
        #[arg(long, value_name = "FILE", default_value = "mvmhost-report.tar")]
        output: PathBuf,
    },
    /// Create, show, grow, check, repair or deactivate the thin pool
    #[command(subcommand)]
    Pool(PoolCommand),
    /// Create, renew or show the certificates of flintlockd's API
    #[command(subcommand)]
    Tls(TlsCommand),
    /// Explain a code: its cause and its remedy
    Explain {
        /// A code such as MVM-POOL-012
        code: String,
    },
    /// Check, show or describe the configuration
    #[command(subcommand)]
    Config(ConfigCommand),
    /// Print the completion script of a shell
    Completions {
        /// The shell
        shell: Shell,
    },
}

/// Of `mvmhost apply`, and of `mvmhost undo`, which applies the files from before.
#[derive(Debug, Args)]
pub struct ApplyArguments {
    /// Undo the change of an uplink after this time, unless you type `mvmhost confirm` before
    #[arg(long, value_name = "SECONDS", default_value = "120", value_parser = seconds)]
    pub confirm_timeout: u64,
    /// Do not wait for the images; mvm-images.service continues to pull them
    #[arg(long)]
    pub no_wait: bool,
}

/// Below, nobody could type `mvmhost confirm`; above, a host that is cut off stays so.
const TRIAL: std::ops::RangeInclusive<u64> = 5..=3600;

/// `120`, or as the file spells durations: `120s`, `2m`.
fn seconds(text: &str) -> Result<u64, String> {
    let plain = text.parse().ok();
    let spelt = || parse_duration(text).map(|time| time.as_secs()).map_err(|bad| bad.to_string());
    let seconds = plain.map_or_else(spelt, Ok)?;
    let (least, most) = (TRIAL.start(), TRIAL.end());
    let fits = TRIAL.contains(&seconds).then_some(seconds);
    fits.ok_or_else(|| format!("not between {least} and {most} seconds"))
}

/// Of `mvmhost images`; names of images are those in `[images]`.
#[derive(Debug, Subcommand)]
pub enum ImagesCommand {
    /// List the images, and whether they are complete
    List,
    /// Ask the registries for the images, also for complete ones; exit 1 when one is missing
    Pull {
        /// Names as in [images]; default: all
        images: Vec<String>,
    },
    /// Import images from an OCI layout or a `docker save` archive; exit 1 when one is not complete
    Import {
        /// A tar archive without compression
        file: PathBuf,
        /// Import every image of the archive for this use, also those that [images] does not name
        #[arg(long = "as", value_enum, value_name = "ROLE")]
        role: Option<ImageRole>,
    },
    /// Write images into an archive (OCI layout), for hosts without a registry
    Export {
        /// The file to write; it must not exist
        file: PathBuf,
        /// Names as in [images]; default: all
        images: Vec<String>,
    },
    /// Check that each image is complete, without a registry; exit 1 when one is not
    Verify,
    /// Remove images that mvmhost pulled, [images] no longer names and no microVM uses
    Prune {
        /// Show what would be removed, and change nothing
        #[arg(long)]
        dry_run: bool,
    },
}

/// The list of `[images]` for which `mvmhost images import --as` takes an image.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ImageRole {
    /// A root disk
    Root,
    /// A kernel
    Kernel,
}

/// Of `mvmhost net`; only `Down` changes something.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Subcommand)]
pub enum NetCommand {
    /// Show interfaces, address translation, DHCP, and the microVMs on the network
    Status,
    /// List the DHCP leases: address, MAC address, name, time left
    Leases,
    /// Remove the network that mvmhost made; exit 73 while a microVM uses it
    Down,
}

/// Of `mvmhost check`, which checks this host where no `--host` is named.
#[derive(Debug, Args)]
pub struct CheckArguments {
    /// Also test for real: write to the thin pool, send packets as a microVM does, ask for a
    /// lease, ask the registries
    #[arg(long, conflicts_with = "host")]
    pub deep: bool,
    /// Ask flintlockd on this host over the network, without root; the default port is 9090. Repeat
    /// it for more hosts; @FILE reads them from a file, one per line
    #[arg(long, value_name = "ADDRESS[:PORT]|@FILE")]
    pub host: Vec<String>,
    /// With --host: use TLS, and trust this authority or certificate (PEM)
    #[arg(long, value_name = "FILE", requires = "host")]
    pub tls_ca: Option<PathBuf>,
    /// With --host: the client certificate (PEM)
    #[arg(long, value_name = "FILE", requires = "tls_key", requires = "tls_ca")]
    pub tls_cert: Option<PathBuf>,
    /// With --host: the key of the client certificate (PEM)
    #[arg(long, value_name = "FILE", requires = "tls_cert")]
    pub tls_key: Option<PathBuf>,
    /// With --host: send the token in this file
    #[arg(long, value_name = "FILE", requires = "host")]
    pub token_file: Option<PathBuf>,
    /// With --deep: create, reach and delete a microVM as the last step, as mvmhost smoke does
    #[arg(long, requires = "deep")]
    pub smoke: bool,
}

/// Of `mvmhost diagnose`; by default all microVMs since the boot.
#[derive(Debug, Args)]
pub struct DiagnoseArguments {
    /// Read the journals since this time, in journalctl's format, not since the boot
    #[arg(long, value_name = "TIME", allow_hyphen_values = true)]
    pub since: Option<String>,
    /// Only this microVM, and what affects all microVMs
    #[arg(long, value_name = "NAMESPACE/NAME")]
    pub vm: Option<String>,
}

/// Of `mvmhost pool`; `Status` and `Check` change nothing.
#[derive(Debug, Clone, PartialEq, Eq, Subcommand)]
pub enum PoolCommand {
    /// Create the pool on the disks of [thinpool.lvm]; exit 73 when a disk is not empty
    Create {
        /// Delete for ever what is on the disks: the token that the refusal printed
        #[arg(long, value_name = "TOKEN")]
        wipe: Option<String>,
    },
    /// Show how full the pool is, and what mvm-guard does about it
    Status,
    /// Grow the pool by one step of [thinpool.guard], or to a size
    Grow {
        /// The new size, such as 200GiB; it may exceed max-data-size, which limits only mvm-guard
        #[arg(long, value_name = "SIZE")]
        to: Option<Bytes>,
    },
    /// Let flintlockd run on a full pool for some time, to delete microVMs
    #[command(subcommand)]
    Brake(BrakeCommand),
    /// Check the metadata of an inactive pool, and change nothing
    Check,
    /// Repair the metadata of an inactive pool; exit 73 when data would be lost
    Repair {
        /// Try the repair on a copy, and change nothing
        #[arg(long)]
        dry_run: bool,
        /// Repair and lose what the refusal named: the token that it printed
        #[arg(long, value_name = "TOKEN", conflicts_with = "dry_run")]
        accept: Option<String>,
    },
    /// Deactivate the pool when nothing uses it; its data stay
    Remove,
}

/// Of `mvmhost pool brake`, which is about the brake that mvm-guard sets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Subcommand)]
pub enum BrakeCommand {
    /// Start flintlockd, and let it run until the time ends or the host reboots
    Off {
        /// How long, 1m to 2h
        #[arg(long = "for", value_name = "TIME", default_value = "30m", value_parser = pause)]
        time: u64,
    },
    /// End this time now
    On,
}

/// `30m` or `90s`, in seconds; not longer than anybody deletes microVMs.
fn pause(text: &str) -> Result<u64, String> {
    let seconds = parse_duration(text).map_err(|bad| bad.to_string())?.as_secs();
    let fits = (60..=mvm_core::brake::LONGEST_OFF.as_secs()).contains(&seconds);
    fits.then_some(seconds).ok_or_else(|| "not between 1m and 2h".to_owned())
}

/// Of `mvmhost config`; none of them changes a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Subcommand)]
pub enum ConfigCommand {
    /// Report every error in the files
    Check,
    /// Print the whole effective configuration
    Show,
    /// Print the JSON Schema, for editors
    Schema,
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    #[test]
    fn a_trial_is_neither_a_moment_nor_a_day() {
        for (text, seconds) in [("10", 10), ("120s", 120), ("2m", 120), ("1h", 3600)] {
            assert_eq!(super::seconds(text), Ok(seconds));
        }
        for text in ["", "0", "4s", "2h", "3601", "-1", "soon", "18446744073709551616"] {
            assert!(super::seconds(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_brake_is_off_for_minutes() {
        for (text, seconds) in [("1m", 60), ("30m", 1800), ("90s", 90), ("2h", 7200)] {
            assert_eq!(super::pause(text), Ok(seconds));
        }
        for text in ["", "0s", "59s", "3h", "30", "-1m", "for ever"] {
            assert!(super::pause(text).is_err(), "{text}");
        }
    }

    /// What a remedy names is typed as it is printed.
    #[test]
    fn every_mvmhost_line_of_a_remedy_parses() {
        use clap::Parser;
        use mvm_core::{Entry, Finding, catalogue};
        let mut count = 0;
        for entry in catalogue::all() {
            let mut finding = Finding::chosen(entry, "subject");
            for name in Entry::placeholders(entry.message).chain(Entry::placeholders(entry.remedy))
            {
                finding = finding.with(name, if name == "command" { "plan" } else { "100GiB" });
            }
            for line in finding.remedy().lines() {
                let line = line.split(" #").next().unwrap_or_default().trim_end_matches(" &&");
                let arguments: Vec<&str> = line.split_whitespace().collect();
                if arguments.first() == Some(&"mvmhost") {
                    count += 1;
                    let wrong = super::Cli::try_parse_from(&arguments).err();
                    let wrong =
                        wrong.filter(|one| one.kind() != clap::error::ErrorKind::DisplayHelp);
                    assert!(wrong.is_none(), "{}: {line}\n{}", entry.code, wrong.unwrap());
                }
            }
        }
        assert!(count > 200);
    }

    #[test]
    fn the_command_line_is_consistent() {
        super::Cli::command().debug_assert();
    }
}
