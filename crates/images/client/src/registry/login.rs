//! Being let in: basic authentication, and tokens.

use mvm_images_plan::auth::{self, Challenge, Found, Login, Reply};
use mvm_images_plan::fetch::{Next, after_status};
use mvm_images_plan::limits;
use reqwest::header::{AUTHORIZATION, CONTENT_TYPE};
use reqwest::{RequestBuilder, Url};

use super::body::plain;
use super::{Place, Registry, body};
use crate::Error;

/// A token server that has no exchange of refresh tokens answers with one of these (GCR, Artifactory
/// and others, as containerd's client notes).
const NO_EXCHANGE: [u16; 3] = [401, 404, 405];

/// What there is to show at one place, and what is to be said when it does not let us in.
pub(super) struct LoginLookup {
    login: Option<Login>,
    /// Empty, or about the login.
    pub(super) about: String,
    /// Name of the helper that gave no answer, where there is no other login.
    pub(super) failed: Option<String>,
}

impl Registry {
    /// Gets what the challenge asks for and keeps it for this repository.
    pub(super) async fn let_in(
        &self,
        place: &Place<'_>,
        challenge: Option<Challenge>,
    ) -> Result<(), Error> {
        let lookup = self.look_up_login(place).await;
        let refused = || self.refused(place, 401, &lookup);
        let entry = match (challenge.ok_or_else(refused)?, &lookup.login) {
            (_, Some(Login::Bearer(token))) => format!("Bearer {token}"),
            (Challenge::Basic, login) => {
                login.as_ref().and_then(Login::basic).ok_or_else(refused)?
            }
            (Challenge::Bearer { realm, service, scopes }, _) => {
                let ask = Ask { realm: &realm, service: &service, scopes: &scopes };
                self.token(place, &ask, &lookup).await?
            }
        };
        if lookup.login.is_some() {
            self.needs(place.endpoint);
        }
        self.entries.lock().await.insert(place.key(), entry);
        Ok(())
    }

    /// What the login file has for a place; a helper is asked once in a run.
    pub(super) async fn look_up_login(&self, place: &Place<'_>) -> LoginLookup {
        let path = place.endpoint.login_path(place.repository);
        let nothing = |about: String| LoginLookup { login: None, about, failed: None };
        let (helper, otherwise) = match self.settings.logins.find(&place.endpoint.host, &path) {
            Found::Login(login) => {
                let about = "the login of the file was shown".to_owned();
                return LoginLookup { login: Some(login), about, failed: None };
            }
            Found::Broken(key) => {
                return nothing(format!("the file's entry {key:?} is no login"));
            }
            Found::Nothing if self.settings.logins.is_empty() => return nothing(String::new()),
            Found::Nothing => return nothing("the login file has none for it".to_owned()),
            Found::Helper(helper, otherwise) => (helper, otherwise),
        };
        let mut replies = self.helped.lock().await;
        let reply = match replies.get(&(helper.name.clone(), helper.server.clone())) {
            Some(reply) => reply.clone(),
            None => {
                let (helpers, question) = (self.settings.helpers.clone(), helper.clone());
                // It waits for a program, and other transfers go on meanwhile.
                let reply = tokio::task::spawn_blocking(move || match helpers {
                    Some(helpers) => helpers.ask(&question),
                    None => Err("is not run here".to_owned()),
                });
                let reply = reply.await.unwrap_or_else(|_| Err("cannot be asked".to_owned()));
                replies.insert((helper.name.clone(), helper.server.clone()), reply.clone());
                reply
            }
        };
        let name = &helper.name;
        match (reply, otherwise) {
            (Ok(Reply::Login(login)), _) => {
                let about = format!("the login of the credential helper {name} was shown");
                LoginLookup { login: Some(login), about, failed: None }
            }
            (_, Some(login)) => {
                let about = "the login of the file was shown".to_owned();
                LoginLookup { login: Some(login), about, failed: None }
            }
            (Err(why), None) => {
                let about = format!("the credential helper {name} {why}");
                LoginLookup { login: None, about, failed: Some(helper.name) }
            }
            (Ok(_), None) => nothing(format!("the credential helper {name} has no login for it")),
        }
    }

