//! What can go wrong, one variant for each operation; the cause is the `source`.

use std::io;
use std::path::PathBuf;

/// An operation on the network that failed. The cause is in `source()` and not repeated here.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The event loop that the netlink socket needs could not be made.
    #[error("cannot start an event loop")]
    Runtime(#[source] io::Error),
    /// The netlink socket could not be opened.
    #[error("cannot open a netlink socket")]
    Connect(#[source] io::Error),
    /// A network namespace could not be made.
    #[error("cannot make a network namespace")]
    Namespace(#[source] io::Error),
    /// Nobody could be asked for an address.
    #[error("cannot ask for an address")]
    Ask(#[source] io::Error),
    /// A test packet could not be sent or looked for.
    #[error("cannot send a test packet")]
    Packet(#[source] io::Error),
    /// Interfaces, addresses or routes could not be listed.
    #[error("cannot list {objects}")]
    List {
        /// `interfaces`, `addresses` or `routes`.
        objects: &'static str,
        /// The kernel's answer.
        #[source]
        source: Answer,
    },
    /// A step was refused.
    #[error("cannot {step}")]
    Step {
        /// What was tried, in words that follow "cannot".
        step: String,
        /// The kernel's answer.
        #[source]
        source: Answer,
    },
    /// nftables did not tell.
    #[error("cannot list what nftables have")]
    Rules {
        /// The kernel's answer.
        #[source]
        source: io::Error,
    },
    /// nftables did not take a transaction.
    #[error("nftables refuse the change")]
    Transaction {
        /// The kernel's answer.
        #[source]
        source: io::Error,
    },
    /// The interface of a step is not there (any more).
    #[error("cannot {step}: no such interface")]
    Gone {
        /// What was tried, in words that follow "cannot".
        step: String,
    },
    /// A file or folder could not be read.
    #[error("cannot read {}", path.display())]
    Look {
        /// The file or folder.
        path: PathBuf,
        /// The kernel's answer; that there is no such file is no error.
        #[source]
        source: io::Error,
    },
    /// A switch or a file in /run could not be changed.
    #[error("cannot change {}", path.display())]
    Set {
        /// Below /proc/sys for a switch, else below /run.
        path: PathBuf,
        /// The kernel's answer.
        #[source]
        source: io::Error,
    },
    /// What was loaded or made could not be kept in /run.
    #[error("cannot keep what was done")]
    Keep {
        /// Which file, and the kernel's answer.
        #[source]
        source: mvm_core::Error,
    },
    /// Another daemon, or the bus between, did not do what was asked.
    #[error("cannot {request}")]
    Bus {
        /// What was asked.
        request: &'static str,
        /// Boxed, because it is large.
        #[source]
        source: Box<zbus::Error>,
    },
    /// A program is in none of the folders where it is looked for.
    #[error("{name} is not installed")]
    NotInstalled {
        /// Such as `tailscale` or `iptables-nft`.
        name: &'static str,
    },
    /// A program's answer is not what it documents.
    #[error("{name} gave an answer that cannot be read")]
    Unclear {
        /// Such as `tailscale`.
        name: &'static str,
    },
    /// A program's answer is longer than what is read of one.
    #[error("{name} lists too many rules")]
    TooMuch {
        /// Such as `nft` or `iptables-nft-save`.
        name: &'static str,
    },
    /// A program could not be run to its end.
    #[error("cannot let a program do its work")]
    Run {
        /// That it could not be started, or took too long.
        #[source]
        source: mvm_core::Error,
    },
    /// A program did not end with exit code 0.
    #[error("{name} said: {stderr}")]
    Refused {
        /// Such as `tailscale` or `iptables-nft`.
        name: &'static str,
        /// The end of its standard error.
        stderr: String,
    },
}

/// The kernel's answer to a netlink request. rtnetlink's own error prints the request's bytes; the
/// number is what says why.
#[derive(Debug, thiserror::Error)]
pub enum Answer {
    /// An error number, as errno(3) has it.
    #[error(transparent)]
    Errno(io::Error),
    /// No answer that could be understood.
    #[error("{0}")]
    Protocol(String),
}

impl Answer {
    /// The error number, e.g. 17 for EEXIST.
    pub fn errno(&self) -> Option<i32> {
        match self {
            Self::Errno(error) => error.raw_os_error(),
            Self::Protocol(_) => None,
        }
    }
}

impl From<rtnetlink::Error> for Answer {
    fn from(error: rtnetlink::Error) -> Self {
        match error {
            // The kernel's code is negative; 0 would be an acknowledgement.
            rtnetlink::Error::NetlinkError(message) if message.raw_code() != 0 => {
                Self::Errno(io::Error::from_raw_os_error(message.raw_code().saturating_abs()))
            }
            rtnetlink::Error::RequestFailed => Self::Protocol("the connection was lost".to_owned()),
            other => Self::Protocol(other.to_string()),
        }
    }
}

impl Error {
    /// The kernel's error number, where it gave one.
    pub fn errno(&self) -> Option<i32> {
        match self {
            Self::List { source, .. } | Self::Step { source, .. } => source.errno(),
            Self::Runtime(error)
            | Self::Connect(error)
            | Self::Namespace(error)
            | Self::Ask(error)
            | Self::Packet(error) => error.raw_os_error(),
            Self::Look { source, .. }
            | Self::Set { source, .. }
            | Self::Rules { source }
            | Self::Transaction { source } => source.raw_os_error(),
            Self::Gone { .. }
            | Self::Keep { .. }
            | Self::Bus { .. }
            | Self::NotInstalled { .. }
            | Self::TooMuch { .. }
            | Self::Unclear { .. }
            | Self::Run { .. }
            | Self::Refused { .. } => None,
        }
    }
}
