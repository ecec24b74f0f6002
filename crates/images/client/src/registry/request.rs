//! One request: redirects, logins and retries.

use std::future::Future;
use std::io;

use mvm_images_plan::auth::{self, Challenge};
use mvm_images_plan::fetch::{Next, after_status, error_message};
use mvm_images_plan::limits;
use reqwest::header::{AUTHORIZATION, HeaderName, LOCATION, RETRY_AFTER, WWW_AUTHENTICATE};
use reqwest::{Method, Response, StatusCode, Url};
use rustls::CertificateError;
use tokio::time::timeout;

use super::body::plain;
use super::{Place, Registry, body};
use crate::Error;

impl Registry {
    /// The answer to a GET, once it is 200 or 206: lets itself in where that is asked, and waits
    /// where the server is busy.
    pub(super) async fn get(
        &self,
        place: &Place<'_>,
        url: &str,
        headers: &[(HeaderName, String)],
    ) -> Result<Response, Error> {
        self.ask(Method::GET, place, url, headers).await
    }

    /// The same with another method.
    pub(super) async fn ask(
        &self,
        method: Method,
        place: &Place<'_>,
        url: &str,
        headers: &[(HeaderName, String)],
    ) -> Result<Response, Error> {
        let mut attempt = 1;
        let mut refused = false;
        loop {
            let response = self.bounded(url, self.follow(&method, place, url, headers)).await?;
            let status = response.status();
            if status == StatusCode::OK || status == StatusCode::PARTIAL_CONTENT {
                return Ok(response);
            }
            let is_own = place.is_own(response.url());
            if status == StatusCode::UNAUTHORIZED && is_own && !refused {
                refused = true;
                self.let_in(place, challenge(&response)).await?;
                continue;
            }
            let code = status.as_u16();
            if status == StatusCode::UNAUTHORIZED || status == StatusCode::FORBIDDEN {
                if is_own {
                    let lookup = self.look_up_login(place).await;
                    return Err(self.refused(place, code, &lookup));
                }
                let (host, about) = (host(response.url()), String::new());
                return Err(Error::Unauthorized { host, status: code, about });
            }
            let retry_after =
                response.headers().get(RETRY_AFTER).and_then(|value| value.to_str().ok());
            match after_status(code, retry_after, attempt) {
                Next::Retry(pause) => self.wait(pause).await,
                Next::GiveUp => return Err(self.refusal(response).await),
            }
            attempt += 1;
        }
    }

    /// A status that is none of success, with the registry's own words where they come at once.
    async fn refusal(&self, response: Response) -> Error {
        let (url, status) = (plain(response.url()), response.status().as_u16());
        let bytes = self.bounded(&url, body::bounded_bytes(response, limits::ERROR)).await;
        Error::Status { url, status, message: error_message(&bytes.unwrap_or_default()) }
    }

    /// Follows redirects. What lets us in goes to the server that it is for and nowhere else, and
    /// what began with TLS stays with it.
    pub(super) async fn follow(
        &self,
        method: &Method,
        place: &Place<'_>,
        url: &str,
        headers: &[(HeaderName, String)],
    ) -> Result<Response, Error> {
        let bad = |problem| Error::Redirect { url: url.to_owned(), problem };
        let first = Url::parse(url).map_err(|_| bad("to no address"))?;
        let client = self.client(place.endpoint)?;
        let mut at = first.clone();
        for _ in 0..=limits::REDIRECTS {
            let mut request = client.request(method.clone(), at.clone());
            for (name, value) in headers {
                request = request.header(name, value);
            }
            if at.origin() == first.origin() {
                for (name, value) in &place.endpoint.headers.0 {
                    request = request.header(name, value);
                }
                if let Some(entry) = self.entry(place).await {
                    request = request.header(AUTHORIZATION, entry);
                }
            }
            let response = request.send().await.map_err(|source| self.unanswered(&at, source))?;
            if !response.status().is_redirection() {
                return Ok(response);
            }
            let to = response.headers().get(LOCATION).and_then(|value| value.to_str().ok());
            let to = to.and_then(|to| at.join(to).ok()).ok_or_else(|| bad("to no address"))?;
            match (at.scheme(), to.scheme()) {
                (_, "https") | ("http", "http") => at = to,
                _ => return Err(bad("from TLS to plain HTTP")),
            }
        }
        Err(bad("too often"))
    }

    /// What a request without an answer came to. A certificate is no better the next time.
    pub(super) fn unanswered(&self, url: &Url, source: reqwest::Error) -> Error {
        let (source, url) = (source.without_url(), plain(url));
        match untrusted(&source) {
            Some(CertificateError::NotValidYetContext { time, not_before }) => {
                let (now, from) = (time.as_secs(), not_before.as_secs());
                Error::Early { url, now, from, source }
            }
            Some(_) => Error::Untrusted { url, source },
            None => Error::Request { url, source },
        }
    }

    /// Bounds an exchange, or the reading of a small answer. The pauses that a registry asks for
    /// are not in it: cut short, they would end in asking earlier than it allows.
    pub(super) async fn bounded<T>(
        &self,
        url: &str,
        work: impl Future<Output = Result<T, Error>>,
    ) -> Result<T, Error> {
        let after = self.settings.timeouts.answer;
        let slow = |_| Err(Error::Slow { url: url.to_owned(), after });
        timeout(after, work).await.unwrap_or_else(slow)
    }

    /// What was last accepted here.
    async fn entry(&self, place: &Place<'_>) -> Option<String> {
        self.entries.lock().await.get(&place.key()).cloned()
    }
}

impl Place<'_> {
    /// Under which `Registry::entries` keeps what lets us in.
    pub(super) fn key(&self) -> (String, String) {
        (self.endpoint.base.clone(), self.repository.to_owned())
    }

    /// Whether an answer is this server's. Another one, where a redirect led, cannot say who may
    /// have the login.
    fn is_own(&self, url: &Url) -> bool {
        Url::parse(&self.endpoint.base).is_ok_and(|base| base.origin() == url.origin())
    }
}

/// `host[:port]`
fn host(url: &Url) -> String {
    let host = url.host_str().unwrap_or_default();
    url.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"))
}

/// What the server asks for.
fn challenge(response: &Response) -> Option<Challenge> {
    let headers = response.headers().get_all(WWW_AUTHENTICATE).iter();
    auth::choose(headers.filter_map(|value| value.to_str().ok()))
}

/// Why the server's certificate is not trusted, where that is the cause.
fn untrusted<'e>(error: &'e (dyn std::error::Error + 'static)) -> Option<&'e CertificateError> {
    if let Some(rustls::Error::InvalidCertificate(why)) = error.downcast_ref() {
        return Some(why);
    }
    // An io::Error, of which there may be one in the other, shows what it carries to nobody who only
    // asks for its source.
    match error.downcast_ref::<io::Error>().and_then(io::Error::get_ref) {
        Some(carried) => untrusted(carried),
        None => error.source().and_then(untrusted),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_certificate_is_the_cause_however_deep() {
        let wrapped = |error| io::Error::other(io::Error::new(io::ErrorKind::InvalidData, error));
        let unknown = wrapped(rustls::Error::InvalidCertificate(CertificateError::UnknownIssuer));
        assert!(matches!(untrusted(&unknown), Some(CertificateError::UnknownIssuer)));
        assert!(untrusted(&wrapped(rustls::Error::DecryptError)).is_none());
        assert!(untrusted(&io::Error::from(io::ErrorKind::ConnectionRefused)).is_none());
    }
}
