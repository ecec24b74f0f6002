//! flintlockd's API: what is asked to know that it works and what its microVMs do.

mod client;
mod trust;
mod wire;

use std::path::PathBuf;

pub use client::Api;

/// How to speak TLS with flintlockd.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tls {
    /// Whom to trust, PEM: a CA, or the server's own certificate.
    ///
    /// On the local host that is flintlockd's own `--tls-cert` file: it is commonly self-signed and
    /// made for another name than `localhost`, so a server that shows exactly one of these
    /// certificates is trusted whatever names and dates are in it. Any other certificate must be
    /// issued by one of these, for the name that was dialled, and valid today.
    pub trust: PathBuf,
    /// The certificate and the key to show, PEM, for a server with a client CA.
    pub client: Option<(PathBuf, PathBuf)>,
}

/// What flintlockd makes of a microVM.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// Not there yet, or tried again after a failure.
    Pending,
    /// Made; whether the guest booted is not known.
    Created,
    /// Given up for good after eleven attempts.
    Failed,
    /// On its way out.
    Deleting,
    /// A number that this version does not know.
    Unknown(i32),
}

impl State {
    /// flintlockd's own word for it.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Created => "created",
            Self::Failed => "failed",
            Self::Deleting => "deleting",
            Self::Unknown(_) => "unknown",
        }
    }
}

/// One microVM, by the `MicroVM` messages of flintlockd's replies.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MicroVm {
    /// `namespace` of its specification, and the first part of `NAMESPACE/NAME/UID`.
    pub namespace: String,
    /// `id` of its specification.
    pub name: String,
    /// The name of its directory and of everything that it has.
    pub uid: String,
    /// `state` of its status.
    pub state: State,
    /// Failed attempts in a row.
    pub retry: i32,
    /// The revision of its specification, +1 at every change and every retry.
    pub version: i32,
    /// The interfaces of this host that are its own, such as `fltap0123456`.
    pub devices: Vec<String>,
}

/// A microVM, and the images that it names.
pub type Named = (MicroVm, Vec<String>);

/// One microVM with what flintlockd made for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Details {
    /// What a list has of it as well.
    pub microvm: MicroVm,
    /// Its cards that have a hardware address in the specification.
    pub cards: Vec<Card>,
    /// The other ends of its cards.
    pub devices: Vec<Device>,
    /// The host's devices of its disks, such as `/dev/mapper/flintlock-dev-thinpool-snap-7`.
    pub disks: Vec<String>,
}

/// A network card by the specification, as the guest has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Card {
    /// `device_id` in the specification, such as `eth1`.
    pub name: String,
    /// Its hardware address in small letters.
    pub mac: String,
    /// Its address with the prefix length, where it has one of its own.
    pub address: Option<String>,
}

/// A card's other end on the host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Device {
    /// The card's name in the guest.
    pub card: String,
    /// The interface's name on the host.
    pub name: String,
}

#[cfg(test)]
mod tests;
