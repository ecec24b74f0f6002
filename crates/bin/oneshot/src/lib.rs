//! What the oneshots have in common: options, where findings go, the exit code.

use std::ffi::OsString;
use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;

use mvm_config::Loaded;
use mvm_config::last_good::load_or_last_good;
use mvm_core::catalogue::host;
use mvm_core::sink::{self, Sink};
use mvm_core::terminal::Color;
use mvm_core::{Finding, Roots, Severity, exit};

/// A program that does one thing and ends.
#[derive(Debug, Clone, Copy)]
pub struct Program {
    /// Its name, which is also that of its unit.
    pub name: &'static str,
    /// What `--version` prints behind the name: the version of the package in Cargo.toml.
    pub version: &'static str,
    /// What `--help` prints.
    pub help: &'static str,
    /// The options that take a path, such as `--config`; `--root` is always one of them.
    pub options: &'static [&'static str],
    /// The options that take nothing, such as `--watch`.
    pub flags: &'static [&'static str],
}

/// The values of the options that were given.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Options {
    values: Vec<(&'static str, PathBuf)>,
    flags: Vec<&'static str>,
}

impl Options {
    /// The value of an option such as `--config`.
    pub fn get(&self, name: &str) -> Option<&PathBuf> {
        self.values.iter().find(|(option, _)| *option == name).map(|(_, value)| value)
    }

    /// Whether an option such as `--watch` was given.
    pub fn has(&self, flag: &str) -> bool {
        self.flags.contains(&flag)
    }

    /// Where the host's files are: `--root`, or `/`.
    pub fn roots(&self) -> Roots {
        Roots::new(self.get("--root").cloned().unwrap_or_else(|| PathBuf::from("/")))
    }
}

/// What the command line asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Request {
    Run(Options),
    Help,
    Version,
}

/// What a run came to.
#[derive(Debug, Default)]
pub struct Report {
    /// Everything there is to say, in order.
    pub findings: Vec<Finding>,
    /// The exit code of the process.
    pub code: u8,
}

impl Report {
    /// The code is 1 when a finding is an error.
    pub fn of(findings: Vec<Finding>) -> Self {
        let wrong = findings.iter().any(|finding| finding.severity() == Severity::Error);
        Self { findings, code: if wrong { exit::FINDINGS } else { exit::DONE } }
    }

    /// The code is that of the worst class among the findings.
    pub fn by_class(findings: Vec<Finding>) -> Self {
        let code = exit::by_class(&findings);
        Self { findings, code }
    }

    /// The refusal of a program that was not started by root; `None` for root, and for a `--root`
    /// that is a folder, whose owner decides.
    pub fn unless_root(program: &Program, roots: &Roots) -> Option<Self> {
        let is_host = *roots == Roots::new("/");
        let euid = nix::unistd::geteuid();
        if euid.is_root() || !is_host {
            return None;
        }
        let finding = host::unit_not_root(program.name);
        let findings = vec![finding.evidence(format!("uid {euid}"))];
        Some(Self { findings, code: exit::NOT_ROOT })
    }
}

/// The run of a program that goes by the configuration: needs root, loads the file or the last good
/// one, and acts. That the last good one stands in is said first and not counted: the host comes up.
pub fn configured(
    program: &Program,
    options: &Options,
    act: impl FnOnce(&Roots, &Loaded) -> Report,
) -> Report {
    let roots = options.roots();
    if let Some(refusal) = Report::unless_root(program, &roots) {
        return refusal;
    }
    let config = options.get("--config").map(PathBuf::as_path);
    match load_or_last_good(&roots, config) {
        Ok((loaded, stand_in)) => {
            let mut report = act(&roots, &loaded);
            report.findings.splice(0..0, stand_in);
            report
        }
        Err(findings) => Report { findings, code: exit::CONFIGURATION },
    }
}

