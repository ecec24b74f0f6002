//! Docker's chains for its users, of IPv4 and IPv6, in nftables and in the kernel's old tables.

use std::ffi::OsStr;
use std::path::PathBuf;

use mvm_core::{chain, exec};
use mvm_network_plan::nat::{Iptables, docker_rules};

use crate::error::Error;
use crate::nat::Nat;
use crate::nft::Nftables;

/// Waits for the holder of iptables' lock, as Docker is now and then.
const LOCK: [&str; 2] = ["-w", "5"];
const DOCKER_USER: &str = "DOCKER-USER";
/// What iptables says of a chain that is not there: both kinds of it, and of a kernel without the table.
const NO_CHAIN: [&str; 3] =
    ["No chain/target/match by that name", "does not exist", "chain by that name"];

/// What there is of Docker's chains.
#[derive(Debug, Default)]
pub(crate) struct Docker {
    /// Each chain, and which of our rules it lacks.
    pub(crate) lacks: Vec<(Iptables, Vec<usize>)>,
    /// Those that iptables does not tell of, and why.
    pub(crate) unread: Vec<(Iptables, String)>,
}

impl Nat<'_> {
    /// Each of Docker's chains, and which rules it lacks. iptables is asked only where the chain can be:
    /// in nftables, which most iptables of today write to, or in the kernel's old tables once one of them
    /// is in use.
    pub(crate) fn docker_lacks(&self, rules: &Nftables, interface: &str) -> Result<Docker, Error> {
        let mut found = Docker::default();
        for iptables in Iptables::ALL {
            let can_be = match iptables.is_old() {
                true => self.has_old_filter(iptables.is_v6())?,
                false => rules.has_chain(DOCKER_USER, iptables.is_v6())?,
            };
            if !can_be {
                continue;
            }
            match self.lacks(iptables, interface) {
                Ok(lacks) => found.lacks.extend(lacks.map(|lacks| (iptables, lacks))),
                Err(error) => found.unread.push((iptables, chain(&error))),
            }
        }
        Ok(found)
    }

    /// Of the network namespace of the thread that reads it.
    pub(crate) fn has_old_filter(&self, v6: bool) -> Result<bool, Error> {
        let family = if v6 { "ip6" } else { "ip" };
        let path = format!("/proc/thread-self/net/{family}_tables_names");
        let old = self.text(self.roots.at(path))?.unwrap_or_default();
        Ok(old.lines().any(|table| table == "filter"))
    }

    /// `None` where there is no such chain, or no program to ask.
    fn lacks(&self, iptables: Iptables, interface: &str) -> Result<Option<Vec<usize>>, Error> {
        let Some((name, program)) = self.program(iptables) else { return Ok(None) };
        let run = |args: &[&str]| {
            let args: Vec<&OsStr> = LOCK.iter().chain(args).map(OsStr::new).collect();
            self.execute(&program, &args)
        };
        let listed = run(&["-S", DOCKER_USER])?;
        if !listed.success() {
            let stderr = listed.stderr.trim();
            if NO_CHAIN.iter().any(|message| stderr.contains(message)) {
                return Ok(None);
            }
            // Of its own the kernel's refusal would look like a chain that is not there.
            return Err(Error::Refused { name, stderr: stderr.to_owned() });
        }
        let mut lacking = Vec::new();
        for (place, rule) in docker_rules(interface).iter().enumerate() {
            let mut args = vec!["-C", DOCKER_USER];
            args.extend(rule.iter().map(String::as_str));
            if !run(&args)?.success() {
                lacking.push(place);
            }
        }
        Ok(Some(lacking))
    }

    /// Puts a rule first in Docker's chain for its users, or takes it out.
    pub(crate) fn docker_user(
        &self,
        iptables: Iptables,
        verb: &str,
        rule: &[String],
    ) -> Result<(), Error> {
        let Some((name, program)) = self.program(iptables) else {
            return Err(Error::NotInstalled { name: iptables.programs()[0] });
        };
        let args = LOCK.into_iter().chain([verb, DOCKER_USER]);
        let args: Vec<&OsStr> =
            args.chain(rule.iter().map(String::as_str)).map(OsStr::new).collect();
        let exit = self.execute(&program, &args)?;
        match exit.success() {
            true => Ok(()),
            false => Err(Error::Refused { name, stderr: exit.stderr.trim().to_owned() }),
        }
    }

    fn program(&self, iptables: Iptables) -> Option<(&'static str, PathBuf)> {
        let names = iptables.programs().into_iter();
        names.filter_map(|name| Some((name, exec::find(self.roots, name)?))).next()
    }
}
