//! The command line.

mod init;
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
    /// Take all files below this directory
    #[arg(long, global = true, value_name = "DIR", default_value = "/")]
    pub root: PathBuf,
    /// Print debug messages
    #[arg(short, long, global = true)]
    pub verbose: bool,
    /// Do not show how far pulling and importing images is
    #[arg(long, global = true)]
    pub no_progress: bool,
    /// Whether to use colors
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

/// The subcommands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Ask four questions, write a short /etc/mvmhost.toml, and show what apply would do
    Init(InitArguments),
    /// Show the host on one screen
    Status {
        /// Keep it on the terminal: the pool with its rate, microVMs with their console's last
        /// line, findings as they come and go
        #[arg(long)]
        watch: bool,
    },
    /// Show what apply would change; exit 2 when there is something
    Plan,
    /// Make the machine what the configuration says
    Apply(ApplyArguments),
    /// Keep an uplink that apply made a port of the bridge
    Confirm,
    /// Put an uplink back that apply made a port of the bridge; without one, go back to the files
    /// before the last apply, and apply them
    Undo(ApplyArguments),
    /// Take over the pool of a host that flintlock's provision.sh made, as it is
    Adopt {
        /// Show the configuration that it would write, and change nothing
        #[arg(long)]
        dry_run: bool,
        /// Only move aside the drop-ins and units that override what mvmhost sets
        #[arg(long)]
        drop_ins: bool,
    },
    /// List, pull, move, verify or prune the images of [images]
    #[command(subcommand)]
    Images(ImagesCommand),
    /// Show or take down the microVMs' network
    #[command(subcommand)]
    Net(NetCommand),
    /// Check whether this host, or flintlockd on another one, can serve microVMs; exit 1 when not
    Check(CheckArguments),
    /// List microVMs: state, VMM process, console, known problems
    Vms,
    /// Create, delete, look at or wait for microVMs by flintlockd's API
    #[command(subcommand)]
    Vm(VmCommand),
    /// Create a microVM, reach it, delete it, and show that nothing is left; exit 1 when not
    Smoke(SmokeArguments),
    /// Print this host as part of a MicrovmCluster of Cluster API, with a template that fits it
    Capmvm(CapmvmArguments),
    /// Print what inventories want to know, and what differs since the last apply, as JSON
    Facts,
    /// Recognise known failures in the journals and the microVMs' files
    Diagnose(DiagnoseArguments),
    /// Write what helpers need into a tarball, without tokens, keys and credentials
    Report {
        /// Output file; it must not exist
        #[arg(long, value_name = "FILE", default_value = "mvmhost-report.tar")]
        output: PathBuf,
    },
    /// Make, look at, grow, check, repair or take down the thin pool
    #[command(subcommand)]
    Pool(PoolCommand),
    /// Make, renew or show the certificates of flintlockd's API
    #[command(subcommand)]
    Tls(TlsCommand),
    /// Explain a code: its cause and what to do
    Explain {
        /// Such as MVM-POOL-012
        code: String,
    },
    /// Check, show or describe the configuration
    #[command(subcommand)]
    Config(ConfigCommand),
    /// Print the completions of a shell
    Completions {
        /// Which one
        shell: Shell,
    },
}

/// How apply does it.
#[derive(Debug, Args)]
pub struct ApplyArguments {
    /// Put an uplink back after this time, unless `mvmhost confirm` comes before
    #[arg(long, value_name = "SECONDS", default_value = "120", value_parser = seconds)]
    pub confirm_timeout: u64,
    /// Do not wait for the images, which mvm-images.service goes on fetching
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

/// The subcommands of images.
#[derive(Debug, Subcommand)]
pub enum ImagesCommand {
    /// List the images, and whether flintlock finds them
    List,
    /// Ask the registries for them, also for those that are complete; exit 1 when one is not
    Pull {
        /// As [images] names it; all unless told
        images: Vec<String>,
    },
    /// Import images from an OCI layout or a `docker save` archive; exit 1 when one is not complete
    Import {
        /// A tar archive that is not compressed
        file: PathBuf,
        /// Also images that [images] does not name yet: all of the archive, for this use
        #[arg(long = "as", value_enum, value_name = "ROLE")]
        role: Option<ImageRole>,
    },
    /// Write them to an OCI layout, for hosts without a registry
    Export {
        /// A file that is not there yet
        file: PathBuf,
        /// As [images] names it; all unless told
        images: Vec<String>,
    },
    /// Prove that each is complete, without asking a registry; exit 1 when one is not
    Verify,
    /// Remove those that mvmhost brought, [images] no longer names and no microVM uses
    Prune {
        /// Tell what would go, and change nothing
        #[arg(long)]
        dry_run: bool,
    },
}

/// What an image is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ImageRole {
    /// A root disk
    Root,
    /// A kernel
    Kernel,
}

/// The subcommands of net.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Subcommand)]
pub enum NetCommand {
    /// Show the interfaces, what is translated, who is served, and who is on it
    Status,
    /// List who has which address, and until when
    Leases,
    /// Take away what was made, when no microVM is on it; exit 73 when one is
    Down,
}

