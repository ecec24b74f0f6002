//! What a 401 asks for.

/// One way to be let in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Challenge {
    /// Name and password with each request.
    Basic,
    /// A token from `realm`, asked for with `service` and `scopes`.
    Bearer {
        /// The URL of the token server.
        realm: String,
        /// May be empty.
        service: String,
        /// What the registry says that the token has to be for; may be empty.
        scopes: Vec<String>,
    },
}

/// The challenge to meet among the values of WWW-Authenticate: a token before a password, because
/// a registry that offers both gives more with the token. `None` when it asks for something else.
pub fn choose<'h>(headers: impl IntoIterator<Item = &'h str>) -> Option<Challenge> {
    let mut basic = None;
    for header in headers {
        // What stands before a syntax error counts, as it does for Go's clients.
        for challenge in http_auth::parser::ChallengeParser::new(header).map_while(Result::ok) {
            match read(&challenge) {
                Some(Challenge::Basic) => basic = Some(Challenge::Basic),
                Some(bearer) => return Some(bearer),
                None => {}
            }
        }
        // The library wants parameters; registries also send the bare word.
        if header.trim().eq_ignore_ascii_case("basic") {
            basic = Some(Challenge::Basic);
        }
    }
    basic
}

fn read(challenge: &http_auth::ChallengeRef<'_>) -> Option<Challenge> {
    if challenge.scheme.eq_ignore_ascii_case("basic") {
        return Some(Challenge::Basic);
    }
    if !challenge.scheme.eq_ignore_ascii_case("bearer") {
        return None;
    }
    let value = |name: &str| {
        let found = challenge.params.iter().find(|(key, _)| key.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value.to_unescaped()).unwrap_or_default()
    };
    let realm = value("realm");
    let scopes = value("scope").split_whitespace().map(str::to_owned).collect();
    (!realm.is_empty()).then(|| Challenge::Bearer { realm, service: value("service"), scopes })
}
