//! Certificates of flintlockd's API: which are made, and which are made again.
//!
//! The authority is made once and never replaced. A certificate is renewed in the last third of its
//! time and keeps its key: a kill between two files leaves a pair that fits.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use mvm_core::catalogue::tls;
use mvm_core::{Finding, Plan, day};
use serde::Serialize;

#[cfg(test)]
mod tests;

/// Where everything is kept.
pub const FOLDER: &str = "/etc/mvmhost/tls";
/// The client certificate by which this host asks its own flintlockd.
pub const OWN_CLIENT: &str = "mvmhost";
/// The client certificate for Cluster API.
pub const CLUSTER_CLIENT: &str = "capmvm";

const DAY: i64 = 24 * 60 * 60;
/// Ten years.
const AUTHORITY: i64 = 3652 * DAY;
/// What the strictest clients still take.
const LEAF: i64 = 397 * DAY;
/// Clocks of clients differ from this host's.
const SKEW: i64 = 60 * 60;

/// What is at the place of a certificate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum File {
    /// There is no `.crt` file; a `.key` alone does not count.
    Absent,
    /// No certificate: why.
    Broken(String),
    /// The first certificate of the file, signed by any authority.
    Read(Certificate),
}

/// What a `.crt` file and the `.key` beside it say.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Certificate {
    /// notBefore, in seconds since 1970.
    pub from: i64,
    /// notAfter, in seconds since 1970.
    pub until: i64,
    /// DNS names and IP addresses of its subjectAltName.
    pub names: BTreeSet<String>,
    /// Signed by the authority; of the authority itself that it may sign.
    pub ours: bool,
    /// Whether the key beside it is the one to its public key.
    pub key: KeyState,
}

/// The key beside a certificate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum KeyState {
    /// There is none.
    Absent,
    /// It is that of another certificate, or none that can be read.
    Other,
    /// Its public key is that of the certificate.
    Fits,
}

/// What `mvmhost tls init` and `mvmhost tls renew` ask for.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Desired {
    /// Names and addresses of this host.
    pub names: BTreeSet<String>,
    /// Whether a name that is missing makes the server's certificate due.
    pub by_name: bool,
    /// Clients that are to have a certificate.
    pub clients: BTreeSet<String>,
    /// Clients whose certificate is made again, due or not.
    pub renewed: BTreeSet<String>,
}

/// What the host has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Observed {
    /// The clock, in seconds since 1970.
    pub now: i64,
    /// ca.crt and ca.key
    pub authority: File,
    /// server.crt and server.key
    pub server: File,
    /// Each pair in clients/, by name.
    pub clients: BTreeMap<String, File>,
}

/// From when to when, in seconds since 1970.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Span {
    /// notBefore
    pub from: i64,
    /// notAfter
    pub until: i64,
}

/// One certificate to make, with its key where there is none.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Step {
    /// `ca`, self-signed, for ten years.
    Authority(Span),
    /// `server`, which flintlockd shows together with the authority.
    Server {
        /// The names that are asked for, and those of the certificate that it replaces.
        names: BTreeSet<String>,
        /// How long it holds.
        span: Span,
        /// A clause for people: `it ends on 2026-11-21`.
        why: String,
    },
    /// `clients/NAME`, which a client shows to flintlockd.
    Client {
        /// Its file's name and its common name; see [`is_client_name`].
        name: String,
        /// How long it holds.
        span: Span,
        /// A clause for people: `its key is missing`.
        why: String,
    },
}

impl Step {
    /// Its file below [`FOLDER`], without an extension.
    pub fn stem(&self) -> String {
        match self {
            Self::Authority(_) => "ca".to_owned(),
            Self::Server { .. } => "server".to_owned(),
            Self::Client { name, .. } => format!("clients/{name}"),
        }
    }

    /// How long it holds.
    pub fn span(&self) -> Span {
        match self {
            Self::Authority(span) | Self::Server { span, .. } | Self::Client { span, .. } => *span,
        }
    }
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Authority(_) => f.write_str("make an authority"),
            Self::Server { why, .. } => write!(f, "make the certificate of the server: {why}"),
            Self::Client { name, why, .. } => {
                write!(f, "make the client certificate {name}: {why}")
            }
        }
    }
}

/// A name of a client, which becomes a file name and the subject of a certificate: letters, digits
/// and `._-`, at most 64, not beginning with `.` or `-`.
pub fn is_client_name(name: &str) -> bool {
    let allowed = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
    (1..=64).contains(&name.len()) && name.chars().all(allowed) && !name.starts_with(['.', '-'])
}