/// What check looks at.
#[derive(Debug, Args)]
pub struct CheckArguments {
    /// Also test for real: write to the thin pool, send packets as a microVM would, ask for an
    /// address, ask the registries
    #[arg(long, conflicts_with = "host")]
    pub deep: bool,
    /// Ask flintlockd on this host, from here and without root; port 9090 unless told. More than
    /// once for more hosts; @FILE reads them from a file, one a line
    #[arg(long, value_name = "ADDRESS[:PORT]|@FILE")]
    pub host: Vec<String>,
    /// With --host: speak TLS, and trust this CA or certificate in PEM
    #[arg(long, value_name = "FILE", requires = "host")]
    pub tls_ca: Option<PathBuf>,
    /// With --host: show this client certificate
    #[arg(long, value_name = "FILE", requires = "tls_key", requires = "tls_ca")]
    pub tls_cert: Option<PathBuf>,
    /// With --host: the key of the client certificate
    #[arg(long, value_name = "FILE", requires = "tls_cert")]
    pub tls_key: Option<PathBuf>,
    /// With --host: show the token in this file
    #[arg(long, value_name = "FILE", requires = "host")]
    pub token_file: Option<PathBuf>,
    /// With --deep: create, reach and delete a microVM as the last step, as mvmhost smoke does
    #[arg(long, requires = "deep")]
    pub smoke: bool,
}

/// What diagnose looks at.
#[derive(Debug, Args)]
pub struct DiagnoseArguments {
    /// Read the journals since then, as journalctl takes it, instead of since this boot
    #[arg(long, value_name = "TIME", allow_hyphen_values = true)]
    pub since: Option<String>,
    /// Only this microVM, and what concerns all of them
    #[arg(long, value_name = "NAMESPACE/NAME")]
    pub vm: Option<String>,
}

/// The subcommands of pool.
#[derive(Debug, Clone, PartialEq, Eq, Subcommand)]
pub enum PoolCommand {
    /// Make the pool on the disks of [thinpool.lvm]; exit 73 when one carries anything
    Create {
        /// Lose what is on them for ever: the token of the refusal, for exactly what it named
        #[arg(long, value_name = "TOKEN")]
        wipe: Option<String>,
    },
    /// Show how full the pool is, and what mvm-guard would do
    Status,
    /// Make the pool longer, by one step of [thinpool.guard] or up to a size
    Grow {
        /// Such as 200GiB; may be more than max-data-size, which binds only the guard
        #[arg(long, value_name = "SIZE")]
        to: Option<Bytes>,
    },
    /// Let flintlockd run on a pool without room for a time, so that microVMs can be deleted
    #[command(subcommand)]
    Brake(BrakeCommand),
    /// Read the metadata of a pool that is down, and change nothing
    Check,
    /// Repair the metadata of a pool that is down; refused, exit 73, when something is lost
    Repair {
        /// Try it on a copy, and leave nothing behind
        #[arg(long)]
        dry_run: bool,
        /// Go on without what is lost: the word that the refusal printed
        #[arg(long, value_name = "TOKEN", conflicts_with = "dry_run")]
        accept: Option<String>,
    },
    /// Take the pool's devices down when nobody uses them; its data stay
    Remove,
}

/// The subcommands of pool brake.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Subcommand)]
pub enum BrakeCommand {
    /// Start flintlockd, and do not stop it again before the time is over, or the next boot
    Off {
        /// How long: 1m to 2h
        #[arg(long = "for", value_name = "TIME", default_value = "30m", value_parser = pause)]
        time: u64,
    },
    /// End that time now
    On,
}

/// `30m` or `90s`, in seconds; not longer than anybody deletes microVMs.
fn pause(text: &str) -> Result<u64, String> {
    let seconds = parse_duration(text).map_err(|bad| bad.to_string())?.as_secs();
    let fits = (60..=mvm_core::brake::LONGEST_OFF.as_secs()).contains(&seconds);
    fits.then_some(seconds).ok_or_else(|| "not between 1m and 2h".to_owned())
}

/// The subcommands of config.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Subcommand)]
pub enum ConfigCommand {
    /// Name everything that is wrong with the files
    Check,
    /// Print the whole effective configuration
    Show,
    /// Print the JSON schema, for editors
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
        let mut tried = 0;
        for entry in catalogue::all() {
            let mut finding = Finding::chosen(entry, "subject");
            for name in Entry::placeholders(entry.message).chain(Entry::placeholders(entry.remedy))
            {
                finding = finding.with(name, if name == "command" { "plan" } else { "100GiB" });
            }
            for line in finding.remedy().lines() {
                let line = line.split(" #").next().unwrap_or_default().trim_end_matches(" &&");
                let words: Vec<&str> = line.split_whitespace().collect();
                if words.first() == Some(&"mvmhost") {
                    tried += 1;
                    let wrong = super::Cli::try_parse_from(&words).err();
                    let wrong =
                        wrong.filter(|one| one.kind() != clap::error::ErrorKind::DisplayHelp);
                    assert!(wrong.is_none(), "{}: {line}\n{}", entry.code, wrong.unwrap());
                }
            }
        }
        assert!(tried > 200);
    }

    #[test]
    fn the_command_line_is_consistent() {
        super::Cli::command().debug_assert();
    }
}
