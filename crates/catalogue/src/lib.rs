//! THE table of everything mvmhost can say, one file for each family of codes.
//!
//! To add a message: add a row to the family's file, use it somewhere, run `cargo xtask generate`.

use mvm_finding::Entry;

/// Of an error `Broken` where the row does not say; only an error can say it.
macro_rules! exit_class {
    (Error) => {
        Some(mvm_finding::Exit::Broken)
    };
    (Error $exit:ident) => {
        Some(mvm_finding::Exit::$exit)
    };
    ($severity:ident) => {
        None
    };
}

/// Declares the rows of one family. Of a row `step_failed(step)` it makes the constructor
/// `step_failed(subject, step)`, which takes a value for each placeholder of the row's texts, the row
/// itself as `step_failed::ROW`, and its place in the list `ALL`. The row of an error may end with
/// `exit: Refused` or `exit: Unavailable`. A placeholder without a field, and a field without a placeholder, do not compile.
macro_rules! catalogue {
    ($( $name:ident($($field:ident),*) = $code:literal, $id:literal, $severity:ident {
        message: $message:literal, cause: $cause:literal, remedy: $remedy:expr
        $(, exit: $exit:ident)? $(,)?
    } )*) => {
        use mvm_finding::{Entry, Finding, Severity};
        $(
            #[doc = $message]
            pub fn $name(subject: impl Into<String>, $($field: impl ToString),*) -> Finding {
                Finding::chosen(&$name::ROW, subject)$(.with(stringify!($field), $field))*
            }

            #[doc = concat!("The row of ", $code, ".")]
            pub mod $name {
                #[allow(clippy::wildcard_imports, reason = "a text may be a constant of the family")]
                use super::*;

                /// What stands in the catalogue.
                pub static ROW: Entry = Entry {
                    code: $code, id: $id, severity: Severity::$severity,
                    name: stringify!($name), module: module_path!(),
                    exit: exit_class!($severity $($exit)?),
                    message: $message, cause: $cause, remedy: $remedy,
                };

                const _: () = assert!(
                    ROW.takes(&[$(stringify!($field)),*]),
                    "a placeholder has no field, or a field no placeholder"
                );
            }
        )*
        pub(crate) static ALL: &[(&str, &Entry)] =
            &[$((stringify!($name), &$name::ROW)),*];
    };
}

pub mod adopt;
pub mod chain;
pub mod checked;
pub mod conf;
pub mod ctrd;
pub mod database;
pub mod deep;
pub mod dhcp;
pub mod disk;
pub mod down;
pub mod drift;
pub mod flk;
pub mod guard;
pub mod host;
pub mod img;
pub mod init;
pub mod kvm;
pub mod nat;
pub mod net;
pub mod overrides;
pub mod pool;
pub mod remote;
pub mod repair;
pub mod report;
pub mod reserved;
pub mod said;
pub mod sec;
pub mod seen;
pub mod tailscale;
pub mod teardown;
pub mod tls;
pub mod units;
pub mod uplink;
pub mod vm;
pub mod vmm;

/// Every row, family by family.
pub fn all() -> impl Iterator<Item = &'static Entry> {
    names().map(|(_, entry)| entry)
}

/// Every row with its name in the sources.
pub fn names() -> impl Iterator<Item = (&'static str, &'static Entry)> {
    let families = [
        adopt::ALL,
        chain::ALL,
        checked::ALL,
        deep::ALL,
        init::ALL,
        kvm::ALL,
        remote::ALL,
        repair::ALL,
        report::ALL,
        reserved::ALL,
        sec::ALL,
        tls::ALL,
        vm::ALL,
        vmm::ALL,
        conf::ALL,
        overrides::ALL,
        pool::ALL,
        pool::FILES,
        disk::ALL,
        guard::ALL,
        database::ALL,
        net::ALL,
        down::ALL,
        tailscale::ALL,
        nat::ALL,
        uplink::ALL,
        dhcp::ALL,
        ctrd::ALL,
        flk::ALL,
        host::ALL,
        img::ALL,
        said::ALL,
        teardown::ALL,
        units::ALL,
        drift::ALL,
    ];
    families.into_iter().chain(seen::FAMILIES).flatten().copied()
}

/// The row with this code, such as `MVM-POOL-012`; letter case does not matter.
pub fn find(code: &str) -> Option<&'static Entry> {
    all().find(|entry| entry.code.eq_ignore_ascii_case(code))
}
