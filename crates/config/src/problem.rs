//! What is wrong with the files, line by line. Belongs here: the shape of a complaint and the
//! collection of all of them. What is complained about is decided elsewhere.

use std::fmt;
use std::ops::Range;

use crate::Invalid;

/// One text that takes part in the configuration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Source {
    /// The name that is shown to people, such as `/etc/mvmhost.toml`.
    pub name: String,
    /// The whole TOML text; a [`Problem::span`] counts bytes in it.
    pub text: String,
}

/// One thing that is wrong with one file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// The name of the [`Source`].
    pub file: String,
    /// Counted from 1; 0 means the file as a whole.
    pub line: u32,
    /// Section and key, such as `[thinpool.loop] data-size`; empty for a syntax error.
    pub key: String,
    /// The value as written, shortened to one line; empty where there is none to show.
    pub value: String,
    /// What is wrong: `not a size`.
    pub message: String,
    /// What to write instead: `write for example "100GiB"`.
    pub instead: String,
    /// Where it stands in the text of the file, in bytes; `None` for the file as a whole.
    pub span: Option<Range<usize>>,
    /// What the key is for, from the schema; empty where there is no such key.
    pub help: &'static str,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.file)?;
        if self.line > 0 {
            write!(f, ":{}", self.line)?;
        }
        if !self.key.is_empty() {
            write!(f, ": {}", self.key)?;
            if !self.value.is_empty() {
                write!(f, " = {}", self.value)?;
            }
        }
        write!(f, ": {}", self.message)?;
        if !self.instead.is_empty() {
            write!(f, "; {}", self.instead)?;
        }
        Ok(())
    }
}

/// How many problems are told; a file that is no configuration at all has one in every line.
pub const MOST_PROBLEMS: usize = 100;

/// How many are kept for sorting before the rest is only counted.
const MOST_KEPT: usize = 4096;

/// A shown value is cut after this many characters.
const VALUE_CHARS: usize = 60;

/// A problem whose line is not counted yet. `offset` is `None` for the file as a whole.
struct Located {
    file: usize,
    offset: Option<usize>,
    problem: Problem,
}

/// Collects problems while the files are read.
pub(crate) struct Report<'a> {
    sources: &'a [Source],
    found: Vec<Located>,
    uncounted: usize,
    /// Paths of schema rows whose value could not be read.
    pub(crate) unread: Vec<&'static str>,
    /// What is known of a key such as `[thinpool.loop] data-size`.
    help: fn(&str) -> &'static str,
}

impl<'a> Report<'a> {
    pub(crate) fn new(sources: &'a [Source], help: fn(&str) -> &'static str) -> Self {
        Self { sources, found: Vec::new(), uncounted: 0, unread: Vec::new(), help }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.found.is_empty()
    }

    /// Whether further problems are only counted, so that their words need not be found.
    pub(crate) fn is_full(&self) -> bool {
        self.found.len() == MOST_KEPT
    }

    /// A problem with no key, such as a syntax error.
    pub(crate) fn plain(&mut self, file: usize, offset: Option<usize>, error: Invalid) {
        self.push(file, offset, String::new(), String::new(), None, error);
    }

    /// A problem with a key, and with its value where `value` says where that stands.
    pub(crate) fn keyed(
        &mut self,
        file: usize,
        offset: Option<usize>,
        key: String,
        value: Option<Range<usize>>,
        error: Invalid,
    ) {
        let shown = self.shown(file, value.clone());
        self.push(file, offset, key, shown, value, error);
    }

    /// [`Self::keyed`], where the key at `offset` is wrong and not its value.
    pub(crate) fn unknown(
        &mut self,
        file: usize,
        offset: usize,
        key: String,
        value: Option<Range<usize>>,
        error: Invalid,
    ) {
        let shown = self.shown(file, value);
        self.push(file, Some(offset), key, shown, None, error);
    }