/// A step for each certificate that is missing or due; what is foreign is a finding and stays.
pub fn plan(desired: &Desired, observed: &Observed) -> Plan<Step> {
    let now = observed.now;
    let mut planning =
        Planning { now, limit: now + AUTHORITY, steps: Vec::new(), findings: Vec::new() };
    planning.authority(&observed.authority);
    planning.server(desired, &observed.server);
    let all: BTreeSet<&String> = desired.clients.iter().chain(observed.clients.keys()).collect();
    for name in all {
        let file = observed.clients.get(name).unwrap_or(&File::Absent);
        planning.client(desired, name, file);
    }
    let signs = !planning.steps.is_empty();
    if let File::Read(authority) = &observed.authority
        && signs
        && authority.key != KeyState::Fits
    {
        let key = format!("{FOLDER}/ca.key");
        planning.findings.push(tls::no_authority_key(key));
    }
    Plan::new(planning.steps, planning.findings)
}

struct Planning {
    now: i64,
    /// No certificate lasts longer.
    limit: i64,
    steps: Vec<Step>,
    findings: Vec<Finding>,
}

impl Planning {
    fn authority(&mut self, file: &File) {
        let path = format!("{FOLDER}/ca.crt");
        let found = match file {
            File::Absent => {
                let span = Span { from: self.now - DAY, until: self.now + AUTHORITY };
                return self.steps.push(Step::Authority(span));
            }
            File::Broken(why) => return self.foreign(&path, why),
            File::Read(found) if !found.ours => {
                return self.foreign(&path, "it is no authority");
            }
            File::Read(found) => found,
        };
        self.limit = found.until;
        if self.now < found.from {
            self.findings.push(tls::clock(&path, day(self.now), day(found.from)));
        } else if self.now > found.until {
            self.findings.push(tls::authority_ended(&path, day(found.until), FOLDER));
        } else if found.until - self.now < LEAF {
            self.findings.push(tls::authority_ends(&path, day(found.until), FOLDER));
        }
    }

    fn server(&mut self, desired: &Desired, file: &File) {
        let path = format!("{FOLDER}/server.crt");
        let mut names = desired.names.clone();
        let why = match file {
            File::Absent => "there is none".to_owned(),
            File::Broken(why) => return self.foreign(&path, why),
            File::Read(found) if !found.ours => {
                return self.foreign(&path, "another authority signed it");
            }
            File::Read(found) => {
                names.extend(found.names.iter().cloned());
                let lacking = desired.names.difference(&found.names).next();
                match (self.due(found), lacking) {
                    (Some(why), _) => why,
                    (None, Some(name)) if desired.by_name => format!("it does not name {name}"),
                    (None, Some(name)) => {
                        return self.findings.push(tls::not_for_address(name));
                    }
                    (None, None) => return,
                }
            }
        };
        let span = self.span();
        self.steps.push(Step::Server { names, span, why });
    }

    fn client(&mut self, desired: &Desired, name: &str, file: &File) {
        let path = format!("{FOLDER}/clients/{name}.crt");
        let is_own = name == OWN_CLIENT;
        let renewed = desired.renewed.contains(name);
        let why = match file {
            File::Absent => "there is none".to_owned(),
            File::Broken(why) => return self.foreign(&path, why),
            File::Read(found) if !found.ours => {
                return self.foreign(&path, "another authority signed it");
            }
            File::Read(_) if renewed => "it was asked for".to_owned(),
            File::Read(found) => match self.due(found) {
                Some(why) if is_own || found.key != KeyState::Fits => why,
                // A copy of it is with the client.
                Some(_) => {
                    let until = day(found.until);
                    let ends = tls::client_ends(name, until);
                    return self.findings.push(ends);
                }
                None => return,
            },
        };
        let span = self.span();
        self.steps.push(Step::Client { name: name.to_owned(), span, why });
    }

    /// Why a certificate has to be made again, if it has.
    fn due(&self, found: &Certificate) -> Option<String> {
        let remaining = found.until - self.now;
        // One of an authority that ends as soon could not last longer.
        let gains = self.limit.min(self.now + LEAF) > found.until + DAY;
        match found.key {
            KeyState::Absent => Some("its key is missing".to_owned()),
            KeyState::Other => Some("its key is another one's".to_owned()),
            KeyState::Fits if remaining < (found.until - found.from) / 3 && gains => {
                Some(format!("it ends on {}", day(found.until)))
            }
            KeyState::Fits => None,
        }
    }

    fn span(&self) -> Span {
        Span { from: self.now - SKEW, until: self.limit.min(self.now + LEAF) }
    }

    fn foreign(&mut self, path: &str, why: &str) {
        self.findings.push(tls::foreign(path, why));
    }
}
