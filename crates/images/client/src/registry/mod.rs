//! The registry's client: the part of the OCI distribution specification that a pull needs, with a
//! bound on every answer. A registry is a stranger: sizes, digests, redirects and waits are ours to
//! decide.
//!
//! reqwest does HTTP, rustls and webpki do TLS, http-auth reads challenges, ipnet knows subnets.
//! What else could have been taken, and why it was not (as of oci-client 0.18, oci-spec 0.10,
//! docker_credential 1.4, reqwest 0.13):
//!
//! - oci-client's client makes its own reqwest client, which takes neither our verifier (`CA:TRUE`,
//!   `trust`), nor a certificate to show, nor Go's rules for proxies, and it reads manifests and
//!   tokens of any length into memory: a registry could fill the host's.
//! - its tokens and challenges come only with that client; http-auth, which it reads challenges with,
//!   is used here as well.
//! - its manifests and indexes (and those of oci-spec, which it has references from) refuse what
//!   containerd takes: `null` for a list of layers, a platform without an os.
//! - its references know no IPv6 address, add a registry and a tag that flintlock would not look the
//!   image up by, and bring a regular expression into the generator, for which pid 1 waits.
//! - its error codes refuse an answer whose message is `null`, and would be all that is used of it.
//! - docker_credential knows exact keys only, and gives helpers no time limit.
//! - reqwest's NO_PROXY is curl's: no ports, no `*.`.
//!
//! Our own stay resume by offset, because a slow line never gets to the end otherwise; bounded reads,
//! because a registry is a stranger; and one lease of containerd for all of a run, because its garbage
//! collection would take what has come.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync;
use std::time::Duration;

use mvm_config::names::ImageRef;
use mvm_core::{Digest, Roots};
use mvm_images_plan::auth::{Logins, Reply};
use mvm_images_plan::fetch::{Endpoint, endpoints, repository};
use mvm_images_plan::hosts::{Hosts, Tls};
use mvm_images_plan::limits;
use mvm_images_plan::manifest::{self, Descriptor};
use mvm_images_plan::proxy::Proxies;
use reqwest::header::{ACCEPT, CONTENT_TYPE};
use reqwest::redirect::Policy;
use reqwest::{Client, Method, Proxy, Response, StatusCode, Url};
use tokio::sync::Mutex;
use tokio::time::{Instant, sleep};

mod authorities;
mod body;
mod folders;
mod foreign;
mod helper;
mod login;
mod request;
mod retry;
mod trust;

pub use body::Body;
pub use helper::Helpers;
use retry::Ability;
pub use retry::Servers;

use crate::Error;

/// How patient the client is.
#[derive(Debug, Clone, Copy)]
pub struct Timeouts {
    /// For a connection; 10 s by default.
    pub connect: Duration,
    /// For the next bytes; 30 s by default.
    pub idle: Duration,
    /// For the beginning of an answer, redirects and all, and again for the rest of a small one.
    pub answer: Duration,
    /// What a wait between attempts is divided by; 1 but in tests.
    pub speed_up: u32,
}

