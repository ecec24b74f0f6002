//! The host on one screen, line by line, for `mvmhost status` and its live screen.

use std::fmt::Write;

use mvm_checks::Plugin;
use mvm_config::model::{Network, NetworkMode};
use mvm_config::places;
use mvm_core::{Finding, Severity};
use mvm_network_plan::reserved;
use mvm_pool_plan::thinpool::{Mode, Working};

use super::{Screen, by_state, served, up_ms};

/// How a line is meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mood {
    /// It works; green.
    Good,
    /// It works now and will not always; yellow.
    Warn,
    /// It does not work; red.
    Bad,
    /// It is neither, such as a count of leases; no color.
    Plain,
}

impl Mood {
    const fn of(well: bool) -> Self {
        if well { Self::Good } else { Self::Bad }
    }

    /// The SGR sequence of a terminal.
    const fn sgr(self) -> &'static str {
        match self {
            Self::Good => "32",
            Self::Warn => "1;33",
            Self::Bad => "1;31",
            Self::Plain => "0",
        }
    }
}

/// One line: what it is about, what is so, and what is behind it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Line {
    /// The pool, the bridge, a unit.
    pub(crate) label: String,
    /// In words, such as `active (running)`.
    pub(crate) value: String,
    /// How long a unit took to come up, `up in     42 ms`; else empty.
    pub(crate) more: String,
    pub(crate) mood: Mood,
}

impl Line {
    fn new(label: &str, value: impl Into<String>, mood: Mood) -> Self {
        Self { label: label.to_owned(), value: value.into(), more: String::new(), mood }
    }
}

/// The first line, which says it all.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Verdict {
    /// A clause without a full stop: `ready for microVMs, with 1 warning`.
    pub(crate) text: String,
    pub(crate) mood: Mood,
}

impl Verdict {
    /// `fresh`: nothing is applied on this host yet.
    pub(crate) fn new(findings: &[Finding], fresh: bool) -> Self {
        let count = |severity| findings.iter().filter(|one| one.severity() == severity).count();
        let many = |count: usize, word: &str| match count {
            1 => format!("1 {word}"),
            _ => format!("{count} {word}s"),
        };
        let (errors, warnings) = (count(Severity::Error), count(Severity::Warning));
        let (text, mood) = match (fresh, errors, warnings) {
            (true, ..) => {
                let text = "not set up yet: nothing is applied, run mvmhost apply";
                (text.to_owned(), Mood::Warn)
            }
            (false, 0, 0) => ("ready for microVMs".to_owned(), Mood::Good),
            (false, 0, _) => {
                (format!("ready for microVMs, with {}", many(warnings, "warning")), Mood::Warn)
            }
            (false, ..) => {
                let errors = many(errors, "error");
                (format!("not ready for microVMs: {errors}, see below"), Mood::Bad)
            }
        };
        Self { text, mood }
    }
}

