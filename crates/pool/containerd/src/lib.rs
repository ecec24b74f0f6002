//! The configuration of containerd-dev, and what must be true of the operator's own.

use std::fmt::Write;
use std::path::PathBuf;

use mvm_config::model::{Instance, LogLevel};
use mvm_config::{Config, places};
use mvm_core::{Finding, catalogue, names};

pub mod imports;

/// Plugins of Kubernetes' CRI under their names of containerd 1.x and 2.x: nobody asks for pods
/// here, and their defaults would claim /etc/cni and ports.
const DISABLED: [&str; 3] =
    ["io.containerd.grpc.v1.cri", "io.containerd.cri.v1.images", "io.containerd.cri.v1.runtime"];

/// The devmapper snapshotter's name, for configurations since version 2 and for directories.
const DEVMAPPER: &str = "io.containerd.snapshotter.v1.devmapper";
/// Who listens, since version 4 of the configuration (containerd 2.3).
const GRPC: &str = "io.containerd.server.v1.grpc";
/// containerd's own default (containerd 1.7 defaults/defaults_linux.go).
const DEFAULT_ROOT: &str = "/var/lib/containerd";

/// Where a containerd keeps what only makes sense together with the pool.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DatabasePaths {
    /// Its devmapper snapshotter's databases.
    pub devmapper: PathBuf,
    /// Its `meta.db`, which lists the snapshots of every namespace.
    pub metadata: PathBuf,
}

impl DatabasePaths {
    /// As `text` has it, the configuration that somebody else gives this containerd, with what it
    /// imports.
    pub fn new(instance: Instance, text: Option<&str>) -> Self {
        let table: Option<toml::Table> = text.and_then(|text| text.parse().ok());
        let path = |value: Option<&toml::Value>| {
            value?.as_str().map(PathBuf::from).filter(|path| path.is_absolute())
        };
        let paths = |table: &toml::Table| {
            let root = path(table.get("root")).unwrap_or_else(|| PathBuf::from(DEFAULT_ROOT));
            let own = path(devmapper(table).and_then(|plugin| plugin.get("root_path")));
            (own.unwrap_or_else(|| root.join(DEVMAPPER)), root)
        };
        let (devmapper, root) = table.as_ref().map_or_else(
            || {
                let root = match instance {
                    Instance::Dedicated => names::CONTAINERD_DEV_ROOT,
                    Instance::System => DEFAULT_ROOT,
                };
                (places::devmapper_root(instance).into(), root.into())
            },
            paths,
        );
        Self { devmapper, metadata: root.join("io.containerd.metadata.v1.bolt/meta.db") }
    }
}

/// The file's version; a file that does not say has the first.
fn version(table: &toml::Table) -> i64 {
    table.get("version").and_then(toml::Value::as_integer).unwrap_or(1)
}

/// The section of the devmapper snapshotter: the first version of the file has its short name,
/// which means nothing in a later one.
pub fn devmapper(table: &toml::Table) -> Option<&toml::Value> {
    let plugins = table.get("plugins")?;
    let short = || plugins.get("devmapper").filter(|_| version(table) < 2);
    plugins.get(DEVMAPPER).or_else(short)
}

/// Where containerd listens. Files before version 4 have it in `[grpc]`, from which containerd 2.3
/// makes the plugin's section where there is none; in version 4 `[grpc]` is not read.
fn address(table: &toml::Table) -> Option<&toml::Value> {
    let old = table.get("grpc").filter(|_| version(table) < 4);
    let plugin = || table.get("plugins")?.get(GRPC)?.get("address");
    old.and_then(|grpc| grpc.get("address")).or_else(plugin)
}