    /// The error for who is not let in.
    pub(super) fn refused(&self, place: &Place<'_>, status: u16, lookup: &LoginLookup) -> Error {
        let (host, about) = (place.endpoint.host.clone(), lookup.about.clone());
        match lookup.failed.clone() {
            Some(helper) => Error::Helper { host, helper, about },
            None => Error::Unauthorized { host, status, about },
        }
    }

    /// A token for pulling from one repository. The login is shown to the token server only under
    /// TLS, or when it is the plain registry itself.
    async fn token(
        &self,
        place: &Place<'_>,
        ask: &Ask<'_>,
        lookup: &LoginLookup,
    ) -> Result<String, Error> {
        let refused = || self.refused(place, 401, lookup);
        let url = Url::parse(ask.realm).map_err(|_| refused())?;
        let own = url.scheme() == "http"
            && place.endpoint.plain
            && Url::parse(&place.endpoint.base).is_ok_and(|base| base.host() == url.host());
        if url.scheme() != "https" && !own {
            return Err(refused());
        }
        let client = self.client(place.endpoint)?;
        if let Some(refresh) = lookup.login.as_ref().and_then(Login::refresh_token) {
            let form = ask.form(place.repository, refresh);
            let post = client.post(url.clone()).body(form);
            let post = post.header(CONTENT_TYPE, "application/x-www-form-urlencoded");
            match self.take_token(&url, post).await? {
                Ok(token) => return Ok(format!("Bearer {token}")),
                Err(status) if NO_EXCHANGE.contains(&status) => {}
                Err(_) => return Err(refused()),
            }
        }
        let mut get = client.get(ask.url(url.clone(), place.repository));
        if let Some(basic) = lookup.login.as_ref().and_then(Login::basic) {
            get = get.header(AUTHORIZATION, basic);
        } else if lookup.login.is_some() {
            return Err(refused());
        }
        let token = self.take_token(&url, get).await?.map_err(|_| refused())?;
        Ok(format!("Bearer {token}"))
    }

    /// The token in a token server's answer, or the status with which it refuses.
    async fn take_token(
        &self,
        url: &Url,
        request: RequestBuilder,
    ) -> Result<Result<String, u16>, Error> {
        let read = async {
            let response = request.send().await.map_err(|source| self.unanswered(url, source))?;
            let status = response.status().as_u16();
            match after_status(status, None, 1) {
                // A server that is down refuses nobody.
                Next::Retry(_) => {
                    return Err(Error::Status { url: plain(url), status, message: String::new() });
                }
                Next::GiveUp if !response.status().is_success() => return Ok(Err(status)),
                Next::GiveUp => {}
            }
            let answer = body::bounded_bytes(response, limits::TOKEN).await?;
            Ok(auth::token(&answer).ok_or(status))
        };
        self.bounded(&plain(url), read).await
    }
}

/// What a token server is asked for.
struct Ask<'a> {
    realm: &'a str,
    service: &'a str,
    scopes: &'a [String],
}

impl Ask<'_> {
    /// As containerd's client: what is needed, and what else the registry says.
    fn scopes(&self, repository: &str) -> Vec<String> {
        let own = format!("repository:{repository}:pull");
        let more = self.scopes.iter().filter(|scope| **scope != own).cloned();
        std::iter::once(own.clone()).chain(more).collect()
    }

    fn url(&self, mut url: Url, repository: &str) -> Url {
        if !self.service.is_empty() {
            url.query_pairs_mut().append_pair("service", self.service);
        }
        for scope in self.scopes(repository) {
            url.query_pairs_mut().append_pair("scope", &scope);
        }
        url
    }

    /// The exchange of a refresh token (RFC 6749, section 6).
    fn form(&self, repository: &str, refresh: &str) -> String {
        // Only its query is of use: it is spelt as a form is.
        let Ok(mut url) = Url::parse("http://form.invalid/") else { return String::new() };
        url.query_pairs_mut()
            .append_pair("grant_type", "refresh_token")
            .append_pair("service", self.service)
            .append_pair("client_id", "mvmhost")
            .append_pair("scope", &self.scopes(repository).join(" "))
            .append_pair("refresh_token", refresh);
        url.query().unwrap_or_default().to_owned()
    }
}
