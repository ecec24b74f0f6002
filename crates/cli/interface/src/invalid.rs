//! What is wrong with the configuration, as one report: each line quoted, the place underlined, the
//! key's help and what to write instead.

use std::ops::Range;
use std::path::Path;

use annotate_snippets::{Level, Renderer, Snippet};
use mvm_config::{Problem, Source};
use mvm_core::terminal::Color;
use mvm_core::{Finding, Roots, catalogue};
use serde_json::{Value, json};

/// Everything that is wrong, with the texts of the files that it is wrong in.
pub struct Invalid {
    problems: Vec<Problem>,
    sources: Vec<Source>,
}

impl Invalid {
    /// The texts are read once more; a file that cannot be read has none, and is named all the same.
    pub fn new(roots: &Roots, config: Option<&Path>, problems: Vec<Problem>) -> Self {
        Self { problems, sources: mvm_config::load::read(roots, config).unwrap_or_default() }
    }

    /// Its message has the first problem and their number, its evidence a line for each.
    pub fn finding(&self) -> Finding {
        let lines: Vec<String> = self.problems.iter().map(ToString::to_string).collect();
        let file = self.problems.first().map_or("/etc/mvmhost.toml", |first| first.file.as_str());
        let first = lines.first().cloned().unwrap_or_default();
        let problem = match lines.len() {
            0 | 1 => first,
            count => format!("{count} errors, the first is {first}"),
        };
        catalogue::conf::invalid(file, problem).evidence(lines.join("\n"))
    }

    /// For people: a snippet for each problem and a summary line.
    pub fn text(&self, color: Color) -> String {
        let renderer = match color {
            Color::Always => Renderer::styled(),
            Color::Never => Renderer::plain(),
        };
        let mut out = String::new();
        for problem in &self.problems {
            out.push_str(&self.snippet(problem, &renderer));
            out.push_str("\n\n");
        }
        let count = self.problems.len();
        let many = if count == 1 { "error" } else { "errors" };
        let code = catalogue::conf::invalid::ROW.code;
        out.push_str(&format!(
            "{code}: {count} {many} in the configuration, which is not used; see mvmhost explain {code}\n"
        ));
        out
    }

    fn snippet(&self, problem: &Problem, renderer: &Renderer) -> String {
        let title = match problem.key.is_empty() {
            true => problem.message.clone(),
            false => format!("{}: {}", problem.key, problem.message),
        };
        let text = self.sources.iter().find(|source| source.name == problem.file);
        let span = problem
            .span
            .clone()
            .filter(|span| text.is_some_and(|source| is_shown(&source.text, span)));
        let (Some(source), Some(span)) = (text, span) else {
            return format!("error: {problem}");
        };
        let purpose = format!("{} is: {}", problem.key, problem.help);
        // Control characters would move the cursor of a terminal; a tab would move what is underlined.
        let shown: String = source
            .text
            .chars()
            .map(|c| if c.is_control() && c != '\n' { ' ' } else { c })
            .collect();
        // Replaced characters of more than a byte move what stands behind them.
        let span = if shown.len() == source.text.len() { span } else { 0..0 };
        let place = Level::Error.span(span);
        let snippet = Snippet::source(&shown).origin(&problem.file).fold(true).annotation(place);
        let mut message = Level::Error.title(&title).snippet(snippet);
        if !problem.help.is_empty() {
            message = message.footer(Level::Note.title(&purpose));
        }
        if !problem.instead.is_empty() {
            message = message.footer(Level::Help.title(&problem.instead));
        }
        renderer.render(message).to_string()
    }

    /// For programs: each problem with its place in bytes, lines and columns from 1.
    pub fn json(&self) -> Value {
        let each = self.problems.iter().map(|problem| {
            let text = self.sources.iter().find(|source| source.name == problem.file);
            let column = problem.span.as_ref().zip(text).map(|(span, source)| {
                let before = source.text.get(..span.start).unwrap_or_default();
                before.rsplit('\n').next().unwrap_or_default().chars().count() + 1
            });
            json!({
                "file": problem.file, "line": (problem.line > 0).then_some(problem.line),
                "column": column, "span": problem.span.as_ref().map(|span| [span.start, span.end]),
                "key": problem.key, "value": problem.value, "message": problem.message,
                "instead": problem.instead, "help": problem.help,
            })
        });
        each.collect()
    }
}

/// A line longer than this is not quoted, in bytes.
const LONGEST: usize = 400;

/// Whether there is something to underline, on a line that fits a screen.
fn is_shown(text: &str, span: &Range<usize>) -> bool {
    let before = text.get(..span.start).unwrap_or_default();
    let start = before.rfind('\n').map_or(0, |at| at + 1);
    let line = text.get(start..).and_then(|rest| rest.lines().next()).unwrap_or_default();
    let word = text.get(span.clone()).is_some_and(|word| !word.is_empty());
    word && line.len() <= LONGEST && span.len() <= LONGEST
}

#[cfg(test)]
mod tests {
    use super::*;

    fn invalid(text: &str) -> Invalid {
        let source = Source { name: "/etc/mvmhost.toml".to_owned(), text: text.to_owned() };
        let problems = mvm_config::load::parse(std::slice::from_ref(&source)).unwrap_err();
        Invalid { problems, sources: vec![source] }
    }

    #[test]
    fn the_line_is_quoted_and_the_place_underlined() {
        let invalid = invalid("[thinpool.loop]\ndata-size = \"10X\"\n[networks]\n");
        let text = invalid.text(Color::Never);
        assert!(text.contains("2 | data-size = \"10X\""), "{text}");
        assert!(text.contains("^^^^^"), "{text}");
        assert!(text.contains("note: [thinpool.loop] data-size is: "), "{text}");
        assert!(text.contains("help: "), "{text}");
        assert!(text.ends_with("2 errors in the configuration, which is not used; see mvmhost explain MVM-CONF-001\n"), "{text}");
        let json = invalid.json();
        assert_eq!(json[0]["line"], 2);
        assert_eq!(json[0]["column"], 13);
        assert_eq!(json[0]["span"], serde_json::json!([28, 33]));
        let finding = invalid.finding();
        assert!(finding.message().contains("2 errors"), "{}", finding.message());
        assert_eq!(finding.evidence_text().lines().count(), 2);
    }

    #[test]
    fn the_key_that_is_unknown_is_underlined_and_a_tab_moves_nothing() {
        let text = invalid("[thinpool.loop]\n\tdata-siez\t= \"10GiB\"\n").text(Color::Never);
        assert!(text.contains("2 |  data-siez = \"10GiB\"\n  |  ^^^^^^^^^\n"), "{text}");
        let text = invalid("[thinpool]\nbackend = \"lvn\"\n").text(Color::Never);
        assert!(text.contains("did you mean \"lvm\"?"), "{text}");
    }

    #[test]
    fn nothing_of_a_file_moves_the_cursor() {
        for text in [
            "a = \"\u{1b}[2J\"\n",
            "\u{1b}[2J\n",
            "=",
            "[",
            "ä = 1\n[b\n",
            "a = 'x\u{85}y'\nb = 1\n",
        ] {
            let shown = invalid(text).text(Color::Never);
            assert!(!shown.contains(['\u{1b}', '\u{85}']), "{shown:?}");
        }
    }
}
