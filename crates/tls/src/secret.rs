//! Secrets of Kubernetes as Cluster API reads them: `spec.tlsSecretRef` of a MicrovmCluster wants
//! tls.crt, tls.key and ca.crt; `basicAuthSecret` of its static pool a token for each host.

use std::fmt::Write;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use mvm_core::{Roots, atomic};

use crate::Error;
use crate::observe::LARGEST;
use crate::plan::FOLDER;

/// A Secret of `type: Opaque`.
#[derive(Debug, Clone, Copy)]
pub struct Opaque<'a> {
    /// `metadata.name`, such as `lab-tls`.
    pub name: &'a str,
    /// `metadata.namespace`: that of the cluster.
    pub namespace: &'a str,
    /// The keys of `data` with their values, which the YAML has in base64.
    pub data: &'a [(&'a str, Vec<u8>)],
}

/// The Secret as YAML. Names are those of Kubernetes and are checked by the caller.
pub fn secret(secret: Opaque<'_>) -> String {
    let Opaque { name, namespace, data } = secret;
    let mut text = format!(
        "apiVersion: v1\nkind: Secret\nmetadata:\n  name: {name}\n  namespace: {namespace}\ntype: Opaque\ndata:\n"
    );
    for (key, value) in data {
        // Writing to a String cannot fail.
        let _ = writeln!(text, "  {key}: {}", STANDARD.encode(value));
    }
    text
}

/// tls.crt, tls.key and ca.crt of a client.
///
/// # Errors
/// A file cannot be read.
pub fn material(roots: &Roots, client: &str) -> Result<[(&'static str, Vec<u8>); 3], Error> {
    let folder = roots.at(FOLDER);
    let read =
        |file: String| atomic::read_bounded(&folder.join(file), LARGEST).map_err(Error::File);
    Ok([
        ("tls.crt", read(format!("clients/{client}.crt"))?),
        ("tls.key", read(format!("clients/{client}.key"))?),
        ("ca.crt", read("ca.crt".to_owned())?),
    ])
}
