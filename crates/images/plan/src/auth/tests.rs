use super::{Challenge, Found, Login, Logins, choose, token};

#[test]
fn challenges_are_read() {
    let bearer = |realm: &str, service: &str, scopes: &[&str]| {
        let (realm, service) = (realm.to_owned(), service.to_owned());
        let scopes = scopes.iter().map(|scope| (*scope).to_owned()).collect();
        Some(Challenge::Bearer { realm, service, scopes })
    };
    let (x, basic) = ("https://auth.x/token", Some(Challenge::Basic));
    let long = r#"Bearer realm="https://auth.x/token",service="x, y",scope="repository:a:pull b""#;
    for (headers, expected) in [
        (&[long][..], bearer(x, "x, y", &["repository:a:pull", "b"])),
        (&[r#"bearer Realm="https://auth.x/token""#], bearer(x, "", &[])),
        (&[r#"Bearer realm="https://auth.x/token" , service=r"#], bearer(x, "r", &[])),
        (&["basic"], basic.clone()),
        (&[r#"Basic realm="x""#], basic.clone()),
        (&[r#"Basic realm="x", Bearer realm="https://auth.x/token""#], bearer(x, "", &[])),
        (&["Basic realm=x", "Bearer realm=\"https://auth.x/token\""], bearer(x, "", &[])),
        (&["Negotiate", "Basic realm=x"], basic),
        (&["Negotiate"], None),
        (&["Bearer"], None),
        (&["Bearer service=x"], None),
        (&["Bearer realm=\""], None),
        (&[""], None),
        (&[], None),
    ] {
        assert_eq!(choose(headers.iter().copied()), expected, "{headers:?}");
    }
}

#[test]
fn a_token_has_two_names_and_one_of_them_may_be_empty() {
    for (answer, expected) in [
        (r#"{"token":"t"}"#, Some("t")),
        (r#"{"access_token":"a"}"#, Some("a")),
        (r#"{"token":"t","access_token":"a","expires_in":60}"#, Some("a")),
        (r#"{"token":"","access_token":"a"}"#, Some("a")),
        (r#"{"token":"t","access_token":""}"#, Some("t")),
        (r#"{"token":null,"access_token":"a","issued_at":"2026-11-30T00:00:00Z"}"#, Some("a")),
        (r#"{"token":"a\r\nx: y"}"#, None),
        (r#"{"token":7}"#, None),
        ("{}", None),
        ("<html>", None),
    ] {
        assert_eq!(token(answer.as_bytes()).as_deref(), expected, "{answer}");
    }
}

#[test]
fn logins_are_not_shown() {
    let text = r#"{"auths":{"ghcr.io":{"username":"u","password":"secret"}}}"#;
    let logins = Logins::parse(text).unwrap();
    assert!(matches!(logins.find("ghcr.io", "a/b"), Found::Login(Login::Password { .. })));
    assert!(!format!("{logins:?}").contains("secret"));
    assert_eq!(Logins::parse("{\n secret").unwrap_err(), "line 2, column 2");
}
