//! Names and addresses that are checked before they are held: what reaches a unit file, a device
//! table or a command line has passed through one of these.
//!
//! None can hold a control character, so none can add a line to the file it is written to.
//! Escaping for a particular file format is the business of who writes that file.

mod devices;
mod images;
mod net;
mod services;

pub use devices::{AbsPath, DmName, VgName};
pub use images::ImageRef;
pub(crate) use images::is_registry;
pub use net::{Endpoint, IfName, MacAddr, is_host_name};
pub use services::{Namespace, UnitName};

/// Everything a checked text has besides its own `parse`.
macro_rules! checked_text {
    ($name:ident) => {
        impl $name {
            /// The text itself.
            pub fn as_str(&self) -> &str {
                &self.0
            }

            /// A built-in default; a test reads every one of them back through `parse`.
            #[allow(dead_code, reason = "not every sort of name has a default")]
            pub(crate) fn from_static(text: &'static str) -> Self {
                Self(text.to_owned())
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl AsRef<str> for $name {
            fn as_ref(&self) -> &str {
                &self.0
            }
        }

        impl std::str::FromStr for $name {
            type Err = crate::Invalid;
            fn from_str(text: &str) -> Result<Self, crate::Invalid> {
                Self::parse(text)
            }
        }

        impl TryFrom<&str> for $name {
            type Error = crate::Invalid;
            fn try_from(text: &str) -> Result<Self, crate::Invalid> {
                Self::parse(text)
            }
        }
    };
}
use checked_text;

/// The first character that is neither an ASCII letter or digit nor one of `others`.
fn foreign(text: &str, others: &str) -> Option<char> {
    text.chars().find(|c| !c.is_ascii_alphanumeric() && !others.contains(*c))
}
