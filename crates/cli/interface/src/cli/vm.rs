//! `mvmhost vm` and `mvmhost smoke`.

use std::net::IpAddr;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Subcommand, ValueEnum};
use ipnet::IpNet;
use mvm_config::names::MacAddr;
use mvm_config::quantities::parse_duration;

use super::tls::kubernetes;

/// The subcommands of vm. A microVM is NAME, NAMESPACE/NAME, or its UID.
#[derive(Debug, Subcommand)]
pub enum VmCommand {
    /// Create a microVM; what you leave out comes from the configuration
    Create(Box<VmCreate>),
    /// Delete microVMs and wait until they are gone
    Delete(VmDelete),
    /// Show the guest's console or the logs of the VMM
    Logs(VmLogs),
    /// Follow the guest's console until Ctrl-C; it takes no input
    Console {
        /// The microVM
        microvm: String,
    },
    /// Wait for a microVM
    Wait(VmWait),
}

/// Of `mvmhost vm create`: options win over `--spec`, and that over the configuration.
#[derive(Debug, Args)]
pub struct VmCreate {
    /// Its name; optional when the specification has one
    #[arg(required_unless_present = "spec", default_value = "", hide_default_value = true)]
    pub name: String,
    /// Its namespace
    #[arg(short, long, value_name = "NAME", default_value = "", hide_default_value = true)]
    pub namespace: String,
    /// A specification in JSON, as for CreateMicroVM; other options win over it
    #[arg(long, value_name = "FILE")]
    pub spec: Option<PathBuf>,
    /// Virtual CPUs, 1 to 64
    #[arg(long, value_name = "COUNT")]
    pub vcpu: Option<i32>,
    /// Memory in MiB, 1024 to 32768
    #[arg(long, value_name = "MIB")]
    pub memory: Option<i32>,
    /// The image of the root disk; default: the first root of [images]
    #[arg(long, value_name = "IMAGE")]
    pub root_image: Option<String>,
    /// The image of the kernel; default: the first kernel of [images]
    #[arg(long, value_name = "IMAGE")]
    pub kernel_image: Option<String>,
    /// The kernel's file in its image, such as boot/vmlinux
    #[arg(long, value_name = "PATH")]
    pub kernel_file: Option<String>,
    /// One more disk, such as modules=IMAGE:/lib/modules/5.10.77
    #[arg(long = "volume", value_name = "ID=IMAGE[:MOUNT]")]
    pub volumes: Vec<String>,
    /// The VMM: firecracker or cloudhypervisor; default: that of flintlockd
    #[arg(long, value_name = "NAME")]
    pub provider: Option<String>,
    /// A bridge; default: that of flintlockd
    #[arg(long, value_name = "NAME")]
    pub bridge: Option<String>,
    /// Use a macvtap on a host that serves taps too; the VMM is then Cloud Hypervisor by default
    #[arg(long, conflicts_with = "bridge")]
    pub macvtap: bool,
    /// The MAC address; default: made from host, namespace and name
    #[arg(long, value_name = "ADDRESS")]
    pub mac: Option<MacAddr>,
    /// A fixed address such as 10.42.0.7/24, instead of DHCP
    #[arg(long, value_name = "ADDRESS/BITS")]
    pub address: Option<IpNet>,
    /// A file that cloud-init in the guest gets as user-data
    #[arg(long, value_name = "FILE", conflicts_with = "ssh_key")]
    pub user_data: Option<PathBuf>,
    /// A file with a public key that may log in as root
    #[arg(long, value_name = "FILE")]
    pub ssh_key: Option<PathBuf>,
    /// Print the specification, and create nothing
    #[arg(long, conflicts_with = "wait_for")]
    pub dry_run: bool,
    /// Wait until the microVM is in this state
    #[arg(long = "wait", value_name = "WHAT", value_enum)]
    pub wait_for: Option<Condition>,
    /// How long to wait
    #[arg(long, value_name = "TIME", default_value = "5m", value_parser = time)]
    pub timeout: Duration,
}

/// What a microVM can be waited for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Condition {
    /// flintlockd created it, and its VMM runs
    Created,
    /// The guest has an address
    Address,
    /// The guest answers a ping
    Reachable,
    /// flintlockd no longer lists it
    Deleted,
}

/// Of `mvmhost vm delete`, which waits at most 2 min for each by default.
#[derive(Debug, Args)]
pub struct VmDelete {
    /// The microVMs
    #[arg(required = true)]
    pub microvms: Vec<String>,
    /// Do not wait until they are deleted
    #[arg(long)]
    pub no_wait: bool,
    /// How long to wait for each
    #[arg(long, value_name = "TIME", default_value = "2m", value_parser = time)]
    pub timeout: Duration,
}

/// Of `mvmhost vm logs`: by default the last 100 lines of the console.
#[derive(Debug, Args)]
pub struct VmLogs {
    /// The microVM
    pub microvm: String,
    /// The file
    #[arg(long, value_enum, default_value = "console")]
    pub file: LogFile,
    /// How many lines from the end
    #[arg(short = 'n', long, value_name = "COUNT", default_value = "100")]
    pub lines: usize,
    /// Follow the file until Ctrl-C
    #[arg(short, long)]
    pub follow: bool,
}

/// The files of a VMM.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum LogFile {
    /// The guest's console, which is the VMM's standard output
    Console,
    /// The VMM's standard error
    Stderr,
    /// The VMM's log
    Vmm,
}

/// Of `mvmhost vm wait`: by default for `created`, at most 5 min.
#[derive(Debug, Args)]
pub struct VmWait {
    /// The microVM
    pub microvm: String,
    /// The state to wait for
    #[arg(long = "for", value_name = "WHAT", value_enum, default_value = "created")]
    pub condition: Condition,
    /// How long to wait
    #[arg(long, value_name = "TIME", default_value = "5m", value_parser = time)]
    pub timeout: Duration,
}

/// Of `mvmhost smoke`: what its one microVM boots, and how long it may take.
#[derive(Debug, Args)]
pub struct SmokeArguments {
    /// The image of the root disk; default: the first root of [images]
    #[arg(long, value_name = "IMAGE")]
    pub root_image: Option<String>,
    /// The image of the kernel; default: the first kernel of [images]
    #[arg(long, value_name = "IMAGE")]
    pub kernel_image: Option<String>,
    /// The kernel's file in its image
    #[arg(long, value_name = "PATH")]
    pub kernel_file: Option<String>,
    /// How long to wait for an answer of the guest
    #[arg(long, value_name = "TIME", default_value = "5m", value_parser = time)]
    pub timeout: Duration,
}

/// What of Cluster API is printed.
#[derive(Debug, Args)]
pub struct CapmvmArguments {
    /// The name of the cluster
    #[arg(long, value_name = "NAME", default_value = "microvms", value_parser = kubernetes)]
    pub name: String,
    /// Its namespace
    #[arg(long, value_name = "NAME", default_value = "default", value_parser = kubernetes)]
    pub namespace: String,
    /// The address at which the cluster reaches this host
    #[arg(long, value_name = "ADDRESS")]
    pub address: Option<IpAddr>,
    /// The address of the control plane, outside the DHCP range
    #[arg(long, value_name = "ADDRESS")]
    pub vip: Option<IpAddr>,
    /// Also print the Secrets: authority, certificate, key and token
    #[arg(long)]
    pub secrets: bool,
}

fn time(text: &str) -> Result<Duration, String> {
    parse_duration(text).map_err(|bad| bad.to_string())
}
