//! flintlockd's own configuration file, for what is not on its command line.

use mvm_config::Config;

use crate::units::follows_default_route;

/// Renders `config.yaml`: a token, which a command line would show to everybody, and the parent of
/// macvtaps where it is the interface of the default route. `token` is what stands in
/// [flintlockd] basic-auth-token-file, where the configuration has one.
///
/// # Errors
/// A default route is lacking, in words for people.
pub fn render(
    config: &Config,
    token: Option<&str>,
    default_interface: Option<&str>,
) -> Result<String, String> {
    let mut text = String::new();
    if let Some(token) = token {
        text.push_str(&format!("basic-auth-token: {}\n", yaml_string(token)));
    }
    if follows_default_route(config) {
        let parent = default_interface.ok_or("there is no default route")?;
        text.push_str(&format!("parent-iface: {}\n", yaml_string(parent)));
    }
    Ok(text)
}

/// A double-quoted YAML scalar, which takes JSON's escapes.
fn yaml_string(text: &str) -> String {
    let mut out = String::from("\"");
    for c in text.chars() {
        if matches!(c, '"' | '\\') {
            out.push('\\');
        }
        out.push(c);
    }
    out.push('"');
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use mvm_config::load::{Source, parse};

    fn config(text: &str) -> Config {
        let source = Source { name: "test.toml".to_owned(), text: text.to_owned() };
        parse(&[source]).unwrap().config
    }

    #[test]
    fn a_token_cannot_leave_its_yaml_string() {
        assert_eq!(yaml_string(r#"a"b\c: #d"#), r#""a\"b\\c: #d""#);
    }

    #[test]
    fn the_file_holds_what_the_command_line_does_not() {
        let tap = config("");
        assert_eq!(render(&tap, None, Some("eth0")).unwrap(), "");
        assert_eq!(render(&tap, Some("s"), None).unwrap(), "basic-auth-token: \"s\"\n");
        let text = "[flintlockd]\nprovider = \"cloudhypervisor\"\n[network]\nmode = \"macvtap\"\n";
        let macvtap = config(text);
        assert_eq!(render(&macvtap, None, Some("eth0")).unwrap(), "parent-iface: \"eth0\"\n");
        assert!(render(&macvtap, Some("s"), None).is_err());
    }
}