/// The text of /run/mvmhost/containerd-dev.toml. `version = 2` loads on 1.6 to 2.x.
pub fn render(config: &Config) -> String {
    let containerd = &config.containerd;
    let mut out = String::from(
        "# Rendered by mvm-validate from /etc/mvmhost.toml at each start of containerd-dev.\n\
         # To use a file of your own, write it to /etc/containerd/config-dev.toml.\n\
         version = 2\n\
         # containerd 2.2 and later read /etc/containerd/conf.d, which is for the distribution's\n\
         # containerd, unless a file names others. Nothing is in this folder.\n",
    );
    let _ = writeln!(out, "imports = [{}]", string(names::CONTAINERD_DEV_IMPORTS));
    let disabled = DISABLED.map(string).join(", ");
    let level = match containerd.log_level {
        LogLevel::Trace => "trace",
        LogLevel::Debug => "debug",
        LogLevel::Info => "info",
        LogLevel::Warn => "warn",
        LogLevel::Error => "error",
    };
    let metrics = containerd.metrics_address.as_ref().map(ToString::to_string).unwrap_or_default();
    // Writing to a String cannot fail.
    let _ = write!(
        out,
        "root = {root}\nstate = {state}\ndisabled_plugins = [{disabled}]\n\n\
         [grpc]\naddress = {socket}\n\n\
         [debug]\nlevel = {level}\n\n\
         [metrics]\naddress = {metrics}\n\n\
         [plugins.\"io.containerd.snapshotter.v1.devmapper\"]\n\
         pool_name = {pool}\nroot_path = {root_path}\nbase_image_size = {size}\ndiscard_blocks = {discard}\n",
        root = string(names::CONTAINERD_DEV_ROOT),
        state = string(names::CONTAINERD_DEV_STATE),
        socket = string(places::containerd_socket(containerd.instance)),
        level = string(level),
        metrics = string(&metrics),
        pool = string(config.thinpool.name.as_str()),
        root_path = string(places::devmapper_root(containerd.instance)),
        // In bytes, because containerd reads GB as GiB.
        size = string(&format!("{}B", containerd.base_image_size.0)),
        discard = containerd.discard_blocks,
    );
    out
}

/// What is wrong with the operator's own configuration, `text`, for this host.
pub fn check_operator(text: &str, config: &Config) -> Vec<Finding> {
    let file = names::OPERATOR_CONTAINERD_CONFIG;
    let table: toml::Table = match text.parse() {
        Ok(table) => table,
        Err(error) => {
            return vec![
                catalogue::ctrd::operator_config_invalid(file).evidence(error.to_string()),
            ];
        }
    };
    let plugin = if version(&table) < 2 { "devmapper" } else { DEVMAPPER };
    let server = if version(&table) < 4 { "grpc".to_owned() } else { format!("plugins.{GRPC}") };
    let pool = devmapper(&table).and_then(|section| section.get("pool_name"));
    let socket = places::containerd_socket(config.containerd.instance);
    let required = [
        (format!("plugins.{plugin}.pool_name"), pool, config.thinpool.name.as_str()),
        (format!("{server}.address"), address(&table), socket),
    ];
    let differs = required.into_iter().filter_map(|(key, found, expected)| {
        let found = found.and_then(toml::Value::as_str);
        (found != Some(expected)).then(|| {
            catalogue::ctrd::operator_config_differs(file, key, expected)
                .evidence(found.map_or("not set".to_owned(), |found| format!("{found:?}")))
        })
    });
    differs.collect()
}

