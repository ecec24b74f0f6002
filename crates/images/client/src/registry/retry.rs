//! Who is asked, in which order and how often.

use std::time::Duration;

use mvm_core::chain;
use mvm_images_plan::fetch::{Endpoint, Next, after_break, endpoints, is_local};
use tokio::time::timeout_at;

use super::{Registry, Settings};
use crate::Error;

/// Attempts at one blob in which its mirrors are asked.
const MIRRORS: u32 = 2;

/// Which servers may give a blob; [`Registry::persist`] leaves the mirrors out after a few
/// failures.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Servers {
    /// The registry's mirrors and then itself.
    WithMirrors,
    /// The registry itself and nobody else.
    Registry,
}

/// What a server is asked for, which containerd's hosts.toml may keep from it (`capabilities`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ability {
    /// What a tag stands for.
    Resolve,
    /// What has a digest.
    Pull,
}

impl Ability {
    fn is_of(self, endpoint: &Endpoint) -> bool {
        match self {
            Self::Resolve => endpoint.resolves,
            Self::Pull => endpoint.pulls,
        }
    }
}

impl Registry {
    /// Repeats the transfer of a blob, which goes on where it broke off, and once more from the
    /// beginning after [`Error::Digest`]. Mirrors are asked first, and one whose answers begin well
    /// and then break off or bring wrong bytes would keep the blob away for good: after a few
    /// attempts, or the first wrong digest, only the registry is asked. That digest is also what
    /// comes of the registry's bytes behind a mirror's wrong ones.
    ///
    /// # Errors
    /// The last one of `transfer`.
    pub async fn persist<T>(
        &self,
        mut transfer: impl AsyncFnMut(Servers) -> Result<T, Error>,
    ) -> Result<T, Error> {
        let (mut number, mut wrong) = (1, false);
        loop {
            let servers =
                if wrong || number > MIRRORS { Servers::Registry } else { Servers::WithMirrors };
            match transfer(servers).await {
                Err(error) if error.is_passing() => match after_break(number) {
                    Next::Retry(pause) => self.wait(pause).await,
                    Next::GiveUp => return Err(error),
                },
                Err(error) if !wrong && matches!(error.cause(), Error::Digest { .. }) => {
                    wrong = true;
                }
                result => return result,
            }
            number += 1;
        }
    }

    /// Asks each server in turn, and each as often as its answers deserve.
    pub(super) async fn anywhere<T>(
        &self,
        registry: &str,
        servers: Servers,
        ability: Ability,
        take: impl AsyncFn(&Endpoint) -> Result<T, Error>,
    ) -> Result<T, Error> {
        let Settings { mirrors, insecure, .. } = &self.settings;
        let mut endpoints = endpoints(registry, mirrors, insecure, &self.hosts(registry));
        endpoints.retain(|endpoint| servers == Servers::WithMirrors || endpoint.itself);
        endpoints.retain(|endpoint| ability.is_of(endpoint));
        let (mut answers, mut last) = (Vec::new(), None::<Error>);
        for endpoint in &endpoints {
            if endpoint.only_for_tls && !last.as_ref().is_some_and(Error::is_tls_perhaps) {
                break;
            }
            let attempts = timeout_at(self.until, self.patiently(|| take(endpoint))).await;
            match attempts.unwrap_or(Err(Error::Budget { after: Duration::ZERO })) {
                Ok(taken) => {
                    let other = endpoint.mirror_of.is_some() || endpoint.only_for_tls;
                    if endpoint.plain && !is_local(registry) || other {
                        self.needs(endpoint);
                    }
                    return Ok(taken);
                }
                Err(error) => {
                    let error = self.with_proxy(endpoint, error);
                    log::debug!("{}: {error}", endpoint.base);
                    answers.push(format!("{}: {}", endpoint.base, chain(&error)));
                    last = Some(error);
                }
            }
        }
        let last = last.unwrap_or_else(|| Error::Nobody { registry: registry.to_owned() });
        match answers.len() {
            0 | 1 => Err(last),
            _ => Err(Error::NoServer { answers: answers.join("\n"), last: Box::new(last) }),
        }
    }

    /// Names the proxy by way of which it was asked.
    pub(super) fn with_proxy(&self, endpoint: &Endpoint, error: Error) -> Error {
        match self.proxy(endpoint) {
            Some(proxy) => {
                let answers = format!("by way of the proxy {proxy}: {}", chain(&error));
                Error::NoServer { answers, last: Box::new(error) }
            }
            None => error,
        }
    }

    /// Repeats what broke off, with pauses.
    async fn patiently<T>(&self, attempt: impl AsyncFn() -> Result<T, Error>) -> Result<T, Error> {
        let mut number = 1;
        loop {
            match attempt().await {
                Err(error) if error.is_passing() => match after_break(number) {
                    Next::Retry(pause) => self.wait(pause).await,
                    Next::GiveUp => return Err(error),
                },
                result => return result,
            }
            number += 1;
        }
    }
}
