//! The lease that keeps what is being pulled from containerd's garbage collection.

use std::time::{Duration, SystemTime};

use containerd_client::services::v1::{
    CreateRequest, DeleteRequest, Lease, ListRequest, ListResourcesRequest,
};
use mvm_images_plan::labels::EXPIRE;
use tonic::Code;
use tonic::metadata::AsciiMetadataValue;

use super::{Containerd, unless};
use crate::Error;

/// Always the same: what a killed run has fetched is found again by the next one.
const ID: &str = "mvm-images";
/// Made only to be deleted.
const COLLECT: &str = "mvm-images-collect";
/// How long containerd keeps the lease of a run that was killed.
const LIFE: Duration = Duration::from_secs(24 * 3600);
/// How long a look at a snapshot takes at the very most.
const LOOK: Duration = Duration::from_secs(600);
/// A lease that is older is not built upon: it cannot be renewed.
const OLD: Duration = Duration::from_secs(12 * 3600);

impl Containerd {
    /// Takes the lease, or takes over the one of a killed run; the caller holds the lock that makes
    /// this the only run.
    ///
    /// # Errors
    /// When containerd refuses.
    pub async fn take_lease(&mut self) -> Result<(), Error> {
        let refused = |status| Error::refused("Leases.List", ID, status);
        let request = self.request(ListRequest { filters: vec![format!("id=={ID}")] });
        let listed = self.client.leases().list(request).await.map_err(refused)?;
        let found = listed.into_inner().leases.into_iter().find(|lease| lease.id == ID);
        if found.as_ref().is_some_and(is_old) {
            self.remove_unfinished().await;
            self.drop_lease().await?;
        }
        if found.as_ref().is_none_or(is_old) {
            self.create_lease(ID, LIFE).await?;
        }
        self.lease = Some(AsciiMetadataValue::from_static(ID));
        Ok(())
    }

    /// Removes the snapshots under the lease that no run finished. One that stays goes when the lease has
    /// ended, with containerd's next garbage collection.
    pub async fn remove_unfinished(&self) {
        let unfinished = match self.unfinished().await {
            Ok(unfinished) => unfinished,
            Err(error) => return log::debug!("{error}"),
        };
        for (snapshotter, key) in unfinished {
            if let Err(error) = self.remove(&snapshotter, &key).await {
                log::debug!("{error}");
            }
        }
    }

    /// Lets go of everything that no image record leads to.
    ///
    /// # Errors
    /// When containerd refuses.
    pub async fn drop_lease(&mut self) -> Result<(), Error> {
        self.lease = None;
        let request = self.request(DeleteRequest { id: ID.to_owned(), sync: false });
        let deleted = self.client.leases().delete(request).await;
        unless(Code::NotFound, deleted, "Leases.Delete", ID).map(drop)
    }

    /// Runs containerd's garbage collection and waits for it: the end of a lease can ask for that,
    /// and nothing else can.
    pub(crate) async fn collect(&self) -> Result<(), Error> {
        self.create_lease(COLLECT, LIFE).await?;
        let request = self.patient(DeleteRequest { id: COLLECT.to_owned(), sync: true });
        let deleted = self.client.leases().delete(request).await;
        unless(Code::NotFound, deleted, "Leases.Delete", COLLECT).map(drop)
    }

    /// A lease for the snapshot of a look, unless everything is under one already. A garbage
    /// collection that takes such a snapshot leaves its name with the layer below, which can then
    /// never be removed.
    pub(super) async fn look_lease(&self, id: &str) -> Result<Option<AsciiMetadataValue>, Error> {
        let value = AsciiMetadataValue::try_from(id).ok().filter(|_| self.lease.is_none());
        if value.is_some() {
            self.create_lease(id, LOOK).await?;
        }
        Ok(value)
    }

    /// Deletes the lease of [`Self::look_lease`]; it is no error that it is gone.
    pub(super) async fn end_look(&self, id: &str) -> Result<(), Error> {
        let request = self.request(DeleteRequest { id: id.to_owned(), sync: false });
        let deleted = self.client.leases().delete(request).await;
        unless(Code::NotFound, deleted, "Leases.Delete", id).map(drop)
    }

    async fn create_lease(&self, id: &str, life: Duration) -> Result<(), Error> {
        let expire = prost_types::Timestamp::from(SystemTime::now() + life).to_string();
        let labels = [(EXPIRE.to_owned(), expire)].into();
        let request = self.request(CreateRequest { id: id.to_owned(), labels });
        let made = self.client.leases().create(request).await;
        unless(Code::AlreadyExists, made, "Leases.Create", id).map(drop)
    }

    /// Snapshotter and key of each.
    async fn unfinished(&self) -> Result<Vec<(String, String)>, Error> {
        let request = self.request(ListResourcesRequest { id: ID.to_owned() });
        let listed = self.client.leases().list_resources(request).await;
        let listed = unless(Code::NotFound, listed, "Leases.ListResources", ID)?;
        let resources = listed.unwrap_or_default().resources.into_iter();
        let unfinished = resources.filter(|one| one.id.starts_with("extract-"));
        let pair = unfinished.filter_map(|one| {
            let snapshotter = one.r#type.strip_prefix("snapshots/")?.to_owned();
            Some((snapshotter, one.id))
        });
        Ok(pair.collect())
    }
}

/// A lease whose age cannot be told counts as old.
fn is_old(lease: &Lease) -> bool {
    let created = lease.created_at.and_then(|time| SystemTime::try_from(time).ok());
    let age = created.and_then(|created| created.elapsed().ok());
    age.is_none_or(|age| age > OLD)
}
