//! `mvmhost vm create`.

use std::path::Path;

use mvm_cli::cli::VmCreate;
use mvm_cli::context::Context;
use mvm_cli::output::{self, Exit};
use mvm_config::last_good::load_or_last_good;
use mvm_core::catalogue::vm as messages;
use mvm_core::json::Document;
use mvm_core::{Finding, atomic, chain};
use mvm_images_plan::Platform;
use mvm_network_kernel::machine_id;
use mvm_units_plan::microvm::{Request, Source, Spec, SshKey, Volume, complete, parse, user_data};

use super::wait::until;
use crate::session::{Session, TIMEOUT, id, one_line, report};

/// A specification with its user data; a file of keys.
const LARGEST: u64 = 1 << 20;

pub(super) fn run(context: &Context, arguments: &VmCreate) -> Exit {
    if arguments.dry_run {
        return dry_run(context, arguments);
    }
    let session = match Session::open(context) {
        Ok(session) => session,
        Err(exit) => return exit,
    };
    let request = read_request(arguments);
    let spec = request.and_then(|(base, request)| spec(context, session.config(), base, &request));
    match spec.and_then(|spec| create(&session, &spec, arguments)) {
        Ok(findings) => report(context, &findings),
        Err(finding) => report(context, &[finding]),
    }
}

fn create(
    session: &Session<'_>,
    spec: &Spec,
    arguments: &VmCreate,
) -> Result<Vec<Finding>, Finding> {
    let name = format!("{}/{}", spec.namespace, spec.id);
    let all = session.api.list_microvms(TIMEOUT).map_err(|error| session.failed(&name, &error))?;
    if all.iter().any(|one| one.namespace == spec.namespace && one.name == spec.id) {
        return Err(messages::exists(name));
    }
    let made = session.api.create(spec, TIMEOUT).map_err(|error| session.failed(&name, &error))?;
    let id = id(&made.microvm);
    let mac = spec.interfaces.first().and_then(|card| card.guest_mac.clone());
    let mut findings = vec![messages::created(&id, mac.unwrap_or_default())];
    if let Some(condition) = arguments.wait_for {
        let waited = until(session, &made.microvm, condition, arguments.timeout);
        findings.push(waited.unwrap_or_else(|finding| finding));
    }
    Ok(findings)
}

fn dry_run(context: &Context, arguments: &VmCreate) -> Exit {
    let loaded = match load_or_last_good(&context.roots, context.config.as_deref()) {
        Ok((loaded, _)) => loaded,
        Err(findings) => {
            output::findings(context.json, &findings);
            return Exit::Config;
        }
    };
    let request = read_request(arguments);
    let spec = request.and_then(|(base, request)| spec(context, &loaded.config, base, &request));
    match spec {
        Ok(spec) if context.json => {
            output::print(&Document::new(&[]).with("microvm", spec).text());
            Exit::Done
        }
        // As --spec and grpcurl take it.
        Ok(spec) => {
            let text = serde_json::to_string_pretty(&serde_json::json!({"microvm": spec}));
            output::print(&(text.unwrap_or_default() + "\n"));
            Exit::Done
        }
        Err(finding) => {
            output::findings(context.json, &[finding]);
            Exit::Findings
        }
    }
}

/// What is asked for on this host, completed.
pub(crate) fn spec(
    context: &Context,
    config: &mvm_config::Config,
    base: Spec,
    request: &Request,
) -> Result<Spec, Finding> {
    let name = if request.name.is_empty() { base.id.clone() } else { request.name.clone() };
    let machine = machine_id(&context.roots);
    let platform = config.images.platform.as_deref().and_then(Platform::parse);
    let here = || Platform::of_machine(std::env::consts::ARCH);
    let platform = platform.unwrap_or_else(here);
    complete(base, request, config, &machine, &platform.architecture)
        .map_err(|why| messages::spec_invalid(one_line(&name), why))
}

/// What the command line says: a specification from a file, and the rest.
fn read_request(arguments: &VmCreate) -> Result<(Spec, Request), Finding> {
    let base = match &arguments.spec {
        Some(file) => parse(&text(file)?).map_err(|why| unreadable(file, &why))?,
        None => Spec::default(),
    };
    let name = if arguments.name.is_empty() { &base.id } else { &arguments.name };
    let user_data = match (&arguments.user_data, &arguments.ssh_key) {
        (Some(file), _) => Some(text(file)?.into_bytes()),
        (None, Some(file)) => {
            let keys = SshKey::read(&text(file)?).map_err(|why| unreadable(file, &why))?;
            Some(user_data(name, &keys).into_bytes())
        }
        (None, None) => None,
    };
    let volumes: Result<Vec<Volume>, Finding> =
        arguments.volumes.iter().map(|text| volume(name, text)).collect();
    let request = Request {
        name: arguments.name.clone(),
        namespace: arguments.namespace.clone(),
        vcpu: arguments.vcpu,
        memory: arguments.memory,
        root: arguments.root_image.clone(),
        kernel: arguments.kernel_image.clone(),
        kernel_file: arguments.kernel_file.clone(),
        provider: arguments.provider.clone(),
        bridge: arguments.bridge.clone(),
        macvtap: arguments.macvtap,
        mac: arguments.mac,
        address: arguments.address,
        user_data,
        volumes: volumes?,
    };
    Ok((base, request))
}

/// `ID=IMAGE` or `ID=IMAGE:/MOUNT`; an image has no slash behind its last colon.
fn volume(name: &str, text: &str) -> Result<Volume, Finding> {
    let invalid = || {
        let why = format!("{text:?} is no ID=IMAGE[:MOUNT]");
        messages::spec_invalid(name, why)
    };
    let (id, rest) = text.split_once('=').ok_or_else(invalid)?;
    let (image, mount_point) = match rest.split_once(":/") {
        Some((image, mount)) => (image, Some(format!("/{mount}"))),
        None => (rest, None),
    };
    if id.is_empty() || image.is_empty() || id == "root" {
        return Err(invalid());
    }
    let source = Source { container_source: Some(image.to_owned()), virtiofs_source: None };
    Ok(Volume { id: id.to_owned(), source, mount_point, ..Volume::default() })
}

fn text(file: &Path) -> Result<String, Finding> {
    let bytes =
        atomic::read_linked(file, LARGEST).map_err(|error| unreadable(file, &chain(&error)))?;
    String::from_utf8(bytes).map_err(|_| unreadable(file, "it is not UTF-8 text"))
}

fn unreadable(file: &Path, why: &str) -> Finding {
    messages::file_unreadable(file.display().to_string(), why)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_volume_is_an_id_an_image_and_a_place() {
        let made =
            volume("a", "modules=r.test:5000/kernel-modules:5.10.77:/lib/modules/5").unwrap();
        let image = made.source.container_source.as_deref();
        assert_eq!(image, Some("r.test:5000/kernel-modules:5.10.77"));
        assert_eq!(made.mount_point.as_deref(), Some("/lib/modules/5"));
        assert_eq!(volume("a", "data=r.test/a:1").unwrap().mount_point, None);
        for wrong in ["", "data", "=r.test/a:1", "data=", "root=r.test/a:1"] {
            assert!(volume("a", wrong).is_err(), "{wrong}");
        }
    }
}
