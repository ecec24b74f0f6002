//! Which of an index's images is for this machine.

use std::fmt;

use mvm_config::arch;
use serde::Deserialize;

/// An operating system and an architecture, by Go's names.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(default)]
pub struct Platform {
    /// `linux`
    pub os: String,
    /// `amd64`, `arm64`, `arm`, ...
    pub architecture: String,
    /// `v8`, or empty
    pub variant: String,
}

impl Platform {
    /// Reads `linux/arm64` or `linux/arm/v7`.
    pub fn parse(text: &str) -> Option<Self> {
        let mut parts = text.split('/').map(str::to_owned);
        let (os, architecture) = (parts.next()?, parts.next()?);
        let variant = parts.next().unwrap_or_default();
        let whole = !os.is_empty() && !architecture.is_empty() && parts.next().is_none();
        whole.then_some(Self { os, architecture, variant })
    }

    /// The platform of a machine that Rust calls `architecture`.
    pub fn of_machine(architecture: &str) -> Self {
        let found = arch::ALL.iter().find(|arch| arch.machine == architecture);
        let architecture = found.map_or(architecture, |arch| arch.platform);
        Self {
            os: "linux".to_owned(),
            architecture: architecture.to_owned(),
            variant: String::new(),
        }
    }

    /// How well an image for `offered` runs here: the lower the better, `None` not at all.
    /// No variant means the first one: amd64 is v1, arm64 is v8.
    pub fn distance(&self, offered: &Platform) -> Option<u32> {
        if offered.os != self.os || offered.architecture != self.architecture {
            return None;
        }
        let (own_level, offered_level) = (self.level()?, offered.level()?);
        own_level.checked_sub(offered_level)
    }

    /// The number in the variant.
    fn level(&self) -> Option<u32> {
        match (self.variant.as_str(), self.architecture.as_str()) {
            ("", "arm64") => Some(8),
            ("", "arm") => Some(7),
            ("", _) => Some(1),
            (variant, _) => variant.strip_prefix('v')?.parse().ok(),
        }
    }
}

impl fmt::Display for Platform {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.os, self.architecture)?;
        if !self.variant.is_empty() {
            write!(f, "/{}", self.variant)?;
        }
        Ok(())
    }
}
