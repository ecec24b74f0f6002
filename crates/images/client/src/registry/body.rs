//! Reading answers that may be too short, too long, or never end, and the URL by which messages name them.

use mvm_images_plan::limits;
use reqwest::{Response, Url};
use tokio::time::{Instant, timeout_at};

use crate::Error;

/// The whole of a small answer, at most `most` bytes of it.
pub(super) async fn bounded_bytes(mut response: Response, most: u64) -> Result<Vec<u8>, Error> {
    let url = plain(response.url());
    let long = |url: &str| Error::Length {
        url: url.to_owned(),
        problem: format!("more than {most} bytes"),
    };
    if response.content_length().is_some_and(|length| length > most) {
        return Err(long(&url));
    }
    let mut bytes = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(|e| failed(&url, e))? {
        if bytes.len() as u64 + chunk.len() as u64 > most {
            return Err(long(&url));
        }
        bytes.extend_from_slice(&chunk);
    }
    Ok(bytes)
}

/// A blob on its way: exactly the bytes that are missing, or an error.
#[derive(Debug)]
pub struct Body {
    response: Response,
    url: String,
    skip: u64,
    missing: u64,
    total: u64,
    until: Instant,
}

impl Body {
    /// `size` bytes in all, of which `offset` are there already and `skip` come once more.
    pub(super) fn new(
        response: Response,
        size: u64,
        offset: u64,
        skip: u64,
    ) -> Result<Self, Error> {
        let url = plain(response.url());
        let missing = size.saturating_sub(offset);
        let expected = missing + skip;
        if let Some(length) = response.content_length().filter(|length| *length != expected) {
            let problem = format!("{length} bytes in place of {expected}");
            return Err(Error::Length { url, problem });
        }
        let until = Instant::now() + limits::timeout(expected);
        Ok(Self { response, url, skip, missing, total: expected, until })
    }

    /// The next bytes; `None` at the end, which comes after exactly as many as were missing.
    ///
    /// # Errors
    /// When the connection breaks, is too slow, or brings another number of bytes.
    pub async fn next(&mut self) -> Result<Option<Vec<u8>>, Error> {
        loop {
            let slow = || Error::Slow { url: self.url.clone(), after: limits::timeout(self.total) };
            let next = timeout_at(self.until, self.response.chunk()).await.map_err(|_| slow())?;
            let Some(chunk) = next.map_err(|e| failed(&self.url, e))? else {
                return match self.missing {
                    0 => Ok(None),
                    missing => Err(self.length(format!("{missing} bytes too few"))),
                };
            };
            let skipped = usize::try_from(self.skip).map_or(chunk.len(), |n| n.min(chunk.len()));
            self.skip -= skipped as u64;
            let useful = &chunk[skipped..];
            let Some(missing) = self.missing.checked_sub(useful.len() as u64) else {
                return Err(self.length("more bytes than the image's manifest says".to_owned()));
            };
            self.missing = missing;
            if !useful.is_empty() {
                return Ok(Some(useful.to_vec()));
            }
        }
    }

    fn length(&self, problem: String) -> Error {
        Error::Length { url: self.url.clone(), problem }
    }
}

fn failed(url: &str, source: reqwest::Error) -> Error {
    Error::Request { url: url.to_owned(), source: source.without_url() }
}

/// A URL for a message: a query may hold a signature that lets in.
pub(super) fn plain(url: &Url) -> String {
    let mut url = url.clone();
    url.set_query(None);
    url.set_fragment(None);
    // Fails only for URLs without a host.
    let _ = url.set_username("");
    let _ = url.set_password(None);
    url.to_string()
}
