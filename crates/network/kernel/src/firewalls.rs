//! What firewalls of this host do with what microVMs send: the kernel's own lists, by the programs that
//! know their words.

use std::ffi::OsStr;
use std::fs;
use std::time::Duration;

use mvm_config::Config;
use mvm_config::model::NetworkMode;
use mvm_core::exec::{self, Execute, Limits};
use mvm_core::{Roots, chain};
use mvm_firewalls::{Forward, Saved, Tool, omitted};
use mvm_network_plan::nat::{desired, egress};

use crate::error::Error;
use crate::kernel::{Kernel, Network};
use crate::nft::Nftables;

/// nft answers in milliseconds; with ten thousands of rules it takes longer.
const TIMEOUT: Duration = Duration::from_secs(5);
/// Rules are read up to this many bytes: ten thousands of them.
const LIMIT: usize = 8 << 20;
const BRIDGED: &str = "/proc/sys/net/bridge/bridge-nf-call-iptables";
const BRIDGED_V6: &str = "/proc/sys/net/bridge/bridge-nf-call-ip6tables";
const NFT: &str = "nft";

/// Reads rules, and asks nft and iptables again only where the kernel says that something has changed:
/// the listing of some thousand rules takes them longer than everything else.
#[derive(Debug, Default)]
pub struct Reader {
    /// The kernel's number of the rules that were listed, and what was listed.
    last: Option<(u32, Forward)>,
}

/// The rules of all tables, those that iptables wrote by iptables' own programs. A program that does not
/// answer is told of and not taken for rules that are not there.
///
/// # Errors
/// nft does not answer, or with too much.
pub fn forward(roots: &Roots, programs: &dyn Execute, config: &Config) -> Result<Forward, Error> {
    Reader::default().forward(roots, programs, config)
}

impl Reader {
    /// As [`forward`].
    ///
    /// # Errors
    /// As [`forward`].
    pub fn forward(
        &mut self,
        roots: &Roots,
        programs: &dyn Execute,
        config: &Config,
    ) -> Result<Forward, Error> {
        if config.network.mode == NetworkMode::None {
            return Ok(Forward::default());
        }
        let is_on =
            |path: &str| fs::read_to_string(roots.at(path)).is_ok_and(|text| text.trim() == "1");
        let list = Lister { roots, programs };
        let mut found = self.listed(&list)?;
        // A bridge has switches of its own beside those of all.
        let bridge = config.network.bridge.name.as_str();
        let own = |name: &str| is_on(&format!("/sys/class/net/{bridge}/bridge/{name}"));
        found.bridged = is_on(BRIDGED) || own("nf_call_iptables");
        found.bridged6 = is_on(BRIDGED_V6) || own("nf_call_ip6tables");
        found.leaving = leaving(roots, config);
        for v6 in [false, true] {
            if has_old_tables(roots, v6) {
                list.saved(&mut found, Tool::IptablesLegacy, v6);
            }
        }
        Ok(found)
    }

    /// What nft lists, and iptables of the same tables.
    fn listed(&mut self, list: &Lister<'_>) -> Result<Forward, Error> {
        let number = || Nftables::connect().ok().and_then(|rules| rules.generation());
        let before = number();
        match self.last.take() {
            Some((number, found)) if before == Some(number) => {
                self.last = Some((number, found.clone()));
                return Ok(found);
            }
            _ => {}
        }
        let (found, whole) = list.rules()?;
        // Elements that packets add to a set count for no change.
        self.last = before
            .filter(|before| whole && number() == Some(*before))
            .map(|before| (before, found.clone()));
        Ok(found)
    }
}

/// The rule with this number of the kernel's, as nft writes it; `None` where nft does not show it.
pub fn rule(
    roots: &Roots,
    programs: &dyn Execute,
    [family, table, chain]: [&str; 3],
    number: u64,
) -> Option<String> {
    let list = Lister { roots, programs };
    let text = list.output(NFT, &["-a", "list", "chain", family, table, chain]).ok()?;
    let end = format!("# handle {number}");
    let mut lines = text.lines().filter_map(|line| line.trim().strip_suffix(end.as_str()));
    lines.find(|line| !line.contains('{') || line.contains('}')).map(|line| line.trim().to_owned())
}

