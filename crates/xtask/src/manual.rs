//! Manual pages from Markdown.

use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::Result;

use crate::tools;

/// Makes every page of man/ in the stage, and the list by which debhelper installs them.
pub(crate) fn pages(top: &Path, stage: &Path) -> Result<()> {
    fs::create_dir_all(stage.join("man"))?;
    let mut pages = Vec::new();
    for entry in fs::read_dir(top.join("man"))? {
        let source = entry?.path();
        let Some(page) =
            source.file_stem().filter(|_| source.extension().is_some_and(|e| e == "md"))
        else {
            continue;
        };
        let page = Path::new("man").join(page);
        // The markers of generated blocks are for the repository.
        let text = fs::read_to_string(&source)?;
        let shown: Vec<&str> = text.lines().filter(|line| !line.starts_with("<!-- ")).collect();
        let scratch = stage.join(&page).with_extension("md");
        fs::write(&scratch, shown.join("\n"))?;
        let mut convert = Command::new("go-md2man");
        tools::check(convert.arg("-in").arg(&scratch).arg("-out").arg(stage.join(&page)))?;
        fs::write(stage.join(&page), mend(&fs::read_to_string(stage.join(&page))?))?;
        pages.push(page.display().to_string());
    }
    pages.sort();
    fs::write(stage.join("debian/mvmhost.manpages"), pages.join("\n") + "\n")?;
    Ok(())
}

/// What go-md2man writes and man(7) does not know: the constant-width font, which is bold there,
/// a paragraph that begins where its section does, and in a table a row that is broken between two
/// cells of running text.
fn mend(page: &str) -> String {
    let page = page.replace("T}\n\t", "T}\t");
    let mut mended = String::new();
    let mut in_heading = false;
    for line in page.lines() {
        if !(in_heading && line == ".PP") {
            mended.push_str(&line.replace("\\fC", "\\fB"));
            mended.push('\n');
        }
        in_heading = line.starts_with(".SH ") || line.starts_with(".SS ");
    }
    mended
}

/// mandoc must have nothing to say about the pages in the stage.
pub(crate) fn lint(top: &Path) -> Result<()> {
    tools::apt(&["mandoc"])?;
    let stage = top.join("target/packages/build");
    let list = fs::read_to_string(stage.join("debian/mvmhost.manpages"))?;
    let mut lint = Command::new("mandoc");
    lint.current_dir(&stage).args(["-Tlint", "-W", "warning"]);
    tools::check(lint.args(list.lines()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use mvm_config::Source;
    use mvm_core::catalogue;

    const SECTIONS: [&str; 6] =
        ["NAME", "DESCRIPTION", "EXAMPLES", "EXIT STATUS", "FILES", "SEE ALSO"];

    /// Every page of man/: its file and its text.
    fn sources() -> Vec<(String, String)> {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../man");
        let paths = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
        let pages: Vec<(String, String)> = paths
            .filter(|path| path.extension().is_some_and(|extension| extension == "md"))
            .map(|path| (path.display().to_string(), fs::read_to_string(path).unwrap()))
            .collect();
        assert!(pages.len() > 10);
        pages
    }

    #[test]
    fn every_page_has_the_sections_that_people_look_for() {
        for (page, text) in sources() {
            for section in SECTIONS {
                let heading = format!("# {section}");
                let mut after = text.lines().skip_while(|line| *line != heading).skip(1);
                let body = after.find(|line| !line.trim().is_empty());
                assert!(body.is_some_and(|line| !line.starts_with("# ")), "{page}: no {section}");
            }
        }
    }

    /// What a page tells to write into a file with `cat >... <<'END'`.
    fn fragments(text: &str) -> Vec<String> {
        let begun = text.split("<<'END'\n").skip(1);
        begun.map(|rest| rest.split_once("    END\n").unwrap().0.replace("    ", "")).collect()
    }

    #[test]
    fn configurations_that_pages_tell_to_write_are_valid() {
        let mut found = 0;
        for (page, text) in sources() {
            for text in fragments(&text) {
                let parsed = mvm_config::load::parse(&[Source { name: page.clone(), text }]);
                assert!(parsed.is_ok(), "{parsed:?}");
                found += 1;
            }
        }
        assert_eq!(found, 4);
    }

    #[test]
    fn codes_that_pages_name_are_in_the_catalogue() {
        for (page, text) in sources() {
            let word = |c: char| !(c.is_ascii_uppercase() || c.is_ascii_digit() || c == '-');
            for code in text.split(word).filter(|word| word.starts_with("MVM-")) {
                let whole = code.ends_with(|c: char| c.is_ascii_digit());
                assert!(!whole || catalogue::find(code).is_some(), "{page}: {code}");
            }
        }
    }

    #[test]
    fn every_row_of_the_old_way_says_where_it_went() {
        let (_, text) = sources().into_iter().find(|(page, _)| page.contains("scripts")).unwrap();
        let rows: Vec<&str> = text.lines().filter(|line| line.starts_with("| ")).collect();
        assert!(rows.len() > 60, "{}", rows.len());
        for row in rows {
            let cells: Vec<&str> = row.trim_matches('|').split('|').map(str::trim).collect();
            assert!(cells.len() == 2 && cells.iter().all(|cell| !cell.is_empty()), "{row}");
            let reason = !cells[1].contains("not done")
                || cells[1].contains("not done, because")
                || cells[1].contains("not done without");
            assert!(reason, "{row}");
        }
    }

    #[test]
    fn a_row_of_two_long_cells_stays_one() {
        let page = "T{\nlong\nT}\n\tT{\nlonger\nT}\nshort\tshort";
        assert_eq!(mend(page), "T{\nlong\nT}\tT{\nlonger\nT}\nshort\tshort\n");
    }
}
