//! The registry's client: the part of the OCI distribution specification that a pull needs, with a
//! bound on every answer. A registry is a stranger: sizes, digests, redirects and waits are ours to
//! decide.
//!
//! reqwest does HTTP, rustls and webpki do TLS, http-auth reads challenges. oci-client is not used,
//! because three things of a pull are not in it: it reads manifests and tokens of any length into
//! memory, and a registry could fill the host's; it begins a layer anew after a break, where a slow
//! line never gets to the end; and it keeps its own store of blobs, where all of a run are held by
//! one lease of containerd.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync;
use std::time::Duration;

use mvm_config::Roots;
use mvm_config::names::ImageRef;
use mvm_plan::images::auth::{Logins, Reply};
use mvm_plan::images::fetch::{Endpoint, endpoints, repository};
use mvm_plan::images::manifest;
use mvm_plan::images::proxy::Proxies;
use mvm_plan::images::{Digest, limits};
use reqwest::header::{ACCEPT, CONTENT_TYPE};
use reqwest::redirect::Policy;
use reqwest::{Client, Method, Proxy, StatusCode, Url};
use tokio::sync::Mutex;
use tokio::time::{Instant, sleep};

mod authorities;
mod body;
mod helper;
mod login;
mod request;
mod trust;
mod turns;

pub use body::Body;
pub use helper::Helpers;
pub use turns::Whom;

use crate::Error;

/// How patient the client is.
#[derive(Debug, Clone, Copy)]
pub struct Patience {
    /// For a connection.
    pub connect: Duration,
    /// For the next bytes.
    pub idle: Duration,
    /// For the beginning of an answer, redirects and all, and again for the rest of a small one.
    pub answer: Duration,
    /// What a wait between attempts is divided by; 1 but in tests.
    pub haste: u32,
}

impl Default for Patience {
    fn default() -> Self {
        let seconds = Duration::from_secs;
        Self { connect: seconds(10), idle: seconds(30), answer: seconds(60), haste: 1 }
    }
}

/// How registries are spoken to.
#[derive(Debug, Clone, Default)]
pub struct Settings {
    /// By registry, the base URLs to ask first.
    pub mirrors: BTreeMap<String, Vec<String>>,
    /// Registries spoken to over plain HTTP.
    pub insecure: Vec<String>,
    /// Who we are.
    pub logins: Logins,
    /// The credential helpers of the login file; `None` where none is run.
    pub helpers: Option<Helpers>,
    /// How long is waited.
    pub patience: Patience,
    /// By which proxies; `None` for what the environment says.
    pub proxies: Option<Proxies>,
    /// Where authorities of single registries are looked for; `None` where none are, as flintlockd
    /// has none.
    pub authorities: Option<Roots>,
}

/// An index or a manifest as it came.
#[derive(Debug, Clone)]
pub struct Document {
    /// One of the four that are taken.
    pub media_type: String,
    /// The hash of `bytes`.
    pub digest: Digest,
    /// Exactly what the registry sent.
    pub bytes: Vec<u8>,
}

/// The client. It keeps connections and tokens for as long as it lives.
#[derive(Debug)]
pub struct Registry {
    settings: Settings,
    proxies: Proxies,
    host: authorities::Authorities,
    /// By registry with authorities of its own, and under `""` for all others.
    clients: sync::Mutex<HashMap<String, Client>>,
    /// By endpoint and repository, what the Authorization header was when it was last let in.
    pub(crate) entries: Mutex<HashMap<(String, String), String>>,
    /// What credential helpers answered: by helper and server.
    helped: Mutex<HashMap<(String, String), Result<Reply, String>>>,
    /// Registries that were asked in a way in which flintlockd does not ask.
    needed: sync::Mutex<BTreeSet<String>>,
    until: Instant,
}

impl Registry {
    /// A client that gives up everything at `until`.
    ///
    /// # Errors
    /// When no HTTP client can be made.
    pub fn new(settings: Settings, until: Instant) -> Result<Self, Error> {
        let proxies = settings.proxies.clone();
        let this = Self {
            proxies: proxies
                .unwrap_or_else(|| Proxies::of_variables(|name| std::env::var(name).ok())),
            settings,
            host: authorities::of_host(),
            clients: sync::Mutex::default(),
            entries: Mutex::default(),
            helped: Mutex::default(),
            needed: sync::Mutex::default(),
            until,
        };
        this.make(String::new(), this.host.clone())?;
        Ok(this)
    }

    /// The client for a server: one that knows the authorities of this registry alone, where there
    /// are some.
    pub(super) fn client(&self, endpoint: &Endpoint) -> Result<Client, Error> {
        let roots = self.settings.authorities.as_ref();
        let files =
            roots.map(|roots| authorities::files(roots, &endpoint.host)).unwrap_or_default();
        let key = if files.is_empty() { String::new() } else { endpoint.host.clone() };
        let known = self.clients.lock().ok().and_then(|all| all.get(&key).cloned());
        if let Some(client) = known {
            return Ok(client);
        }
        self.needs(endpoint);
        let mut all = authorities::of_files(&files);
        all.extend(self.host.iter().cloned());
        self.make(key, all.into())
    }