/// A TOML basic string.
pub fn string(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            c if c.is_control() => {
                let _ = write!(out, "\\u{:04X}", u32::from(c));
            }
            c => out.push(c),
        }
    }
    out.push('"');
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(text: &str) -> Config {
        let source = mvm_config::Source { name: "t".to_owned(), text: text.to_owned() };
        mvm_config::load::parse(&[source]).unwrap().config
    }

    #[test]
    fn the_rendered_file_says_what_the_configuration_says() {
        let config = config("[containerd]\nbase-image-size = \"2GiB\"\nmetrics-address = \"\"\n");
        let table: toml::Table = render(&config).parse().unwrap();
        assert_eq!(table["version"].as_integer(), Some(2));
        assert_eq!(table["metrics"]["address"].as_str(), Some(""));
        let plugin = &table["plugins"]["io.containerd.snapshotter.v1.devmapper"];
        assert_eq!(plugin["pool_name"].as_str(), Some("flintlock-dev-thinpool"));
        assert_eq!(plugin["base_image_size"].as_str(), Some("2147483648B"));
        assert_eq!(plugin["discard_blocks"].as_bool(), Some(true));
        assert_eq!(imports::imports(&table), [names::CONTAINERD_DEV_IMPORTS]);
        assert_eq!(check_operator(&render(&config), &config), []);
    }

    #[test]
    fn an_operators_file_must_fit_the_host() {
        let config = config("");
        let codes = |text: &str| -> Vec<&'static str> {
            check_operator(text, &config).iter().map(Finding::code).collect()
        };
        assert_eq!(codes("version = "), ["MVM-CTRD-001"]);
        assert_eq!(codes(""), ["MVM-CTRD-002"; 2]);
        let other = render(&config).replace("flintlock-dev-thinpool", "other");
        assert_eq!(codes(&other), ["MVM-CTRD-002"]);
    }

    #[test]
    fn an_operators_file_may_be_of_any_version() {
        let config = config("");
        let keys = |text: &str| -> Vec<String> {
            let found = check_operator(text, &config);
            let key = |finding: &Finding| {
                let message = finding.message();
                let (key, _) = message.split_once(": ").unwrap().1.split_once(' ').unwrap();
                key.to_owned()
            };
            found.iter().map(key).collect()
        };
        let grpc =
            format!("[grpc]\naddress = \"{}\"\n", places::containerd_socket(Instance::Dedicated));
        let plugin = grpc.replace("grpc", "plugins.\"io.containerd.server.v1.grpc\"");
        let short = "[plugins.devmapper]\npool_name = \"flintlock-dev-thinpool\"\n";
        let long = short.replace("devmapper", "\"io.containerd.snapshotter.v1.devmapper\"");
        let pool_key = "plugins.io.containerd.snapshotter.v1.devmapper.pool_name";
        let server_key = "plugins.io.containerd.server.v1.grpc.address";
        for fits in [
            format!("{grpc}{short}"),
            format!("version = 1\n{grpc}{short}"),
            format!("version = 3\n{grpc}{long}"),
            // containerd 2.3 takes it from a file of any version.
            format!("version = 3\n{plugin}{long}"),
            format!("version = 4\n{plugin}{long}"),
        ] {
            assert_eq!(keys(&fits), [""; 0], "{fits}");
        }
        assert_eq!(keys("version = 1\n"), ["plugins.devmapper.pool_name", "grpc.address"]);
        // What containerd does not read there.
        assert_eq!(keys(&format!("version = 2\n{grpc}{short}")), [pool_key]);
        assert_eq!(keys(&format!("version = 4\n{grpc}{long}")), [server_key]);
        let moved = plugin.replace("containerd-dev", "containerd");
        assert_eq!(keys(&format!("version = 4\n{moved}{long}")), [server_key]);
    }

    #[test]
    fn what_belongs_to_the_pool_is_where_the_configuration_says() {
        let paths = |instance, text| {
            let DatabasePaths { devmapper, metadata } = DatabasePaths::new(instance, text);
            [devmapper, metadata].map(|path| path.display().to_string())
        };
        let own = [
            "/var/lib/containerd-dev/snapshotter/devmapper",
            "/var/lib/containerd-dev/io.containerd.metadata.v1.bolt/meta.db",
        ];
        assert_eq!(paths(Instance::Dedicated, None), own);
        let rendered = render(&config(""));
        assert_eq!(paths(Instance::Dedicated, Some(&rendered)), own);
        let system = [
            "/var/lib/containerd/io.containerd.snapshotter.v1.devmapper",
            "/var/lib/containerd/io.containerd.metadata.v1.bolt/meta.db",
        ];
        for text in [None, Some(""), Some("version ="), Some("root = \"here\"")] {
            assert_eq!(paths(Instance::System, text), system, "{text:?}");
        }
        let moved = "root = \"/srv/c\"\n[plugins.\"io.containerd.snapshotter.v1.devmapper\"]\n";
        let below = "/srv/c/io.containerd.snapshotter.v1.devmapper";
        let metadata = "/srv/c/io.containerd.metadata.v1.bolt/meta.db";
        assert_eq!(paths(Instance::System, Some(moved)), [below, metadata]);
        let configured = format!("{moved}root_path = \"/srv/d\"\n");
        assert_eq!(paths(Instance::System, Some(&configured)), ["/srv/d", metadata]);
        let old = "[plugins.devmapper]\nroot_path = \"/srv/d\"\n";
        assert_eq!(paths(Instance::System, Some(old)), ["/srv/d", system[1]]);
    }

    #[test]
    fn a_string_cannot_end_itself() {
        for text in ["a\"b", "a\\", "a\nb", "\u{7f}"] {
            let table: toml::Table = format!("x = {}", string(text)).parse().unwrap();
            assert_eq!(table["x"].as_str(), Some(text));
        }
    }
}
