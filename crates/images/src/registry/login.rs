//! Being let in: basic authentication, and tokens.

use mvm_plan::images::auth::{Challenge, Login};
use mvm_plan::images::limits;
use reqwest::Url;
use reqwest::header::AUTHORIZATION;

use super::request::{plain, unanswered};
use super::{Place, Registry, body};
use crate::Error;

impl Registry {
    /// Gets what the challenge asks for and keeps it for this repository.
    pub(super) async fn let_in(
        &self,
        place: &Place<'_>,
        challenge: Option<Challenge>,
    ) -> Result<(), Error> {
        let host = || place.endpoint.host.clone();
        let refused = || Error::Unauthorized { host: host(), status: 401 };
        let login = self.settings.logins.of(&place.endpoint.host);
        let entry = match challenge.ok_or_else(refused)? {
            Challenge::Basic => login.ok_or_else(refused)?.basic(),
            Challenge::Bearer { realm, service } => {
                self.token(place, &realm, &service, login).await?
            }
        };
        self.entries.lock().await.insert(place.key(), entry);
        Ok(())
    }

    /// A token for pulling from one repository. The login is shown to the token server only under
    /// TLS, or when it is the plain registry itself.
    async fn token(
        &self,
        place: &Place<'_>,
        realm: &str,
        service: &str,
        login: Option<&Login>,
    ) -> Result<String, Error> {
        let refused = || Error::Unauthorized { host: place.endpoint.host.clone(), status: 401 };
        let mut url = Url::parse(realm).map_err(|_| refused())?;
        let own = url.scheme() == "http"
            && place.endpoint.plain
            && Url::parse(&place.endpoint.base).is_ok_and(|base| base.host() == url.host());
        if url.scheme() != "https" && !own {
            return Err(refused());
        }
        let scope = format!("repository:{}:pull", place.repository);
        if !service.is_empty() {
            url.query_pairs_mut().append_pair("service", service);
        }
        url.query_pairs_mut().append_pair("scope", &scope);
        let mut request = self.http.get(url.clone());
        if let Some(login) = login {
            request = request.header(AUTHORIZATION, login.basic());
        }
        let read = async {
            let response = request.send().await.map_err(|source| unanswered(&url, source))?;
            if !response.status().is_success() {
                return Err(refused());
            }
            body::whole(response, limits::TOKEN).await
        };
        let answer = self.bounded(&plain(&url), read).await?;
        let token = mvm_plan::images::auth::token(&answer).ok_or_else(refused)?;
        Ok(format!("Bearer {token}"))
    }
}
