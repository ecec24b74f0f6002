//! Names of snapshots.

use mvm_core::Digest;

/// The chain ID of each layer, lowest first: the first is its diff ID, each further one the hash of
/// its parent's and its own (OCI image specification, "Layer ChainID").
pub fn chain_ids(diff_ids: &[Digest]) -> Vec<Digest> {
    let mut chain: Vec<Digest> = Vec::with_capacity(diff_ids.len());
    for diff in diff_ids {
        let id = match chain.last() {
            None => diff.clone(),
            Some(parent) => Digest::of(format!("{parent} {diff}").as_bytes()),
        };
        chain.push(id);
    }
    chain
}
