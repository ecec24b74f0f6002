//! `mvmhost vm delete`.

use mvm_cli::cli::{Condition, VmDelete};
use mvm_cli::context::Context;
use mvm_cli::output::Exit;
use mvm_core::Finding;
use mvm_core::catalogue::vm as messages;

use super::wait::until;
use crate::session::{Session, TIMEOUT, id, report};

pub(super) fn run(context: &Context, arguments: &VmDelete) -> Exit {
    let session = match Session::open(context) {
        Ok(session) => session,
        Err(exit) => return exit,
    };
    // All are looked up before the first is deleted: a name that is wrong deletes nothing.
    let meant: Result<Vec<_>, Finding> =
        arguments.microvms.iter().map(|target| session.find(target)).collect();
    let meant = match meant {
        Ok(meant) => meant,
        Err(finding) => return report(context, &[finding]),
    };
    let mut findings = Vec::new();
    for microvm in &meant {
        let result = session.api.delete(&microvm.uid, TIMEOUT);
        let deleted = match result {
            Err(error) => session.failed(&id(microvm), &error),
            Ok(_) if arguments.no_wait => messages::deleted(id(microvm)),
            Ok(_) => until(&session, microvm, Condition::Deleted, arguments.timeout)
                .map_or_else(|finding| finding, |_| messages::deleted(id(microvm))),
        };
        findings.push(deleted);
    }
    report(context, &findings)
}
