//! The registry's client: the part of the OCI distribution specification that a pull needs, with a
//! bound on every answer. A registry is a stranger: sizes, digests, redirects and waits are ours to
//! decide.

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use mvm_config::names::ImageRef;
use mvm_plan::images::auth::Logins;
use mvm_plan::images::fetch::{Endpoint, endpoints, repository};
use mvm_plan::images::manifest;
use mvm_plan::images::{Digest, limits};
use reqwest::header::{ACCEPT, CONTENT_TYPE};
use reqwest::redirect::Policy;
use reqwest::{Client, ClientBuilder, Method, NoProxy, Proxy, StatusCode};
use tokio::sync::Mutex;
use tokio::time::{Instant, sleep};

mod body;
mod login;
mod request;
mod turns;

pub use body::Body;
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
    /// How long is waited.
    pub patience: Patience,
    /// The way out; `None` for what the environment says.
    pub proxies: Option<Proxies>,
}

/// Proxies in the words of the environment's variables; empty: none.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Proxies {
    /// `HTTP_PROXY`
    pub http: String,
    /// `HTTPS_PROXY`
    pub https: String,
    /// `NO_PROXY`
    pub without: String,
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
    http: Client,
    settings: Settings,
    /// By endpoint and repository, what the Authorization header was when it was last let in.
    pub(crate) entries: Mutex<HashMap<(String, String), String>>,
    until: Instant,
}

impl Registry {
    /// A client that gives up everything at `until`.
    ///
    /// # Errors
    /// When the system's certificates cannot be used.
    pub fn new(settings: Settings, until: Instant) -> Result<Self, Error> {
        // Another part of the process may have chosen the same one before.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let mut http = Client::builder();
        if let Some(proxies) = &settings.proxies {
            http = proxied(http, proxies)?;
        }
        let http = http
            .redirect(Policy::none())
            .connect_timeout(settings.patience.connect)
            .read_timeout(settings.patience.idle)
            .user_agent(concat!("mvmhost/", env!("CARGO_PKG_VERSION")))
            // More than that is no faster on one link, and each window is memory.
            .pool_max_idle_per_host(4)
            .http1_only()
            .build()
            .map_err(Error::Http)?;
        Ok(Self { http, settings, entries: Mutex::default(), until })
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
        let response = self.ask(Method::HEAD, &place, &url, &accept).await?;
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

/// With these proxies and none of this process's own environment.
fn proxied(builder: ClientBuilder, proxies: &Proxies) -> Result<ClientBuilder, Error> {
    // As Go has it: this host is never asked by way of a proxy.
    let without = format!("localhost,127.0.0.0/8,::1,{}", proxies.without);
    let mut builder = builder.no_proxy();
    let made = [
        (&proxies.http, Proxy::http(&*proxies.http)),
        (&proxies.https, Proxy::https(&*proxies.https)),
    ];
    for (_, proxy) in made.into_iter().filter(|(url, _)| !url.is_empty()) {
        builder =
            builder.proxy(proxy.map_err(Error::Http)?.no_proxy(NoProxy::from_string(&without)));
    }
    Ok(builder)
}

/// A repository on one server.
pub(crate) struct Place<'e> {
    pub(crate) endpoint: &'e Endpoint,
    pub(crate) repository: &'e str,
}

impl Place<'_> {
    /// `rest` is `manifests/...` or `blobs/...`.
    fn url(&self, rest: &str) -> String {
        let base = format!("{}/v2/{}/{rest}", self.endpoint.base, self.repository);
        match &self.endpoint.mirror_of {
            Some(registry) => format!("{base}?ns={registry}"),
            None => base,
        }
    }
}
