//! Walks a parsed file along the schema: typed values go into the draft, everything else is
//! complained about.

use std::ops::Range;

use toml::Spanned;
use toml::de::{DeString, DeTable, DeValue};

use crate::Invalid;
use crate::problem::{Report, one_line};
use crate::schema::{At, Draft, Row, SECTIONS, Section, suggest};

/// Where a key was written last.
pub(crate) struct Mark<'t> {
    pub(crate) path: &'static str,
    pub(crate) file: usize,
    pub(crate) key: Range<usize>,
    pub(crate) value: &'t Spanned<DeValue<'t>>,
}

/// Every key that some file holds, in the order in which they were met.
#[derive(Default)]
pub(crate) struct Written<'t> {
    marks: Vec<Mark<'t>>,
}

impl<'t> Written<'t> {
    /// The last place that wrote the key.
    pub(crate) fn find(&self, path: &str) -> Option<&Mark<'t>> {
        self.marks.iter().rev().find(|mark| mark.path == path)
    }

    pub(crate) fn contains(&self, path: &str) -> bool {
        self.find(path).is_some()
    }

    pub(crate) fn into_paths(self) -> Vec<&'static str> {
        let mut paths: Vec<&'static str> = self.marks.into_iter().map(|mark| mark.path).collect();
        paths.sort_unstable();
        paths.dedup();
        paths
    }
}

/// One file on its way into the draft.
pub(crate) struct Walk<'w, 't, 'a> {
    pub(crate) file: usize,
    pub(crate) draft: &'w mut Draft,
    pub(crate) written: &'w mut Written<'t>,
    pub(crate) report: &'w mut Report<'a>,
}

impl<'t> Walk<'_, 't, '_> {
    /// Reads every key of a table; `path` is the table's own, empty for the file.
    pub(crate) fn table(&mut self, path: &str, table: &'t DeTable<'t>) {
        let section = SECTIONS.iter().find(|section| section.path == path);
        let rows = section.map_or(&[][..], |section| section.rows);
        for (key, value) in table {
            let name = key.get_ref().as_ref();
            if let Some(row) = rows.iter().find(|row| row.name == name) {
                self.row(row, key, value);
                continue;
            }
            let child = if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") };
            if SECTIONS.iter().all(|section| below(section.path, &child).is_none()) {
                self.unknown(path, rows, key, value);
            } else if let Some(table) = value.get_ref().as_table() {
                self.table(&child, table);
            } else {
                let error =
                    Invalid::new("not a table", format!("write [{child}] in a line of its own"));
                let at = Some(key.span().start);
                self.report.keyed(self.file, at, child, Some(value.span()), error);
            }
        }
    }

    fn row(
        &mut self,
        row: &'static Row,
        key: &Spanned<DeString<'_>>,
        value: &'t Spanned<DeValue<'t>>,
    ) {
        let mut at = At { report: self.report, file: self.file, path: row.path, field: "" };
        if !(row.read)(self.draft, value, &mut at) {
            self.report.unread.push(row.path);
        }
        let mark = Mark { path: row.path, file: self.file, key: key.span(), value };
        self.written.marks.push(mark);
    }

    fn unknown(
        &mut self,
        path: &str,
        rows: &[Row],
        key: &Spanned<DeString<'_>>,
        value: &Spanned<DeValue<'_>>,
    ) {
        if self.report.is_full() {
            // Only counted, so the words need not be found.
            self.report.plain(self.file, None, Invalid::new("", ""));
            return;
        }
        let name = key.get_ref().as_ref();
        let tables = SECTIONS.iter().filter_map(|section| {
            let rest = below(section.path, path)?;
            Some(rest.split('.').next().unwrap_or(rest)).filter(|name| !name.is_empty())
        });
        let siblings = rows.iter().map(|row| row.name);
        let error = match only_home(name) {
            Some(home) if home.path != path && !value.get_ref().is_table() => {
                let kebab = name.replace('_', "-");
                Invalid::new("unknown key", format!("write {kebab} below [{}]", home.path))
            }
            _ => suggest::unknown(name, siblings.chain(tables)),
        };
        let name = one_line(name);
        let (shown, value) = match (value.get_ref().is_table(), path) {
            (true, "") => (format!("[{name}]"), None),
            (true, path) => (format!("[{path}.{name}]"), None),
            (false, "") => (name, Some(value.span())),
            (false, path) => (format!("[{path}] {name}"), Some(value.span())),
        };
        self.report.unknown(self.file, key.span().start, shown, value, error);
    }
}

/// The table that a key belongs to, where only one has a key of that name.
fn only_home(name: &str) -> Option<&'static Section> {
    let kebab = name.replace('_', "-");
    let mut homes =
        SECTIONS.iter().filter(|section| section.rows.iter().any(|row| row.name == kebab));
    let home = homes.next()?;
    if homes.next().is_none() { Some(home) } else { None }
}

/// What follows `parent` in `path`: empty for the parent itself, `None` for a path elsewhere.
fn below<'p>(path: &'p str, parent: &str) -> Option<&'p str> {
    if parent.is_empty() {
        return Some(path);
    }
    let rest = path.strip_prefix(parent)?;
    if rest.is_empty() { Some(rest) } else { rest.strip_prefix('.') }
}
