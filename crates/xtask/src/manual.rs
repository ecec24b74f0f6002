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
/// and a paragraph that begins where its section does.
fn mend(page: &str) -> String {
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