impl Screen<'_> {
    /// The line that says it all.
    pub(crate) fn verdict(&self, findings: &[Finding]) -> Verdict {
        Verdict::new(findings, self.is_fresh())
    }

    fn is_fresh(&self) -> bool {
        self.observed.services.as_ref().is_some_and(|services| services.never_applied)
    }

    /// Everything, the verdict first; before the first apply there is nothing else.
    pub(crate) fn lines(&self, findings: &[Finding]) -> Vec<Line> {
        let verdict = self.verdict(findings);
        let mut lines = vec![Line::new("host", verdict.text, verdict.mood)];
        if self.is_fresh() {
            return lines;
        }
        lines.push(self.pool_line());
        let default_route = self.observed.default_interface.as_deref();
        let (label, value) = place(&self.config.network, default_route);
        lines.push(Line::new(label, value, Mood::Plain));
        if let Some(interface) = served(&self.config.network) {
            let leases = self.leases.map_or("unknown".to_owned(), |count| count.to_string());
            lines.push(Line::new("dhcp", format!("{interface}: {leases} leases"), Mood::Plain));
        }
        let reserved = reserved::labels(&self.config.network.reserved);
        if !reserved.is_empty() {
            lines.push(Line::new("reserved", reserved.join(", "), Mood::Plain));
        }
        let route = |route| Line::new("tailscale", format!("{route}"), Mood::Plain);
        lines.extend(self.tailscale.iter().map(route));
        lines.push(self.containerd_line());
        lines.push(self.images_line());
        let answers = self.microvms.is_ok();
        let api = if answers { "answers" } else { "does not answer" };
        let api = format!("{}: {api}", self.config.flintlockd.grpc_endpoint);
        lines.push(Line::new("flintlockd", api, Mood::of(answers)));
        if let Ok(Some(microvms)) = &self.microvms {
            let counts: Vec<String> =
                by_state(microvms).iter().map(|(state, n)| format!("{n} {state}")).collect();
            let shown = if counts.is_empty() { "none".to_owned() } else { counts.join(", ") };
            lines.push(Line::new("microVMs", shown, Mood::Plain));
        }
        lines.extend(self.unit_lines());
        lines
    }

    /// A line for each unit of the chain.
    pub(crate) fn unit_lines(&self) -> Vec<Line> {
        let line = |(name, state): (&String, &mvm_units_systemd::systemd::UnitState)| Line {
            label: name.clone(),
            value: format!("{} ({})", state.active_state, state.sub_state),
            more: up_ms(state)
                .filter(|_| state.is_active())
                .map_or(String::new(), |ms| format!("up in {ms:>6} ms")),
            mood: Mood::of(state.is_active()),
        };
        self.units.iter().map(line).collect()
    }

    fn pool_line(&self) -> Line {
        let name = &self.config.thinpool.name;
        match self.working() {
            Some(pool) => {
                let writes = matches!(pool.mode, None | Some(Mode::ReadWrite));
                Line::new("pool", format!("{name}: {}", live(&pool)), Mood::of(writes))
            }
            None => Line::new("pool", format!("{name}: not live"), Mood::Bad),
        }
    }

    fn containerd_line(&self) -> Line {
        let plugin = match &self.observed.plugin {
            Plugin::Ok => "devmapper ok".to_owned(),
            Plugin::NotOk(state) => format!("devmapper not ok: {state}"),
            Plugin::NoAnswer(_) => "does not answer".to_owned(),
        };
        let socket = places::containerd_socket(self.config.containerd.instance);
        let well = self.observed.plugin == Plugin::Ok;
        Line::new("containerd", format!("{socket}: {plugin}"), Mood::of(well))
    }

    fn images_line(&self) -> Line {
        let image_count = self.image_count();
        match &self.incomplete {
            Some(incomplete) => {
                let whole = image_count.saturating_sub(incomplete.len());
                let mood = if incomplete.is_empty() { Mood::Good } else { Mood::Warn };
                Line::new("images", format!("{whole} of {image_count} complete"), mood)
            }
            None => Line::new("images", format!("{image_count} wanted"), Mood::Plain),
        }
    }
}

/// In columns; the units have wider ones.
pub(super) fn text(lines: &[Line], colored: bool) -> String {
    let is_unit = |line: &&Line| line.label.contains('.');
    let width = |lines: &mut dyn Iterator<Item = &Line>, of: fn(&Line) -> &String| {
        lines.map(|line| of(line).chars().count()).max().unwrap_or(0)
    };
    let name = width(&mut lines.iter().filter(is_unit), |line| &line.label);
    let state = width(&mut lines.iter().filter(is_unit), |line| &line.value);
    let mut out = String::new();
    for line in lines {
        let unit = is_unit(&line);
        let label = if unit { name } else { 10 };
        let value = match line.more.is_empty() {
            true => line.value.clone(),
            false => format!("{:state$}", line.value),
        };
        let value = match colored {
            true => format!("\x1b[{}m{value}\x1b[0m", line.mood.sgr()),
            false => value,
        };
        let shown = format!("{:label$}  {value}  {}", line.label, line.more);
        // Writing to a String cannot fail.
        let _ = writeln!(out, "{}", shown.trim_end());
    }
    out
}

/// A pool that answers: the mode only where it is not what it should be.
fn live(pool: &Working) -> String {
    let mode = match pool.mode {
        Some(Mode::ReadWrite) | None => "",
        Some(Mode::ReadOnly) => "read-only, ",
        Some(Mode::OutOfDataSpace) => "out of data space, ",
    };
    let (data, metadata) = (pool.data.percent(), pool.metadata.percent());
    format!("live, {mode}data {data} % full, metadata {metadata} %")
}

