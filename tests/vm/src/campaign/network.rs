//! mvm-net is killed before each of its changes, as in [`super::syscalls`], but in network namespaces of this
//! machine: its whole world is there, so that no guest has to be emulated, and a case takes a moment.

use std::fs;
use std::path::PathBuf;
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};

use super::{Arguments, Book, Score};
use crate::tools::{self, Output};

const LIMIT: Duration = Duration::from_secs(60);

/// What mvm-net is killed in: the way there, the file, and the file before it.
struct Kind {
    name: &'static str,
    path: &'static str,
    file: &'static str,
    earlier: &'static str,
}

/// What a file without a word makes: a bridge, DHCP and NAT.
const USUAL: &str = "";
/// Nothing of it stays but the mode.
const OTHER: &str = "[network.bridge]\nname = \"br-lab\"\naddresses = [\"10.77.0.1/24\", \"10.78.0.1/24\"]\n\
                     [network.nat]\nenabled = false\n[network.dhcp]\nenabled = false\n";
const MACVTAP: &str = include_str!("../../../../packaging/examples/wired-nat-wifi.toml");

const KINDS: &[Kind] = &[
    Kind { name: "the first network", path: "first", file: USUAL, earlier: USUAL },
    Kind { name: "after a boot", path: "boot", file: USUAL, earlier: USUAL },
    Kind { name: "another bridge, and NAT off", path: "changed", file: OTHER, earlier: USUAL },
    Kind { name: "back, and NAT on", path: "changed", file: USUAL, earlier: OTHER },
    Kind { name: "macvtap, the first", path: "first", file: MACVTAP, earlier: USUAL },
    Kind { name: "macvtap, after a boot", path: "boot", file: MACVTAP, earlier: MACVTAP },
    Kind { name: "from a bridge to macvtap", path: "changed", file: MACVTAP, earlier: USUAL },
];

/// Where the scripts and files are that a case is given.
struct Bench {
    folder: tempfile::TempDir,
    program: PathBuf,
}

impl Bench {
    fn new() -> Result<Self> {
        let folder = tempfile::tempdir()?;
        fs::write(folder.path().join("kill.py"), include_str!("kill.py"))?;
        fs::write(folder.path().join("network.sh"), include_str!("network.sh"))?;
        let program = tools::target_dir().join("debug/mvm-net").canonicalize();
        Ok(Self { folder, program: program.context("mvm-net is not built")? })
    }

    fn run(&self, kind: &Kind, change: &str) -> Result<Output> {
        let at = |name: &str| self.folder.path().join(name);
        fs::write(at("mvmhost.toml"), kind.file)?;
        fs::write(at("earlier.toml"), kind.earlier)?;
        let mut command = Command::new("unshare");
        command.args(["--mount", "--net", "bash"]).arg(at("network.sh")).arg(at("kill.py"));
        command.arg(&self.program).args([kind.path, change]);
        tools::run(command.arg(at("mvmhost.toml")).arg(at("earlier.toml")), None, LIMIT)
    }

    /// How many changes there are, and what a run that nobody killed leaves.
    fn whole(&self, kind: &Kind) -> Result<(u64, String)> {
        let counted = self.run(kind, "count")?.required(kind.name)?;
        let changes = counted.split_whitespace().next().context("nothing was counted")?;
        Ok((changes.parse()?, self.run(kind, "0")?.required(kind.name)?))
    }
}

/// Runs for as long as there is time, or to the last change.
///
/// # Errors
/// There are no namespaces, or mvm-net does not do what it is to do when nobody kills it.
pub fn run(arguments: &Arguments) -> Result<Score> {
    let mut book = Book::open(arguments)?;
    let bench = Bench::new()?;
    let mut first = 0;
    for kind in KINDS {
        let (changes, whole) = bench.whole(kind).with_context(|| kind.name.to_owned())?;
        while book.goes_on() && (first..first + changes).contains(&book.number()) {
            let change = book.number() - first + 1;
            let case = format!("{}: killed before change {change} of {changes}", kind.name);
            let start = Instant::now();
            let result = converges(&bench, kind, change, &whole);
            book.enter(&case, start, &result)?;
        }
        first += changes;
    }
    Ok(book.close())
}

fn converges(bench: &Bench, kind: &Kind, change: u64, whole: &str) -> Result<()> {
    let shown = bench.run(kind, &change.to_string())?.required("the second run")?;
    ensure!(shown == whole, "it ended as\n{shown}\nand not as\n{whole}");
    Ok(())
}