    fn make(&self, key: String, all: authorities::Authorities) -> Result<Client, Error> {
        let tls = trust::tls(all).map_err(Error::Tls)?;
        let patience = self.settings.patience;
        let proxies = self.proxies.clone();
        let by = move |url: &Url| {
            let port = url.port_or_known_default().unwrap_or(0);
            proxies.of(url.scheme(), url.host_str().unwrap_or_default(), port)
        };
        let client = Client::builder()
            .no_proxy()
            .proxy(Proxy::custom(by))
            .tls_backend_preconfigured(tls)
            .redirect(Policy::none())
            .connect_timeout(patience.connect)
            .read_timeout(patience.idle)
            .user_agent(concat!("mvmhost/", env!("CARGO_PKG_VERSION")))
            // More than that is no faster on one link, and each window is memory.
            .pool_max_idle_per_host(4)
            .http1_only()
            .build()
            .map_err(Error::Http)?;
        if let Ok(mut clients) = self.clients.lock() {
            clients.insert(key, client.clone());
        }
        Ok(client)
    }

    /// Whether images of this registry came in a way that flintlockd does not go: with a login, with
    /// an authority of the registry's own, or over plain HTTP.
    pub fn needed(&self, registry: &str) -> bool {
        self.needed.lock().is_ok_and(|needed| needed.contains(registry))
    }

    /// Takes that down; what a mirror needs says nothing about the registry.
    pub(super) fn needs(&self, endpoint: &Endpoint) {
        if let (None, Ok(mut needed)) = (&endpoint.mirror_of, self.needed.lock()) {
            needed.insert(endpoint.host.clone());
        }
    }

    /// The proxy by way of which a server is asked, without its password.
    pub(super) fn proxy(&self, endpoint: &Endpoint) -> Option<String> {
        let url = Url::parse(&endpoint.base).ok()?;
        let port = url.port_or_known_default()?;
        let proxy = self.proxies.of(url.scheme(), url.host_str()?, port)?;
        Some(Url::parse(&proxy).map_or(proxy, |proxy| request::plain(&proxy)))
    }

    /// The index or manifest behind a tag or digest.
    ///
    /// # Errors
    /// The last one of the registry itself, after its mirrors and all attempts.
    pub async fn document(
        &self,
        registry: &str,
        path: &str,
        name: &str,
    ) -> Result<Document, Error> {
        let wanted = Digest::parse(name);
        let take = async |endpoint: &Endpoint| {
            let place = Place { endpoint, repository: &repository(registry, path) };
            let url = place.url(&format!("manifests/{name}"));
            let accept = [(ACCEPT, manifest::ACCEPT.to_owned())];
            let response = self.get(&place, &url, &accept).await?;
            let header = response.headers().get(CONTENT_TYPE);
            let header = header.and_then(|value| value.to_str().ok()).map(str::to_owned);
            let bytes = self.bounded(&url, body::whole(response, limits::MANIFEST)).await?;
            let digest = Digest::of(&bytes);
            if let Some(wanted) = wanted.as_ref().filter(|wanted| **wanted != digest) {
                return Err(Error::Digest { what: url, wanted: wanted.to_string() });
            }
            let media_type =
                manifest::media_type(header.as_deref(), &bytes).map_err(Error::Refused)?;
            Ok(Document { media_type, digest, bytes })
        };
        self.anywhere(registry, Whom::Everybody, take).await
    }

    /// The digest that the registry itself has for a reference, where it names one.
    ///
    /// # Errors
    /// When it does not answer at once, or has no such image for us.
    pub async fn head(&self, image: &ImageRef) -> Result<Option<Digest>, Error> {
        let registry = image.registry();
        let endpoints = endpoints(registry, &BTreeMap::new(), &self.settings.insecure);
        // Without mirrors there is exactly one.
        let endpoint = endpoints.first().ok_or(Error::Budget { after: Duration::ZERO })?;
        let place = Place { endpoint, repository: &repository(registry, image.repository()) };
        let name = image.digest().or(image.tag()).unwrap_or("latest");
        let url = place.url(&format!("manifests/{name}"));
        let accept = [(ACCEPT, manifest::ACCEPT.to_owned())];
        let response = self.ask(Method::HEAD, &place, &url, &accept).await;
        let response = response.map_err(|error| self.asked(endpoint, error))?;
        let named = response.headers().get("docker-content-digest");
        Ok(named.and_then(|digest| Digest::parse(digest.to_str().ok()?)))
    }

    /// A blob from byte `offset` on, streamed by one of `whom`. Its digest is not checked here.
    ///
    /// # Errors
    /// The last one of the registry itself, after its mirrors and all attempts.
    pub async fn blob(
        &self,
        registry: &str,
        path: &str,
        digest: &Digest,
        size: u64,
        offset: u64,
        whom: Whom,
    ) -> Result<Body, Error> {
        let take = async |endpoint: &Endpoint| {
            let place = Place { endpoint, repository: &repository(registry, path) };
            let url = place.url(&format!("blobs/{digest}"));
            let range = (offset > 0).then(|| (reqwest::header::RANGE, format!("bytes={offset}-")));
            let response = self.get(&place, &url, range.as_slice()).await?;
            let skip = if response.status() == StatusCode::PARTIAL_CONTENT { 0 } else { offset };
            Body::new(response, size, offset, skip)
        };
        self.anywhere(registry, whom, take).await
    }

    /// Waits as the retry policy says, divided by the haste of tests.
    pub(crate) async fn wait(&self, pause: Duration) {
        sleep(pause / self.settings.patience.haste.max(1)).await;
    }
}

/// A repository on one server.
pub(crate) struct Place<'e> {
    pub(crate) endpoint: &'e Endpoint,
    pub(crate) repository: &'e str,
}

impl Place<'_> {
    /// `rest` is `manifests/...` or `blobs/...`.
    fn url(&self, rest: &str) -> String {
        let Endpoint { base, root, .. } = self.endpoint;
        let base = format!("{base}{root}/{}/{rest}", self.repository);
        match &self.endpoint.mirror_of {
            Some(registry) => format!("{base}?ns={registry}"),
            None => base,
        }
    }
}