/// The whole of `main`: reads the options from `args` (without the program's own name), runs, says
/// what there is to say and gives the exit code. `--help` and `--version` do not run.
pub fn main(
    program: &Program,
    args: impl IntoIterator<Item = OsString>,
    run: impl FnOnce(&Program, &Options) -> Report,
) -> ExitCode {
    let sink = match sink::under_journal() {
        true => Sink::Journal,
        false => Sink::Terminal(Color::Never),
    };
    sink::init(sink, log::LevelFilter::Info);
    let code = match read(program, args) {
        Ok(Request::Help) => print(program.help),
        Ok(Request::Version) => print(&format!("{} {}\n", program.name, program.version)),
        Ok(Request::Run(options)) => {
            let report = run(program, &options);
            report.findings.iter().for_each(sink::report);
            report.code
        }
        Err(wrong) => {
            // A caller may close standard error on purpose.
            let text = format!("{}: {wrong}; see {} --help\n", program.name, program.name);
            let _ = std::io::stderr().lock().write_all(text.as_bytes());
            exit::USAGE
        }
    };
    ExitCode::from(code)
}

fn print(text: &str) -> u8 {
    match std::io::stdout().lock().write_all(text.as_bytes()) {
        Ok(()) => exit::DONE,
        Err(_) => exit::FINDINGS,
    }
}

fn read(program: &Program, args: impl IntoIterator<Item = OsString>) -> Result<Request, String> {
    let mut options = Options::default();
    let mut args = args.into_iter();
    while let Some(arg) = args.next() {
        let text = arg.to_string_lossy();
        match text.as_ref() {
            "--help" | "-h" => return Ok(Request::Help),
            "--version" | "-V" => return Ok(Request::Version),
            _ => {}
        }
        if let Some(flag) = program.flags.iter().find(|flag| **flag == text) {
            options.flags.push(flag);
            continue;
        }
        let (name, inline) = match text.split_once('=') {
            Some((name, value)) => (name, Some(OsString::from(value))),
            None => (text.as_ref(), None),
        };
        let option = program.options.iter().chain(&["--root"]).find(|option| **option == name);
        let option = option.ok_or_else(|| format!("unknown argument {name:?}"))?;
        let value = inline.or_else(|| args.next()).filter(|value| !value.is_empty());
        let value = value.ok_or_else(|| format!("{name} needs a value"))?;
        if options.get(option).is_some() {
            return Err(format!("{name} is given twice"));
        }
        options.values.push((option, PathBuf::from(value)));
    }
    Ok(Request::Run(options))
}

#[cfg(test)]
mod tests {
    use super::*;

    const PROGRAM: Program = Program {
        name: "mvm-x",
        version: "1",
        help: "Usage: mvm-x\n",
        options: &["--config"],
        flags: &["--watch"],
    };

    fn parse(args: &[&str]) -> Result<Request, String> {
        read(&PROGRAM, args.iter().map(OsString::from))
    }

    #[test]
    fn reads_options_in_both_spellings() {
        for args in
            [["--config", "/a b", "--root=/r"].as_slice(), &["--root", "/r", "--config=/a b"]]
        {
            let Ok(Request::Run(options)) = parse(args) else { panic!("{args:?}") };
            assert_eq!(options.get("--config"), Some(&PathBuf::from("/a b")));
            assert_eq!(options.roots(), Roots::new("/r"));
        }
        let Ok(Request::Run(options)) = parse(&["--watch"]) else { panic!() };
        assert!(options.has("--watch") && !options.has("--config"));
        let Ok(Request::Run(options)) = parse(&[]) else { panic!() };
        assert_eq!((options.get("--config"), options.roots()), (None, Roots::new("/")));
        assert_eq!(parse(&["--root", "/r", "--help"]), Ok(Request::Help));
        assert_eq!(parse(&["-V"]), Ok(Request::Version));
    }

    #[test]
    fn refuses_everything_else() {
        let long = ["--root", "/a", "--root", "/b"];
        for args in [
            ["x"].as_slice(),
            &["--state-dir=/x"],
            &["--config"],
            &["--config="],
            &["--watch=1"],
            &long,
        ] {
            assert!(parse(args).is_err(), "{args:?}");
        }
    }

    #[test]
    fn an_error_is_exit_code_1() {
        assert_eq!(Report::of(vec![]).code, 0);
        let finding = host::unit_not_root("mvm-x");
        assert_eq!(Report::of(vec![finding]).code, 1);
        assert!(Report::unless_root(&PROGRAM, &Roots::new("/elsewhere")).is_none());
    }
}