    fn shown(&self, file: usize, value: Option<Range<usize>>) -> String {
        let text = self.sources.get(file).map_or("", |source| source.text.as_str());
        value.and_then(|span| text.get(span)).map(one_line).unwrap_or_default()
    }

    fn push(
        &mut self,
        file: usize,
        offset: Option<usize>,
        key: String,
        value: String,
        span: Option<Range<usize>>,
        error: Invalid,
    ) {
        if self.is_full() {
            self.uncounted += 1;
            return;
        }
        let name = self.sources.get(file).map_or("built-in defaults", |source| &source.name);
        let Invalid { message, instead } = error;
        let text = self.sources.get(file).map_or("", |source| source.text.as_str());
        let span = span.or_else(|| offset.map(|at| word_at(text, at)));
        let help = (self.help)(&key);
        let problem =
            Problem { file: name.to_owned(), line: 0, key, value, message, instead, span, help };
        self.found.push(Located { file, offset, problem });
    }

    /// The problems in the order of files and lines, at most [`MOST_PROBLEMS`] and a last one that
    /// says how many more there are.
    pub(crate) fn finish(mut self) -> Vec<Problem> {
        self.found.sort_by_key(|located| (located.file, located.offset));
        let more = self.found.len().saturating_sub(MOST_PROBLEMS) + self.uncounted;
        self.found.truncate(MOST_PROBLEMS);
        let mut lines = Lines { sources: self.sources, file: 0, offset: 0, line: 1 };
        let mut problems: Vec<Problem> = Vec::with_capacity(self.found.len() + 1);
        for Located { file, offset, mut problem } in self.found {
            if let Some(offset) = offset {
                problem.line = lines.line_of(file, offset);
            }
            problems.push(problem);
        }
        if let Some(file) = problems.last().map(|last| last.file.clone()).filter(|_| more > 0) {
            problems.push(Problem {
                file,
                line: 0,
                key: String::new(),
                value: String::new(),
                message: format!("{more} more problems"),
                instead: "correct the ones above first".to_owned(),
                span: None,
                help: "",
            });
        }
        problems
    }
}

/// The word that begins at `at`, or one character of its line.
fn word_at(text: &str, at: usize) -> Range<usize> {
    let rest = text.get(at..).unwrap_or_default();
    let end = rest.find(|c: char| c.is_whitespace() || matches!(c, '=' | ']' | ','));
    let length = end.unwrap_or(rest.len()).max(rest.chars().next().map_or(0, char::len_utf8));
    at..(at + length).min(text.len())
}

/// Counts lines; offsets asked for in ascending order cost one pass over each file.
struct Lines<'a> {
    sources: &'a [Source],
    file: usize,
    offset: usize,
    line: u32,
}

impl Lines<'_> {
    fn line_of(&mut self, file: usize, offset: usize) -> u32 {
        if self.file != file || offset < self.offset {
            (self.file, self.offset, self.line) = (file, 0, 1);
        }
        let bytes = self.sources.get(file).map_or(&[][..], |source| source.text.as_bytes());
        // An error at the end of the file is shown at its last line, not at the one after it.
        let end = offset.min(bytes.len().saturating_sub(1));
        if let Some(passed) = bytes.get(self.offset..end) {
            let newlines = passed.iter().filter(|byte| **byte == b'\n').count();
            self.line = self.line.saturating_add(u32::try_from(newlines).unwrap_or(u32::MAX));
            self.offset = end;
        }
        self.line
    }
}

/// Text on one line and without control characters: it goes to a terminal and to /dev/kmsg, where
/// a newline would begin a record of its own.
pub(crate) fn printable(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        if c.is_control() {
            out.extend(c.escape_default());
        } else {
            out.push(c);
        }
    }
    out
}

/// [`printable`] and cut to a readable length.
pub(crate) fn one_line(text: &str) -> String {
    match text.char_indices().nth(VALUE_CHARS) {
        Some((end, _)) => printable(text.get(..end).unwrap_or(text)) + "...",
        None => printable(text),
    }
}
