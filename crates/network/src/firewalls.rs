//! What firewalls of others do with what microVMs send, as nft lists it.

use std::ffi::OsStr;
use std::fs;
use std::time::Duration;

use mvm_config::Roots;
use mvm_host::exec::{self, Execute, Limits};
use mvm_plan::checks::{Forward, dropping};

use crate::error::Error;

/// nft answers in milliseconds; with ten thousands of rules it takes longer.
const PATIENCE: Duration = Duration::from_secs(5);
/// Rules are read up to this many bytes: ten thousands of them.
const LIMIT: usize = 8 << 20;
const BRIDGED: &str = "/proc/sys/net/bridge/bridge-nf-call-iptables";
const NFT: &str = "nft";

/// The tables that drop by policy; the rules of others are not even listed. None where nft is not
/// installed.
///
/// # Errors
/// nft does not answer, or with too much.
pub fn forward(roots: &Roots, programs: &dyn Execute) -> Result<Forward, Error> {
    let bridged = fs::read_to_string(roots.at(BRIDGED)).is_ok_and(|text| text.trim() == "1");
    if exec::find(roots, NFT).is_none() {
        return Ok(Forward { bridged, tables: Vec::new() });
    }
    let chains = list(roots, programs, &["chains"])?;
    let mut places: Vec<_> =
        dropping(&chains).into_iter().map(|chain| (chain.family, chain.table)).collect();
    places.sort_unstable();
    places.dedup();
    let tables: Result<_, _> = places
        .iter()
        .map(|(family, table)| list(roots, programs, &["table", family, table]))
        .collect();
    Ok(Forward { bridged, tables: tables? })
}

/// `nft -j list WHAT`
fn list(roots: &Roots, programs: &dyn Execute, what: &[&str]) -> Result<String, Error> {
    let program = exec::find(roots, NFT).ok_or(Error::NotInstalled { name: NFT })?;
    let words: Vec<&OsStr> = ["-j", "-t", "list"].iter().chain(what).map(OsStr::new).collect();
    let mut said = Vec::new();
    let mut keep = |piece: &[u8]| {
        if said.len() <= LIMIT {
            said.extend_from_slice(piece);
        }
    };
    let mut limits = Limits { stdout: Some(&mut keep), ..Limits::timeout(PATIENCE) };
    let exit =
        programs.run(&program, &words, &mut limits).map_err(|source| Error::Run { source })?;
    if !exit.success() {
        let said = exit.stderr.lines().next().unwrap_or("nothing").to_owned();
        return Err(Error::Refused { name: NFT, said });
    }
    if said.len() > LIMIT {
        return Err(Error::TooMuch { name: NFT });
    }
    Ok(String::from_utf8_lossy(&said).into_owned())
}
