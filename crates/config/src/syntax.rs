//! What is left of a file with syntax errors. Belongs here: telling the errors, and taking out
//! the lines that have them so that the rest can be read and its errors told in the same run.

use toml::de::DeTable;

use crate::Invalid;
use crate::problem::Report;

/// A line taken out may leave another one without its beginning; after so many rounds the rest of
/// the file is given up.
const ROUNDS: usize = 8;

/// Reports the syntax errors of a text and returns the text with the lines in question blanked,
/// every other byte where it was. Without errors the text comes back as it is.
pub(crate) fn readable(file: usize, text: &str, report: &mut Report<'_>) -> String {
    let mut rest = text.to_owned();
    for round in 0..ROUNDS {
        let (_, errors) = DeTable::parse_recoverable(&rest);
        if errors.is_empty() {
            return rest;
        }
        let mut lines = Lines::of(&rest);
        for error in &errors {
            let offset = error.span().map_or(0, |span| span.start);
            // The same line is often wrong in several ways; the first is the cause.
            if lines.mark(offset) && round == 0 {
                report.plain(file, Some(offset), syntax_error(error.message()));
            }
        }
        rest = lines.without_marked();
    }
    String::new()
}

/// The parser's words in two halves, and more help where the mistake is a usual one.
fn syntax_error(message: &str) -> Invalid {
    let (reason, expected) = message.split_once(", expected ").unwrap_or((message, ""));
    let instead = match reason {
        "duplicate key" => "keep one of the two".to_owned(),
        "string values must be quoted" => "write the value in double quotes".to_owned(),
        _ if expected.is_empty() => "mend the line; see mvmhost.toml(5)".to_owned(),
        _ => format!("expected {expected}"),
    };
    Invalid::new(format!("not TOML: {reason}"), instead)
}

/// The lines of a text, some of them marked.
struct Lines<'t> {
    lines: Vec<Line<'t>>,
    /// Where the last line ends that has something on it.
    end: usize,
}

struct Line<'t> {
    start: usize,
    text: &'t str,
    marked: bool,
}

impl<'t> Lines<'t> {
    fn of(text: &'t str) -> Self {
        let mut start = 0;
        let lines = text.split_inclusive('\n').map(|text| {
            let line = Line { start, text, marked: false };
            start += text.len();
            line
        });
        let lines = lines.collect();
        Self { lines, end: text.trim_ascii_end().len() }
    }

    /// Marks the line around the offset; false when it was marked before. An error at the very end
    /// belongs to the last line that has something on it.
    fn mark(&mut self, offset: usize) -> bool {
        let offset = offset.min(self.end);
        let after = self.lines.partition_point(|line| line.start <= offset);
        match after.checked_sub(1).and_then(|index| self.lines.get_mut(index)) {
            Some(line) => !std::mem::replace(&mut line.marked, true),
            None => false,
        }
    }

    /// The text with the marked lines blanked. With a table's header goes the whole table: its keys
    /// would count for the table before.
    fn without_marked(&self) -> String {
        let mut out = String::new();
        let mut in_lost_table = false;
        for line in &self.lines {
            if line.text.trim_start().starts_with('[') {
                in_lost_table = line.marked;
            }
            if line.marked || in_lost_table {
                let blank = |byte| if byte == b'\n' { '\n' } else { ' ' };
                out.extend(line.text.bytes().map(blank));
            } else {
                out.push_str(line.text);
            }
        }
        out
    }
}