/// The interfaces by which packets of microVMs leave; none where the kernel does not tell.
fn leaving(roots: &Roots, config: &Config) -> Vec<String> {
    let Some(desired) = desired(config) else { return Vec::new() };
    let observed = Kernel::connect(roots).and_then(|mut kernel| kernel.observe());
    let egress = observed.map(|observed| egress(&desired, &observed)).unwrap_or_default();
    let mut names = [egress.v4, egress.v6].concat();
    names.sort_unstable();
    names.dedup();
    names
}

/// Whether one of the kernel's old tables is in use, in the namespace of the thread that reads it.
fn has_old_tables(roots: &Roots, v6: bool) -> bool {
    let family = if v6 { "ip6" } else { "ip" };
    let names =
        fs::read_to_string(roots.at(format!("/proc/thread-self/net/{family}_tables_names")));
    names.is_ok_and(|names| !names.trim().is_empty())
}

struct Lister<'a> {
    roots: &'a Roots,
    programs: &'a dyn Execute,
}

impl Lister<'_> {
    /// The rules in nftables, and whether they are all in one listing.
    fn rules(&self) -> Result<(Forward, bool), Error> {
        let mut found = Forward::default();
        if exec::find(self.roots, NFT).is_none() {
            return Ok((found, false));
        }
        let rules = self.nft(&["-t", "list", "ruleset"])?;
        let left_out = omitted(&rules);
        for set in &left_out.sets {
            let [family, table, name] = &set.of;
            // One that is gone by now decides nothing.
            let elements = self.nft(&["list", set.kind, family, table, name]);
            found.tables.extend(elements.ok());
        }
        let (v4, v6) = left_out.hides;
        for (v6, _) in [(false, v4), (true, v6)].into_iter().filter(|(_, hidden)| *hidden) {
            self.saved(&mut found, Tool::Iptables, v6);
        }
        found.tables.push(rules);
        let whole = left_out.sets.is_empty() && found.unread.is_empty();
        Ok((found, whole))
    }

    /// `nft -j WORDS`
    fn nft(&self, args: &[&str]) -> Result<String, Error> {
        let args: Vec<&str> = ["-j"].iter().chain(args).copied().collect();
        self.output(NFT, &args)
    }

    /// What a program of iptables lists, or that it does not.
    fn saved(&self, found: &mut Forward, tool: Tool, v6: bool) {
        let names = match (tool, v6) {
            (Tool::IptablesLegacy, false) => ["iptables-legacy-save", "iptables-save"],
            (Tool::IptablesLegacy, true) => ["ip6tables-legacy-save", "ip6tables-save"],
            (_, false) => ["iptables-nft-save", "iptables-save"],
            (_, true) => ["ip6tables-nft-save", "ip6tables-save"],
        };
        // Without any of them nft's own listing has to do, and the old tables cannot be read.
        let name = names.into_iter().find(|name| exec::find(self.roots, name).is_some());
        match name.map(|name| self.output(name, &[])) {
            Some(Ok(text)) => found.saved.push(Saved { tool, v6, text }),
            Some(Err(error)) => {
                found.unread.push(("what firewalls drop".to_owned(), chain(&error)));
            }
            None if tool == Tool::IptablesLegacy => {
                let why = Error::NotInstalled { name: names[0] }.to_string();
                found.unread.push(("what firewalls drop".to_owned(), why));
            }
            None => {}
        }
    }

    fn output(&self, name: &'static str, args: &[&str]) -> Result<String, Error> {
        let program = exec::find(self.roots, name).ok_or(Error::NotInstalled { name })?;
        let args: Vec<&OsStr> = args.iter().map(OsStr::new).collect();
        let mut output = Vec::new();
        let mut keep = |piece: &[u8]| {
            if output.len() <= LIMIT {
                output.extend_from_slice(piece);
            }
        };
        let mut limits = Limits { stdout: Some(&mut keep), ..Limits::timeout(TIMEOUT) };
        let exit = self
            .programs
            .run(&program, &args, &mut limits)
            .map_err(|source| Error::Run { source })?;
        if !exit.success() {
            let stderr = exit.stderr.lines().next().unwrap_or("nothing").to_owned();
            return Err(Error::Refused { name, stderr });
        }
        if output.len() > LIMIT {
            return Err(Error::TooMuch { name });
        }
        Ok(String::from_utf8_lossy(&output).into_owned())
    }
}
