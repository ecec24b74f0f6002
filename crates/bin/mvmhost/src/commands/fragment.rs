//! A fragment of the configuration that a command writes and may write again: it is held against the
//! other files before, and one that somebody else wrote is not touched.

use std::path::PathBuf;

use mvm_cli::context::{Context, invalid};
use mvm_config::{Loaded, Source, load};
use mvm_core::{Finding, atomic, chain};

/// The operator's other files, and the fragment among them.
pub(super) struct Fragment {
    /// `/etc/mvmhost.toml.d/NAME`
    pub(super) path: PathBuf,
    /// Its text, where the command wrote one before.
    pub(super) written: Option<String>,
    others: Vec<Source>,
    place: usize,
}

/// Why a fragment cannot be written.
pub(super) enum Refusal {
    /// The files as they are, or together with it, are not valid.
    Invalid(Vec<Finding>),
    /// The file is somebody else's, or cannot be written: the file and why.
    Unwritable(PathBuf, String),
}

impl Fragment {
    /// `mark` is the first line of what the command writes.
    pub(super) fn open(context: &Context, name: &str, mark: &str) -> Result<Self, Refusal> {
        let mut others = load::read(&context.roots, context.config.as_deref())
            .map_err(|problems| Refusal::Invalid(problems.iter().map(invalid).collect()))?;
        let file = context.config.as_ref();
        let file = file.map_or("/etc/mvmhost.toml".into(), |path| path.display().to_string());
        let own = format!("{file}.d/{name}");
        let there = others.iter().position(|source| source.name == own);
        let written = there.map(|there| others.remove(there).text);
        if written.as_ref().is_some_and(|text| !text.starts_with(mark)) {
            let why = "it is there, and this command did not write it";
            return Err(Refusal::Unwritable(own.into(), why.to_owned()));
        }
        let behind = |source: &Source| source.name != file && source.name > own;
        let place = others.iter().position(behind).unwrap_or(others.len());
        Ok(Self { path: own.into(), written, others, place })
    }

    /// The configuration without it.
    pub(super) fn without(&self) -> Result<Loaded, Refusal> {
        parse(&self.others)
    }

    /// The configuration with this text in its place.
    pub(super) fn with(&self, text: &str) -> Result<Loaded, Refusal> {
        let mut all = self.others.clone();
        let name = self.path.display().to_string();
        all.insert(self.place, Source { name, text: text.to_owned() });
        parse(&all)
    }

    /// Writes it; false when it is there already.
    pub(super) fn write(&self, context: &Context, text: &str) -> Result<bool, Refusal> {
        atomic::write_if_changed(&context.roots.at(&self.path), text.as_bytes(), 0o644)
            .map_err(|error| Refusal::Unwritable(self.path.clone(), chain(&error)))
    }
}

fn parse(sources: &[Source]) -> Result<Loaded, Refusal> {
    load::parse(sources)
        .map_err(|problems| Refusal::Invalid(problems.iter().map(invalid).collect()))
}