impl Default for Timeouts {
    fn default() -> Self {
        let seconds = Duration::from_secs;
        Self { connect: seconds(10), idle: seconds(30), answer: seconds(60), speed_up: 1 }
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
    pub timeouts: Timeouts,
    /// By which proxies; `None` for what the environment says.
    pub proxies: Option<Proxies>,
    /// Where it is looked up what containerd, docker and podman know of single registries; `None`
    /// where it is not, as flintlockd does not.
    pub roots: Option<Roots>,
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
    /// By what is special about a server's certificates.
    clients: sync::Mutex<HashMap<Tls, Client>>,
    /// By registry, what containerd's folder says.
    hosts: sync::Mutex<HashMap<String, Hosts>>,
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
            hosts: sync::Mutex::default(),
            entries: Mutex::default(),
            helped: Mutex::default(),
            needed: sync::Mutex::default(),
            until,
        };
        this.make(Tls::default())?;
        Ok(this)
    }

    /// The client for a server: one that knows what certificates are for it alone, where there are
    /// some.
    pub(super) fn client(&self, endpoint: &Endpoint) -> Result<Client, Error> {
        let roots = self.settings.roots.as_ref();
        let tls = roots.map(|roots| folders::tls(roots, endpoint)).unwrap_or_default();
        if tls != Tls::default() {
            self.needs(endpoint);
        }
        let existing = self.clients.lock().ok().and_then(|all| all.get(&tls).cloned());
        existing.map_or_else(|| self.make(tls), Ok)
    }

    /// What containerd's folder says about a registry, looked up once in a run.
    pub(super) fn hosts(&self, registry: &str) -> Hosts {
        let Some(roots) = &self.settings.roots else { return Hosts::default() };
        match self.hosts.lock() {
            Ok(mut cache) => {
                let hosts = || folders::hosts(roots, registry);
                cache.entry(registry.to_owned()).or_insert_with(hosts).clone()
            }
            Err(_) => folders::hosts(roots, registry),
        }
    }

    fn make(&self, key: Tls) -> Result<Client, Error> {
        let (mut all, mut own) = (Vec::new(), None);
        if let Some(roots) = &self.settings.roots {
            all = authorities::of_files(roots, &key.authorities);
            own = authorities::own(roots, &key)?;
        }
        all.extend(self.host.iter().cloned());
        let tls = trust::tls(all.into(), own, key.any).map_err(Error::Tls)?;
        let timeouts = self.settings.timeouts;
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
            .connect_timeout(timeouts.connect)
            .read_timeout(timeouts.idle)
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
    /// certificates of the registry's own, over plain HTTP, or from a mirror.
    pub fn needed(&self, registry: &str) -> bool {
        self.needed.lock().is_ok_and(|needed| needed.contains(registry))
    }

    /// Takes that down, of a mirror for the registry that it stands in for.
    pub(super) fn needs(&self, endpoint: &Endpoint) {
        if let Ok(mut needed) = self.needed.lock() {
            needed.insert(endpoint.mirror_of.as_ref().unwrap_or(&endpoint.host).clone());
        }
    }

    /// The proxy by way of which a server is asked, without its password.
    pub(super) fn proxy(&self, endpoint: &Endpoint) -> Option<String> {
        let url = Url::parse(&endpoint.base).ok()?;
        let port = url.port_or_known_default()?;
        let proxy = self.proxies.of(url.scheme(), url.host_str()?, port)?;
        Some(Url::parse(&proxy).map_or(proxy, |proxy| body::plain(&proxy)))
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
        let expected = Digest::parse(name);
        let take = async |endpoint: &Endpoint| {
            let place = Place { endpoint, repository: &repository(registry, path) };
            let url = place.url(&format!("manifests/{name}"));
            let accept = [(ACCEPT, manifest::ACCEPT.to_owned())];
            let response = self.get(&place, &url, &accept).await?;
            let header = response.headers().get(CONTENT_TYPE);
            let header = header.and_then(|value| value.to_str().ok()).map(str::to_owned);
            let bytes = self.bounded(&url, body::bounded_bytes(response, limits::MANIFEST)).await?;
            let digest = Digest::of(&bytes);
            if let Some(expected) = expected.as_ref().filter(|expected| **expected != digest) {
                return Err(Error::Digest { object: url, expected: expected.to_string() });
            }
            let media_type =
                manifest::media_type(header.as_deref(), &bytes).map_err(Error::Refused)?;
            Ok(Document { media_type, digest, bytes })
        };
        let needs = if expected.is_some() { Ability::Pull } else { Ability::Resolve };
        self.anywhere(registry, Servers::WithMirrors, needs, take).await
    }

    /// The digest that the registry itself has for a reference, where it names one.
    ///
    /// # Errors
    /// When it does not answer at once, or has no such image for us.
    pub async fn head(&self, image: &ImageRef) -> Result<Option<Digest>, Error> {
        let (registry, none) = (image.registry(), BTreeMap::new());
        let endpoints = endpoints(registry, &none, &self.settings.insecure, &Hosts::default());
        // Without mirrors there is exactly one.
        let endpoint = endpoints.first().ok_or(Error::Budget { after: Duration::ZERO })?;
        let place = Place { endpoint, repository: &repository(registry, image.repository()) };
        let name = image.digest().or(image.tag()).unwrap_or("latest");
        let url = place.url(&format!("manifests/{name}"));
        let accept = [(ACCEPT, manifest::ACCEPT.to_owned())];
        let response = self.ask(Method::HEAD, &place, &url, &accept).await;
        let response = response.map_err(|error| self.with_proxy(endpoint, error))?;
        let header = response.headers().get("docker-content-digest");
        Ok(header.and_then(|digest| Digest::parse(digest.to_str().ok()?)))
    }

    /// A blob from byte `offset` on, streamed by one of `whom`, or from another address in its
    /// manifest when none of them has it. Its digest is not checked here.
    ///
    /// # Errors
    /// The last one of the registry itself, after its mirrors and all attempts.
    pub async fn blob(
        &self,
        registry: &str,
        path: &str,
        blob: &Descriptor,
        offset: u64,
        servers: Servers,
    ) -> Result<Body, Error> {
        let range = (offset > 0).then(|| (reqwest::header::RANGE, format!("bytes={offset}-")));
        let body = |response: Response| {
            let skip = if response.status() == StatusCode::PARTIAL_CONTENT { 0 } else { offset };
            Body::new(response, blob.size, offset, skip)
        };
        let take = async |endpoint: &Endpoint| {
            let place = Place { endpoint, repository: &repository(registry, path) };
            let url = place.url(&format!("blobs/{}", blob.digest));
            body(self.get(&place, &url, range.as_slice()).await?)
        };
        match self.anywhere(registry, servers, Ability::Pull, take).await {
            Err(error) if !blob.urls.is_empty() => {
                self.elsewhere(blob, range.as_slice(), error).await.and_then(body)
            }
            taken => taken,
        }
    }

    /// Waits as the retry policy says, divided by `speed_up`, which is 1 but in tests.
    pub(crate) async fn wait(&self, pause: Duration) {
        sleep(pause / self.settings.timeouts.speed_up.max(1)).await;
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