/// What microVMs' interfaces are on. Without a parent in the file it is asked for.
fn place(network: &Network, default_route: Option<&str>) -> (&'static str, String) {
    match network.mode {
        NetworkMode::Tap if network.has_both() => {
            let named = network.macvtap.parent.as_ref().map(|parent| parent.as_str());
            let parent = named.or(default_route).unwrap_or("the interface of the default route");
            ("bridge", format!("{}, and macvtaps on {parent}", network.bridge.name))
        }
        NetworkMode::Tap => ("bridge", network.bridge.name.to_string()),
        NetworkMode::Macvtap => {
            let named = network.macvtap.parent.as_ref().map(|parent| parent.as_str());
            let parent = named.or(default_route);
            ("macvtap", parent.unwrap_or("on the interface of the default route").to_owned())
        }
        NetworkMode::None => ("network", "none".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use mvm_config::Config;
    use mvm_core::catalogue;
    use mvm_pool_plan::thinpool::ThinPoolStatus;

    use super::*;

    fn config(text: &str) -> Config {
        let source = mvm_config::Source { name: "t".to_owned(), text: text.to_owned() };
        mvm_config::load::parse(&[source]).unwrap().config
    }

    #[test]
    fn the_network_is_told_by_its_mode() {
        let macvtap =
            "[flintlockd]\nprovider = \"cloudhypervisor\"\n[network]\nmode = \"macvtap\"\n";
        let named = format!("{macvtap}[network.macvtap]\nparent = \"eno4\"\n");
        let of_default = "on the interface of the default route";
        for (text, default_route, expected) in [
            ("", None, ("bridge", "br-mvm")),
            (macvtap, Some("eth0"), ("macvtap", "eth0")),
            (macvtap, None, ("macvtap", of_default)),
            (&named, None, ("macvtap", "eno4")),
            ("[network]\nmode = \"none\"\n", None, ("network", "none")),
        ] {
            let (label, value) = place(&config(text).network, default_route);
            assert_eq!((label, value.as_str()), expected);
        }
    }

    #[test]
    fn a_pool_that_takes_no_writes_says_so() {
        for (mode, expected) in [
            ("rw", "live, data 50 % full, metadata 10 %"),
            ("ro", "live, read-only, data 50 % full, metadata 10 %"),
            ("out_of_data_space", "live, out of data space, data 50 % full, metadata 10 %"),
        ] {
            let status =
                format!("0 10/100 15/30 - {mode} discard_passdown queue_if_no_space - 1024");
            let ThinPoolStatus::Working(pool) = status.parse().unwrap() else { panic!("{status}") };
            assert_eq!(live(&pool), expected);
        }
    }

    #[test]
    fn columns_are_aligned_whatever_is_in_them() {
        let unit = |name: &str, value: &str, ms: &str| Line {
            more: ms.to_owned(),
            ..Line::new(name, value, Mood::Good)
        };
        let lines = [
            Line::new("host", "ready for microVMs", Mood::Good),
            Line::new("containerd", "/run/c.sock: devmapper ok", Mood::Good),
            unit("mvm-net.service", "active (exited)", "up in     61 ms"),
            unit("mvm-a-long-name.service", "failed (failed)", ""),
            unit("a.service", "active (running)", "up in   1234 ms"),
        ];
        assert_eq!(
            text(&lines, false),
            "host        ready for microVMs\n\
             containerd  /run/c.sock: devmapper ok\n\
             mvm-net.service          active (exited)   up in     61 ms\n\
             mvm-a-long-name.service  failed (failed)\n\
             a.service                active (running)  up in   1234 ms\n"
        );
        let colored = text(&lines, true);
        assert!(colored.contains("\x1b[32mactive (exited) \x1b[0m  up in"), "{colored:?}");
    }

    #[test]
    fn the_first_line_says_it_all() {
        let error = catalogue::host::not_root("x", "y");
        for (findings, fresh, text, mood) in [
            (vec![], false, "ready for microVMs", Mood::Good),
            (vec![error.clone()], false, "not ready for microVMs: 1 error, see below", Mood::Bad),
            (
                vec![error.clone(), error],
                true,
                "not set up yet: nothing is applied, run mvmhost apply",
                Mood::Warn,
            ),
        ] {
            assert_eq!(Verdict::new(&findings, fresh), Verdict { text: text.to_owned(), mood });
        }
    }
}
