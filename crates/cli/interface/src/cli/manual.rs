//! What README and the manual tell to type.

use std::fs;
use std::path::Path;

use clap::Parser;
use clap::error::ErrorKind;

use super::Cli;

/// The page of codes has words in capitals where a finding has data; remedies are parsed as they are
/// printed elsewhere.
const CODES: &str = "mvmhost-diagnostics.7.md";

#[test]
fn every_mvmhost_line_of_readme_and_the_manual_parses() {
    let top = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../..");
    let pages = fs::read_dir(top.join("man")).unwrap().map(|page| page.unwrap().path());
    let pages = pages.filter(|page| !page.ends_with(CODES)).chain([top.join("README.md")]);
    let mut count = 0;
    for page in pages {
        // A line that ends with a backslash goes on in the next one.
        let text = fs::read_to_string(&page).unwrap().replace("\\\n", " ");
        for line in text.lines().filter_map(|line| line.strip_prefix("    ")) {
            for command in line.split(" # ").take(1).flat_map(|line| line.split(" && ")) {
                let command = command.split(['|', '>']).next().unwrap_or_default();
                let arguments: Vec<&str> = command.split_whitespace().collect();
                if arguments.first() == Some(&"mvmhost") {
                    count += 1;
                    let wrong = Cli::try_parse_from(&arguments).err();
                    let wrong = wrong.filter(|one| one.kind() != ErrorKind::DisplayHelp);
                    assert!(wrong.is_none(), "{}: {command}: {}", page.display(), wrong.unwrap());
                }
            }
        }
    }
    assert!(count > 60, "{count}");
}
