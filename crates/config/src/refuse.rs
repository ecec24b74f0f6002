//! Settings that exclude each other, each with its own message. Belongs here: what can be said
//! from the file alone. Whether the machine has the interface, disk or program is not asked.

mod network;
mod served;
mod services;
mod storage;
mod subnets;

use crate::problem::Report;
use crate::schema::{self, Draft};
use crate::walk::Written;
use crate::{Config, Invalid};

/// Which keys of `[flintlockd.tls]` hold something; the model has them only where they are whole.
#[derive(Clone, Copy)]
pub(crate) struct TlsKeys {
    cert: bool,
    key: bool,
    client_ca: bool,
}

impl TlsKeys {
    pub(crate) fn of(draft: &Draft) -> Self {
        Self {
            cert: draft.tls_cert.is_some(),
            key: draft.tls_key.is_some(),
            client_ca: draft.tls_client_ca.is_some(),
        }
    }
}

/// Reports every refused combination. `whole` is false when lines or files had to be left out: then only
/// keys that were all written are held against each other.
pub(crate) fn combinations(
    config: &Config,
    tls: TlsKeys,
    written: &Written<'_>,
    report: &mut Report<'_>,
    whole: bool,
) {
    let mut refusals = Refusals { config, written, report, whole };
    storage::combinations(&mut refusals);
    services::combinations(&mut refusals, tls);
    network::combinations(&mut refusals);
    subnets::combinations(&mut refusals);
    served::combinations(&mut refusals);
}

/// The configuration under examination and where to complain.
struct Refusals<'c, 't, 'a> {
    config: &'c Config,
    written: &'c Written<'t>,
    report: &'c mut Report<'a>,
    whole: bool,
}

impl<'c> Refusals<'c, '_, '_> {
    /// Refuses how these keys stand to each other, at the first of them that a file holds.
    fn refuse(
        &mut self,
        paths: &[&'static str],
        message: impl Into<String>,
        instead: impl Into<String>,
    ) {
        self.refuse_at(paths, None, "", message, instead);
    }

    /// Refuses one entry of the list at the first path, or one field of that entry.
    fn refuse_entry(
        &mut self,
        paths: &[&'static str],
        entry: usize,
        field: &'static str,
        message: impl Into<String>,
        instead: impl Into<String>,
    ) {
        self.refuse_at(paths, Some(entry), field, message, instead);
    }

    fn refuse_at(
        &mut self,
        paths: &[&'static str],
        entry: Option<usize>,
        field: &'static str,
        message: impl Into<String>,
        instead: impl Into<String>,
    ) {
        debug_assert!(paths.iter().all(|path| schema::row(path).is_some()), "{paths:?}");
        // A key whose value could not be read is at its default here, and has its own complaint.
        if paths.iter().any(|path| self.report.unread.contains(path)) {
            return;
        }
        if !self.whole && !paths.iter().all(|path| self.written.contains(path)) {
            return;
        }
        let error = Invalid::new(message, instead);
        let Some(mark) = paths.iter().find_map(|path| self.written.find(path)) else {
            let key = paths.first().map(|path| schema::shown(path, "")).unwrap_or_default();
            self.report.keyed(0, None, key, None, error);
            return;
        };
        let list = mark.value.get_ref().as_array();
        let entry = entry.and_then(|index| list?.get(index));
        let value = entry.and_then(|entry| {
            if field.is_empty() { Some(entry) } else { entry.get_ref().as_table()?.get(field) }
        });
        let span = value.unwrap_or(entry.unwrap_or(mark.value)).span();
        let is_header = value.is_none_or(|value| value.get_ref().is_table());
        let shown_value = if entry.is_some() && is_header { None } else { Some(span.clone()) };
        let offset = if entry.is_some() { span.start } else { mark.key.start };
        let field = if value.is_some() { field } else { "" };
        self.report.keyed(
            mark.file,
            Some(offset),
            schema::shown(mark.path, field),
            shown_value,
            error,
        );
    }
}
