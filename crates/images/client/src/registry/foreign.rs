//! Layers that their registry need not have, from the addresses that their manifest names.

use mvm_core::chain;
use mvm_images_plan::fetch;
use mvm_images_plan::manifest::Descriptor;
use reqwest::header::HeaderName;
use reqwest::{Method, Response, StatusCode, Url};

use super::body::plain;
use super::{Place, Registry};
use crate::Error;

impl Registry {
    /// Asks each address, without a login, after `error` of the registry. The digest tells whether
    /// the answer is right, so that plain HTTP does no harm.
    pub(super) async fn elsewhere(
        &self,
        blob: &Descriptor,
        headers: &[(HeaderName, String)],
        error: Error,
    ) -> Result<Response, Error> {
        let mut answers = vec![chain(&error)];
        for url in blob.urls.iter().filter_map(|url| Url::parse(url).ok()) {
            match self.stranger(&url, headers).await {
                Ok(response) => return Ok(response),
                Err(other) => answers.push(format!("{}: {}", plain(&url), chain(&other))),
            }
        }
        Err(Error::NoServer { answers: answers.join("\n"), last: Box::new(error) })
    }

    async fn stranger(
        &self,
        url: &Url,
        headers: &[(HeaderName, String)],
    ) -> Result<Response, Error> {
        let near = Error::Redirect { url: plain(url), problem: "to this host, or to no address" };
        let endpoint = fetch::foreign(url.as_str()).ok_or(near)?;
        // No login is kept under an empty name.
        let place = Place { endpoint: &endpoint, repository: "" };
        let request = self.follow(&Method::GET, &place, url.as_str(), headers);
        let response = self.bounded(&plain(url), request).await?;
        match response.status() {
            StatusCode::OK | StatusCode::PARTIAL_CONTENT => Ok(response),
            status => {
                let (url, message) = (plain(response.url()), String::new());
                Err(Error::Status { url, status: status.as_u16(), message })
            }
        }
    }
}
